"""What launches runs and starts backfills."""

from typing import Annotated, Any, Union, cast

import strawberry

from partita.api.launchers import ShownUser
from partita.api.types.automations import Schedule, Sensor
from partita.api.types.fields import BACKFILL, CONDITION_EVALUATION, shown, shows


@strawberry.type(description="Somebody who launched a run or started a backfill.")
@shows(ShownUser)
class User:
    """Somebody who launched a run or started a backfill."""

    name: str = shown("The name.")


_Any: Any = cast("Any", Union)[User, Schedule, Sensor, BACKFILL, CONDITION_EVALUATION]
Launcher: Any = Annotated[_Any, strawberry.union("Launcher", description="What launched a run or started a backfill.")]
