"""Remembers: runs, events, assets, locations, leases, in one database. Only this package imports SQLAlchemy."""
