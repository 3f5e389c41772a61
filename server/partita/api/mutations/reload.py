"""Loading the code of a code location anew."""

from __future__ import annotations

from partita.api.context import Context
from partita.api.ids import LOCATION, decode_id
from partita.api.mutations.answers import Reloaded
from partita.api.mutations.requests import Refused, check_texts
from partita.api.problems import problems_of
from partita.api.types.inputs import ReloadCodeLocationInput
from partita.errors import RequestError


async def reload_code_location(context: Context, given: ReloadCodeLocationInput) -> Reloaded:
    """Ask the location's worker to load its code again, or say why not."""
    decoded = decode_id(given.code_location_id, LOCATION)
    name = decoded[1][0] if decoded else given.code_location_id
    try:
        check_texts(given)
        await context.read(lambda: context.store.locations.request_reload(name))
    except Refused as refused:
        return Reloaded(errors=refused.problems)
    except RequestError as error:
        return Reloaded(errors=problems_of(error, path=["codeLocationId"]))
    await context.begin()
    return Reloaded(code_location=context.definitions.location(name))
