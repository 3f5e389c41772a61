"""What happened: runs, events, changes, asset state. Pure values; storage remembers them."""
