"""Deciding when something runs, and seeing it through: joins planning, execution and storage."""
