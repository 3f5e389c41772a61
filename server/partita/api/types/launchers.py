"""What launches runs."""

from typing import Annotated, Union

import strawberry

from partita.api.launchers import ShownUser
from partita.api.types.automations import Schedule, Sensor
from partita.api.types.backfills import Backfill
from partita.api.types.fields import shown, shows


@strawberry.type(description="Somebody who launched a run.")
@shows(ShownUser)
class User:
    """Somebody who launched a run."""

    name: str = shown("The name.")


Launcher = Annotated[Union[User, Schedule, Sensor, Backfill], strawberry.union("Launcher", description="What launched a run.")]  # noqa: UP007 (strawberry wants it so)
