"""Which screen shows which place; each is imported when it is first seen, so that the first frame does not wait for the others."""

from __future__ import annotations

from partita_client.tui.screens.base import PlaceScreen


def root_of(section: str) -> type[PlaceScreen]:
    """The list of a section."""
    match section:
        case "overview":
            from partita_client.tui.screens.overview import OverviewScreen

            return OverviewScreen
        case "assets":
            from partita_client.tui.screens.assets import AssetsScreen

            return AssetsScreen
        case "runs":
            from partita_client.tui.screens.runs import RunsScreen

            return RunsScreen
        case "automation":
            from partita_client.tui.screens.automation import AutomationScreen

            return AutomationScreen
        case "backfills":
            from partita_client.tui.screens.backfills import BackfillsScreen

            return BackfillsScreen
        case "workspace":
            from partita_client.tui.screens.workspace import WorkspaceScreen

            return WorkspaceScreen
        case "health":
            from partita_client.tui.screens.health import HealthScreen

            return HealthScreen
        case _:
            raise AssertionError(f"There is no section {section!r}.")


def detail_of(section: str) -> type[PlaceScreen] | None:
    """The screen of one thing of a section; None for sections that show it in their list."""
    match section:
        case "assets":
            from partita_client.tui.screens.asset import AssetScreen

            return AssetScreen
        case "runs":
            from partita_client.tui.screens.run import RunScreen

            return RunScreen
        case "automation":
            from partita_client.tui.screens.automation_detail import AutomationDetailScreen

            return AutomationDetailScreen
        case "backfills":
            from partita_client.tui.screens.backfill import BackfillScreen

            return BackfillScreen
        case _:
            return None
