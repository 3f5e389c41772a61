"""Log files are read piece by piece, and no character is ever cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita.api.logs import read_chunk
from partita.execution.printed import trim


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


KIB = 1024


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """A file of 1 MiB of numbered lines, of which 256 KiB are to be kept."""
    path = tmp_path / "long"
    path.write_bytes(b"".join(b"%07d\n" % number for number in range(128 * KIB)))
    if not trim(path, limit=256 * KIB):
        pytest.skip("this file system keeps no holes")
    return path


def read_all(path: Path, *, size: int) -> tuple[str, list[int]]:
    text, starts = "", [0]
    while True:
        chunk = read_chunk(path, start=starts[-1], size=size, has_ended=True)
        text += chunk.text
        if chunk.is_complete:
            return text, starts
        assert chunk.next_byte > starts[-1]
        starts.append(chunk.next_byte)


@pytest.mark.parametrize("size", [1000, 64 * KIB, 10 * KIB * KIB])
def test_the_middle_of_a_long_output_is_left_out_and_said_to_be(long: Path, size: int) -> None:
    text, _ = read_all(long, size=size)

    first, _, rest = text.partition("\n[")
    left_out, _, last = rest.partition(" bytes are left out here: the output was too long to be kept whole]\n")
    assert first.startswith("0000000\n0000001\n")
    assert last.endswith("0131071\n")
    assert len(first) + int(left_out.replace(",", "")) + len(last) == 1024 * KIB
    assert long.stat().st_blocks * 512 <= 160 * KIB


def test_offsets_stay_when_more_is_left_out(long: Path) -> None:
    near_the_end = read_chunk(long, start=1024 * KIB - 8, size=100, has_ended=False)
    with long.open("ab") as file:
        file.write(b"".join(b"%07d\n" % number for number in range(128 * KIB, 256 * KIB)))

    assert trim(long, limit=256 * KIB)
    assert near_the_end.text == "0131071\n"
    gone = read_chunk(long, start=1024 * KIB - 8, size=100, has_ended=False)
    assert "left out" in gone.text
    text, _ = read_all(long, size=64 * KIB)
    assert text.count("left out") == 1
    assert text.endswith("0262143\n")


def test_what_is_short_enough_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "short"
    path.write_bytes(b"x" * 100 * KIB)

    assert not trim(path, limit=256 * KIB)
    assert not trim(tmp_path / "missing", limit=256 * KIB)
    assert path.read_bytes() == b"x" * 100 * KIB
