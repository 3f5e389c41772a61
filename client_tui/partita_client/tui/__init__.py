"""The terminal app. `import partita_client` never loads it; only this package imports Textual."""
