"""Alerts: what people are told of without asking."""

from datetime import datetime

import strawberry
from strawberry import Parent

from partita.api.context import Info
from partita.api.scalars import Duration
from partita.api.types.enums import AlertKind, AlertStatus
from partita.api.types.fields import RUN, maybe, resolved, shown, shows
from partita.api.types.node import Node
from partita.records import alerts
from partita.records.runs import Run


@strawberry.type(description="What somebody is to be told, or was, by one rule.")
@shows(alerts.Alert)
class Alert(Node):
    """What somebody is to be told."""

    rule: str = shown("The name of the rule.")
    kind: AlertKind = shown("What it is about.")
    subject: str = shown("What exactly: the same again is the same subject.")
    title: str = shown("What has happened, in one line.")
    details: list[str] = shown("What there is to say of it, of the first few times.")
    at: datetime = shown("When it first happened, or began.")
    last_at: datetime = shown("When it last happened.")
    count: int = shown("How often it happened, or was told again.")
    status: AlertStatus = shown("Whether people were told.")
    due_at: datetime | None = shown("When it is to be sent; null when it is not.")
    sent_at: datetime | None = shown("When somebody was last told; null when nobody was.")
    waiting_for: list[str] = shown("The targets that still have to be told.")
    attempts: int = shown("How often a target has refused it.")
    error: str | None = shown("Why a target has last refused it; null when none has.")
    is_open: bool = shown("Whether what it tells of goes on.")
    is_end: bool = shown("Whether it tells that something is over.")
    ended_at: datetime | None = shown("When what went on was over; null when it is not, or just happened.")

    @resolved("The first run that it is about; null when it is about none, or that was deleted.", type=maybe(RUN))
    @staticmethod
    async def run(alert: Parent[alerts.Alert], info: Info) -> Run | None:
        """The run."""
        return await info.context.loaders.run(alert.run_id)


@strawberry.type(description="A rule of the settings: who is told of what, and how often.")
@shows(alerts.AlertRule)
class AlertRule:
    """A rule of the settings."""

    name: str = shown("Its name.")
    kinds: list[AlertKind] = shown("What it tells of.", "on")
    only: list[str] = shown("Patterns of names, of which one must fit; empty: whatever the name.")
    targets: list[str] = shown("Who is told, by names that hold no passwords.")
    limit: int = shown("Messages in an hour; what is more is told together later.")
    is_end_told: bool = shown("Whether the end of what went on is told too.", "tells_end")

    @resolved("For so long the same is not told again.")
    @staticmethod
    def quiet(rule: Parent[alerts.AlertRule]) -> Duration:
        """Its quiet time."""
        return Duration(rule.quiet.total_seconds())

    @resolved("What goes on is told again this often; null: once.")
    @staticmethod
    def repeat(rule: Parent[alerts.AlertRule]) -> Duration | None:
        """How often it tells again."""
        return None if rule.repeat is None else Duration(rule.repeat.total_seconds())
