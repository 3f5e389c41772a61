"""Packets with file descriptors between processes of one machine.

The sockets are SOCK_SEQPACKET: a packet arrives whole or not at all, so neither a signal handler that raises nor a
process killed in the middle can leave half of one behind, and threads need no lock. What is too long for a packet
travels in a memfd.
"""

from __future__ import annotations

import array
import os
import socket
from collections.abc import Sequence
from typing import NamedTuple

INLINE = 48 << 10
"""Bytes sent in the packet itself: a packet must fit into the socket's send buffer, 208 KB where nobody changed it."""
MAX_BODY = 64 << 20
"""Bytes of one message; a process that sends more is talking nonsense and is ended."""
MAX_FDS = 8
_IN_PACKET, _IN_FILE = b"p", b"f"


class Message(NamedTuple):
    """A message as it arrived; its receiver owns the descriptors."""

    body: bytes
    fds: list[int]


class NonsenseError(Exception):
    """What came over the socket is not a message of ours."""


def connection() -> tuple[socket.socket, socket.socket]:
    """The two ends of a new connection."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(to: socket.socket, body: bytes, *, fds: Sequence[int] = ()) -> None:
    """Send a message whole, or not at all when this raises.

    Raises:
        ValueError: it is longer than any message may be.
        BlockingIOError: the socket does not block and its buffer is full.
        ConnectionError: nobody is at the other end.
    """
    if len(body) <= INLINE:
        _send_packet(to, _IN_PACKET + body, fds)
        return
    if len(body) > MAX_BODY:
        raise ValueError(f"A message of {len(body):,} bytes is longer than the {MAX_BODY:,} that fit.")
    file = to_memfd(body)
    try:
        _send_packet(to, _IN_FILE, [*fds, file])
    finally:
        os.close(file)


def receive(source: socket.socket) -> Message | None:
    """The next message; None when the other end is closed.

    Raises:
        BlockingIOError: the socket does not block and nothing has arrived.
        NonsenseError: what arrived is no message.
    """
    try:
        # Without the flag, programs that user code starts would inherit the descriptors.
        packet, ancillary, flags, _ = source.recvmsg(INLINE + 1, socket.CMSG_SPACE(MAX_FDS * 4), socket.MSG_CMSG_CLOEXEC)
    except ConnectionError:
        return None
    if not packet:
        return None
    fds = _descriptors(ancillary)
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC) or packet[:1] not in {_IN_PACKET, _IN_FILE}:
        close_all(fds)
        raise NonsenseError
    if packet[:1] == _IN_PACKET:
        return Message(packet[1:], fds)
    if not fds:
        raise NonsenseError
    file = fds.pop()
    try:
        return Message(read_file(file), fds)
    except NonsenseError:
        close_all(fds)
        raise
    finally:
        os.close(file)


def to_memfd(body: bytes) -> int:
    """A descriptor from which `body` can be read; it lives in memory only."""
    file = os.memfd_create("partita")
    with open(file, "wb", closefd=False) as stream:
        stream.write(body)
    return file


def read_file(file: int) -> bytes:
    """All that stands in a descriptor made by `to_memfd`, wherever its position is.

    Raises:
        NonsenseError: it is longer than any message may be.
    """
    size = os.fstat(file).st_size
    if size > MAX_BODY:
        raise NonsenseError
    parts: list[bytes] = []
    offset = 0
    while part := os.pread(file, min(size - offset, 1 << 20), offset):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def close_all(fds: Sequence[int]) -> None:
    """Close descriptors that are ours."""
    for fd in fds:
        os.close(fd)


def _send_packet(to: socket.socket, packet: bytes, fds: Sequence[int]) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    to.sendmsg([packet], rights, socket.MSG_NOSIGNAL)


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    found = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(content[: len(content) - len(content) % found.itemsize])
    return list(found)
