"""What a process is to run: a plan, or steps of it, and what it must know of the run."""

from __future__ import annotations

import msgspec

from partita.planning.plan import Plan, Produced


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="run", tag_field="order"):
    """Run these steps of this plan."""

    run_id: str
    job: str | None
    repository: str
    location: str
    plan: Plan
    steps: dict[str, int] | None
    """Step keys, each with the number of the attempt at it; None: walk the whole plan in this process."""
    produced: tuple[Produced, ...] = ()
    """Outputs that steps before have produced, for fan-in over optional ones, and the items of dynamic ones."""
    reused: tuple[str, ...] = ()
    """Steps taken over from the run that this one resumes."""
    output_runs: dict[str, str] = {}
    """Step key to the id of the run whose stored outputs count: differs from `run_id` for reused steps."""
    tags: dict[str, str] = {}
    values_url: str
    """Where the default IO manager keeps values: a directory."""
    logs_directory: str
    """Where stdout and stderr of each step and attempt go."""
    env: dict[str, str] = {}
