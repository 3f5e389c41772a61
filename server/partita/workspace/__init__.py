"""Which code locations there are, what they declare, and the settings of the whole."""
