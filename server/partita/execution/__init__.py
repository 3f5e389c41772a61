"""Doing what a plan says: calling user code, in this process or in others. Knows nothing of storage."""
