"""What exists: specs, the functions beside them, and the algebra over both. Pure: no clock, no I/O, no environment."""
