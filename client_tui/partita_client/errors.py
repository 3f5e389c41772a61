"""What can go wrong when a program talks to a server.

```
PartitaClientError
├── ConnectionFailedError    the server cannot be reached, or went away for longer than the client's patience
├── RequestRefusedError      the server answered no: it says why, and with which code
├── RunFailedError           the run that was waited for did not succeed
├── TimedOutError            what was waited for takes longer than the caller wanted to wait
└── UnexpectedAnswerError    the answer does not fit this client: client and server are of different ages
```

`code` is a word of the API's closed lists (`NOT_FOUND`, `BAD_USER_INPUT`, ...) or one of the client's own below.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partita_client.models import AnyMutationError, BackfillRecord, PythonError, RunRecord


def did_you_mean(name: str, known: Collection[str]) -> str:
    """A question for the nearest known name, to stand after a full stop; nothing where none is near."""
    close = get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


class PartitaClientError(Exception):
    """The root of every error that the client raises on purpose."""

    def __init__(self, message: str, *, code: str, path: Sequence[str] = (), errors: Sequence[Any] = ()) -> None:
        self.message = message
        """The sentence shown to a person: what, where, and what to do."""
        self.code = code
        """A stable word to branch on."""
        self.path = tuple(path)
        """Where in the request the trouble is, outermost name first; empty when it is not in one place."""
        self.errors = tuple(errors)
        """Every single error as the server told it, when there are several or they carry more."""
        super().__init__(message)


class ConnectionFailedError(PartitaClientError, ConnectionError):
    """No server answers at the address, or the connection was lost and did not come back in time."""

    def __init__(self, url: str, problem: str) -> None:
        self.url = url
        super().__init__(
            f"No Partita server answers at {url}: {problem}. Start one with `partita dev`, or say where it is with PARTITA_URL or Client(url).",
            code="CONNECTION_FAILED",
        )


class RequestRefusedError(PartitaClientError):
    """The server refused the request; nothing was done."""

    @classmethod
    def of_payload(cls, errors: Sequence[AnyMutationError]) -> RequestRefusedError:
        """The errors of a mutation's payload as one exception."""
        first = errors[0]
        message = "\n".join(error.message for error in errors)
        return cls(message, code=first.code.upper(), path=first.path or (), errors=errors)

    @classmethod
    def of_response(cls, errors: Sequence[Mapping[str, Any]]) -> RequestRefusedError:
        """The top-level errors of a GraphQL response as one exception."""
        first = errors[0]
        extensions = first.get("extensions") or {}
        message = "\n".join(str(error.get("message", error)) for error in errors)
        if request_id := extensions.get("requestId"):
            message += f" (request {request_id} in the server's log)"
        path = [str(part) for part in first.get("path") or ()]
        return cls(message, code=str(extensions.get("code", "INTERNAL_SERVER_ERROR")), path=path, errors=errors)

    @classmethod
    def not_found(cls, kind: str, name: str, known: Sequence[str] = ()) -> RequestRefusedError:
        """No such thing; the nearest of the `known` names is suggested."""
        return cls(f"There is no {kind} {name!r}.{did_you_mean(name, known)}", code="NOT_FOUND")


class RunFailedError(PartitaClientError):
    """The run ended, and not well."""

    def __init__(self, run: RunRecord, error: PythonError | None) -> None:
        self.run = run
        """Its record, as it ended."""
        self.error = error
        """What stopped it: its own error, else that of the first step that failed; None when it was cancelled."""
        how = "was canceled" if run.status == "canceled" else f"has {run.status}"
        why = f": {error.class_name}: {error.message}" if error else ""
        super().__init__(f"Run {run.id} {how}{why}", code="RUN_CANCELED" if run.status == "canceled" else "RUN_FAILED")


class BackfillFailedError(PartitaClientError):
    """The backfill ended, and not all of it succeeded."""

    def __init__(self, backfill: BackfillRecord) -> None:
        self.backfill = backfill
        """Its record, as it ended."""
        is_canceled = backfill.status == "canceled"
        why = f": {backfill.error.message}" if backfill.error else ""
        how = "was canceled" if is_canceled else f"has {backfill.status}"
        super().__init__(f"Backfill {backfill.id} {how}{why}", code="BACKFILL_CANCELED" if is_canceled else "BACKFILL_FAILED")


class TimedOutError(PartitaClientError, TimeoutError):
    """The caller's time is over; what was waited for goes on by itself."""

    def __init__(self, what: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"{what} takes longer than {seconds:g} s; it goes on.", code="TIMED_OUT")


class UnexpectedAnswerError(PartitaClientError):
    """The server's answer is not what its schema promised when this client was made."""

    def __init__(self, what: str, problem: str) -> None:
        super().__init__(
            f"The server's answer to {what} does not fit this client ({problem}). Use a client of the server's version: see client.server().version.",
            code="UNEXPECTED_ANSWER",
        )
