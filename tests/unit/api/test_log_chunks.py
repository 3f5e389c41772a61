"""Log files are read piece by piece, and no character is ever cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita.api.logs import read_chunk


@pytest.mark.parametrize("size", [4, 5, 7, 64])
def test_pieces_joined_are_the_whole(tmp_path: Path, size: int) -> None:
    path = tmp_path / "log"
    text = "aé漢🙂" * 50
    path.write_bytes(text.encode())
    read, start = "", 0
    while True:
        chunk = read_chunk(path, start=start, size=size, has_ended=True)
        read, start = read + chunk.text, chunk.next_byte
        if chunk.is_complete:
            break

    assert read == text


def test_bytes_that_are_no_text_are_shown_as_replacements(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(bytes(range(256)))

    chunk = read_chunk(path, start=0, size=1000, has_ended=True)

    assert chunk.is_complete
    assert chunk.next_byte == 256
    assert "�" in chunk.text


def test_a_character_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes("ok 🙂".encode()[:-1])

    growing = read_chunk(path, start=0, size=100, has_ended=False)
    ended = read_chunk(path, start=0, size=100, has_ended=True)

    assert (growing.text, growing.next_byte, growing.is_complete) == ("ok ", 3, False)
    assert ended.is_complete
    assert ended.text.startswith("ok ")


def test_a_file_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    chunk = read_chunk(tmp_path / "log", start=0, size=100, has_ended=False)

    assert (chunk.text, chunk.next_byte, chunk.is_complete) == ("", 0, False)


def test_what_follows_the_end_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"abc")

    chunk = read_chunk(path, start=10, size=100, has_ended=True)

    assert (chunk.text, chunk.next_byte, chunk.is_complete) == ("", 10, True)
