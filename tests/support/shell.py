"""Typing `partita` commands without starting a process for each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from partita.cli.main import main


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


class Shell:
    """Runs commands in this process, which is quick; what they print and their exit code are those of a process of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: str, cwd: Path | None = None, **environ: str) -> Done:
        """The command, run to its end."""
        with self._monkeypatch.context() as patch:
            for name in ("PARTITA_URL", "PARTITA_HOME", "PARTITA_TOKEN"):
                patch.delenv(name, raising=False)
            for name, value in environ.items():
                patch.setenv(name, value)
            if cwd is not None:
                patch.chdir(cwd)
            with pytest.raises(SystemExit) as ended:
                main(list(arguments))
        printed = self._capsys.readouterr()
        return Done(code=int(ended.value.code or 0), out=printed.out, err=printed.err)

    def refusal(self, *arguments: str, cwd: Path | None = None, code: int = 2) -> str:
        """What a command says on standard error when it ends with `code`."""
        done = self(*arguments, cwd=cwd)
        assert done.code == code, done.out + done.err
        assert done.out == ""
        assert "Traceback" not in done.err
        return done.err
