"""Every sign that is drawn, and what stands for it on a terminal that has only ASCII."""

from __future__ import annotations

_ASCII = {
    # states
    "✓": "+", "✗": "x", "▓": "#", "◌": "o", "◷": "~", "⏹": "=", "⏸": ":", "–": "-", "⚠": "!", "↻": "@", "○": "o", "●": "*", "◉": "*",
    "■": "#", "□": "_", "▒": ":", "░": ".", "·": ".", "◇": "v", "⋯": ".",
    # lines
    "│": "|", "─": "-", "╭": ".", "╮": ".", "╰": "`", "╯": "'", "├": "+", "┤": "+", "┬": "+", "┴": "+", "┼": "+", "┃": "|", "╌": "-",
    # pointers
    "▶": ">", "▸": ">", "▾": "v", "▴": "^", "▲": "^", "▼": "v", "▌": ">", "→": ">", "←": "<", "↑": "^", "↓": "v", "↵": "<",
    # bars: an eighth is either drawn or not
    "█": "#", "▉": "#", "▊": "#", "▋": "#", "▍": "-", "▎": "-", "▏": "|",
    "▁": "_", "▂": "_", "▃": "-", "▄": "-", "▅": "=", "▆": "=", "▇": "#",
    # text
    "…": "~", "⏎": "\\", "×": "x", "◆": "*",
}  # fmt: skip
_TABLE = str.maketrans(_ASCII)


def to_ascii(text: str) -> str:
    """`text` with our signs replaced, one cell for one cell; what the user's own text holds beside them is kept."""
    return text.translate(_TABLE)
