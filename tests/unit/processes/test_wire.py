"""Messages between processes arrive whole, with their descriptors, or not at all."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.execution import wire

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    near, far = wire.connection()
    near.setblocking(False)
    with near, far:
        yield near, far


@pytest.mark.parametrize("size", [0, 1, wire.INLINE - 1, wire.INLINE, wire.INLINE + 1, 5_000_000])
def test_a_message_of_any_size_arrives_as_it_was_sent(pair: Pair, size: int) -> None:
    near, far = pair
    body = os.urandom(size)

    wire.send(far, body)
    message = wire.receive(near)

    assert message is not None
    assert (message.body == body, message.fds) == (True, [])


def test_messages_arrive_in_order(pair: Pair) -> None:
    near, far = pair

    for number in range(100):
        wire.send(far, str(number).encode())

    assert [_body(near) for _ in range(100)] == [str(number).encode() for number in range(100)]


@pytest.mark.parametrize("body", [b"small", b"l" * 100_000])
def test_descriptors_come_with_a_message_and_are_not_inherited_by_programs(pair: Pair, tmp_path: Path, body: bytes) -> None:
    near, far = pair
    (tmp_path / "file").write_text("content")
    with (tmp_path / "file").open() as file:
        wire.send(far, body, fds=[file.fileno()])

    message = wire.receive(near)

    assert message is not None
    [fd] = message.fds
    assert not os.get_inheritable(fd)
    with os.fdopen(fd) as received:
        assert received.read() == "content"


def test_a_message_that_is_too_long_is_refused_by_its_sender(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_BODY", 1000)

    with pytest.raises(ValueError, match="100,000 bytes"):
        wire.send(pair[1], b"x" * 100_000)


def test_a_message_that_is_too_long_is_nonsense_to_its_receiver(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    near, far = pair
    wire.send(far, b"x" * 100_000)
    monkeypatch.setattr(wire, "MAX_BODY", 1000)

    with pytest.raises(wire.NonsenseError):
        wire.receive(near)


@pytest.mark.parametrize("packet", [b"x", b"f", b"p" + b"." * (wire.INLINE + 1)])
def test_what_is_no_message_is_refused_and_leaves_no_descriptor(pair: Pair, packet: bytes) -> None:
    near, far = pair
    before = open_descriptors()
    far.send(packet)

    with pytest.raises(wire.NonsenseError):
        wire.receive(near)

    assert open_descriptors() == before


def test_too_many_descriptors_are_nonsense(pair: Pair) -> None:
    near, far = pair
    before = open_descriptors()
    wire.send(far, b"many", fds=[0] * (wire.MAX_FDS + 4))

    with pytest.raises(wire.NonsenseError):
        wire.receive(near)

    assert open_descriptors() == before


def test_nothing_yet_and_nothing_ever_again_are_told_apart(pair: Pair) -> None:
    near, far = pair
    with pytest.raises(BlockingIOError):
        wire.receive(near)

    far.close()

    assert wire.receive(near) is None


def test_sending_to_nobody_raises(pair: Pair) -> None:
    near, far = pair
    near.close()

    with pytest.raises(ConnectionError):
        wire.send(far, b"anybody?")


def test_a_full_socket_does_not_take_half_a_message(pair: Pair) -> None:
    near, far = pair
    sent = 0
    while not _is_refused(near):
        sent += 1

    far.setblocking(False)
    assert [len(_body(far)) for _ in range(sent)] == [10_000] * sent
    with pytest.raises(BlockingIOError):
        wire.receive(far)


def _is_refused(near: socket.socket) -> bool:
    try:
        wire.send(near, b"x" * 10_000)
    except BlockingIOError:
        return True
    return False


def open_descriptors() -> int:
    """How many this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


def _body(source: socket.socket) -> bytes:
    message = wire.receive(source)
    assert message is not None
    return message.body
