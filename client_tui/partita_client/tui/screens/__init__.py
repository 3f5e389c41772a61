"""One module for each screen, and what frames them all."""
