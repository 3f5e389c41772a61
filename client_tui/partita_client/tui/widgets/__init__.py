"""Widgets that draw their own lines: what they show may be a hundred thousand rows long, and is never read as markup."""
