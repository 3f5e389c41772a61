"""What an asset's condition has come to, and whether the asset is fresh, in lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from partita_client.tui.render.states import mark
from partita_client.tui.render.text import Line, ago, clock, count, fit, plain, until
from partita_client.tui.store.run_rows import short_id

if TYPE_CHECKING:
    from partita_client.models import AssetFreshness, ConditionEvaluation, TuiAssetDetailAsset

LABEL = 18
MOST_KEYS = 3


def condition_lines(told: TuiAssetDetailAsset, now: datetime) -> Iterator[Line]:
    """The condition, the newest evaluation with its reasons, and the older ones."""
    yield ((fit("condition", LABEL), "dim"), (plain(told.condition or "–"), "strong"))
    if told.condition_status is not None and told.condition_status.value == "off":
        yield ((fit("", LABEL), ""), ("switched off: the daemon does not act on it", "warning"))
    evaluations = told.condition_evaluations.nodes
    if not evaluations:
        yield (("It has not asked for anything so far.", "dim"),)
        return
    for place, each in enumerate(evaluations):
        yield (("", ""),)
        yield _headline(each, now)
        if each.error is not None:
            yield (("    ", ""), (plain(each.error.message, 300), "failed"))
        if place == 0:
            yield from _reasons(each)


def freshness_line(freshness: AssetFreshness, now: datetime) -> Line:
    """Whether the asset is fresh, and for how long."""
    glyph, _, style = mark("asset", "materialized" if freshness.is_fresh else "stale")
    if freshness.fails_at is not None:
        word = f"fresh, too old {until(freshness.fails_at, now)}"
    elif freshness.changed_at is not None:
        word = f"too old for {ago(freshness.changed_at, now)}"
    else:
        word = "never written"
    return ((fit("freshness", LABEL), "dim"), (f"{glyph} {word}", style), (f"  {plain(freshness.policy, 100)}", "dim"))


def _headline(each: ConditionEvaluation, now: datetime) -> Line:
    keys = [plain(key, 40) for key in each.partition_keys]
    asked = ", ".join(keys[:MOST_KEYS]) + (f" and {count(each.partition_count - MOST_KEYS)} more" if len(keys) > MOST_KEYS else "")
    runs = [(f"  {short_id(run.id)} {run.status.value}", "accent") for run in each.runs[:MOST_KEYS]]
    more = [(f"  and {count(len(each.runs) - MOST_KEYS)} more runs", "dim")] if len(each.runs) > MOST_KEYS else []
    return ((clock(each.at, now), "title"), (f"  {ago(each.at, now)} ago", "dim"), (f"  {asked}" if asked else "", ""), *runs, *more)


def _reasons(each: ConditionEvaluation) -> Iterator[Line]:
    is_cut = bool(each.partition_keys)
    for reason in each.reasons:
        is_true = reason.partition_count > 0
        glyph, style = ("●", "ok") if is_true else ("○", "missing")
        how_many = f"  {count(reason.partition_count)}" if is_cut and is_true else ""
        indent = "  " * (reason.depth + 1)
        yield (
            (f"{indent}{glyph} ", style),
            (plain(reason.label, 200), "" if is_true else "dim"),
            (f"  {plain(reason.subject, 100)}{how_many}", "dim"),
        )
