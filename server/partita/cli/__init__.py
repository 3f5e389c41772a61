"""The command line: it starts the services, and speaks to a running server through the client."""
