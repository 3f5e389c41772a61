"""What the app knows of the server, and what of it a screen shows. Pure: no Textual, no network, no clock."""
