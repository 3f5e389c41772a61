"""What is drawn, as plain values: rows of (text, style name). Pure: no clock, no terminal, no Textual."""
