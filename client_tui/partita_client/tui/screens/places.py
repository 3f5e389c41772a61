"""Which screen shows which place."""

from __future__ import annotations

from partita_client.tui.screens.asset import AssetScreen
from partita_client.tui.screens.assets import AssetsScreen
from partita_client.tui.screens.automation import AutomationScreen
from partita_client.tui.screens.automation_detail import AutomationDetailScreen
from partita_client.tui.screens.backfill import BackfillScreen
from partita_client.tui.screens.backfills import BackfillsScreen
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.health import HealthScreen
from partita_client.tui.screens.overview import OverviewScreen
from partita_client.tui.screens.run import RunScreen
from partita_client.tui.screens.runs import RunsScreen
from partita_client.tui.screens.workspace import WorkspaceScreen

ROOTS: dict[str, type[PlaceScreen]] = {
    "overview": OverviewScreen,
    "assets": AssetsScreen,
    "runs": RunsScreen,
    "automation": AutomationScreen,
    "backfills": BackfillsScreen,
    "workspace": WorkspaceScreen,
    "health": HealthScreen,
}
"""The list of each section."""
DETAILS: dict[str, type[PlaceScreen]] = {
    "assets": AssetScreen,
    "runs": RunScreen,
    "automation": AutomationDetailScreen,
    "backfills": BackfillScreen,
}
"""One thing of a section; sections that are missing show it in their list."""
