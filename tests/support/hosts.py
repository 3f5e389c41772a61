"""Several hosts on one machine: network namespaces, each with an address and a cable that can be pulled."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Host:
    """A network namespace beside that of the test."""

    name: str
    address: str
    here: str
    """The test's end of the cable, which has an address of its own."""
    server: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """What a command begins with to run there."""
        return ("ip", "netns", "exec", self.name)

    def unplug(self) -> None:
        """Pull the cable: nothing goes through, and nobody is told."""
        _run("ip", "link", "set", self.here, "down")

    def plug(self) -> None:
        """Put it back."""
        _run("ip", "link", "set", self.here, "up")


def can_make_hosts() -> bool:
    """Whether this machine and this user may."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"partita-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return False
    _run("ip", "netns", "del", name)
    return True


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """So many hosts, each connected with the test's alone."""
    made: list[Host] = []
    number = os.getpid() % 200
    try:
        for place in range(count):
            host = Host(f"partita-{os.getpid()}-{place}", f"10.{number}.{place}.2", f"pt{os.getpid() % 100000}-{place}", f"10.{number}.{place}.1")
            far = f"{host.here}f"
            _run("ip", "netns", "add", host.name)
            made.append(host)
            _run("ip", "link", "add", host.here, "type", "veth", "peer", "name", far)
            _run("ip", "link", "set", far, "netns", host.name)
            _run("ip", "addr", "add", f"{host.server}/24", "dev", host.here)
            _run("ip", "link", "set", host.here, "up")
            _run(*host.prefix, "ip", "addr", "add", f"{host.address}/24", "dev", far)
            _run(*host.prefix, "ip", "link", "set", far, "up")
            _run(*host.prefix, "ip", "link", "set", "lo", "up")
        yield made
    finally:
        for host in made:
            subprocess.run(["ip", "netns", "del", host.name], capture_output=True, check=False)
            subprocess.run(["ip", "link", "del", host.here], capture_output=True, check=False)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
