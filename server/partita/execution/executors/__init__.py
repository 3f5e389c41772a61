"""How the steps of a plan run in one process: one after another, or beside each other."""
