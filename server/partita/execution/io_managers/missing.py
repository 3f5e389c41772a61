"""What is said when a value that a step needs was never stored."""

from __future__ import annotations

from partita.definitions.io import InputContext
from partita.errors import InputMissingError


def missing_input(context: InputContext, where: str) -> InputMissingError:
    """The error that names what is missing, where it was looked for, and what to do."""
    if context.asset_key is None:
        upstream = context.upstream
        step = upstream.step_key if upstream is not None else "?"
        return InputMissingError(
            f"Output {context.output!r} of step {step!r} was never stored, and input {context.name!r} of {context.step_key!r} needs it; "
            f"looked in {where}. Execute {step!r} in the same run, or re-execute a run that did."
        )
    partition = f" for partition {context.partition_key!r}" if context.partition_key is not None else ""
    return InputMissingError(
        f"Asset {str(context.asset_key)!r} has no stored value{partition}, and input {context.name!r} of {context.step_key!r} needs it; "
        f"looked in {where}. Materialize {str(context.asset_key)!r}{partition} first, or in the same run."
    )
