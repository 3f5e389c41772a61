"""What to do next, decided from specs and records. Pure: the clock is an argument."""
