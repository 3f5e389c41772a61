"""What can be done to schedules and sensors, from the list or from one of them."""

from __future__ import annotations

from collections.abc import Sequence

from partita_client.models.generated import operations
from partita_client.tui.render.text import Line
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.modals.chooser import Prompt
from partita_client.tui.screens.modals.confirm import Confirm
from partita_client.tui.screens.modals.report import Report
from partita_client.tui.store.automation import Automation, tick_lines
from partita_client.tui.store.topics import AutomationsSeen


async def switch(screen: PlaceScreen, chosen: Sequence[Automation]) -> None:
    """Switch on what is off and off what is on; asks which way when they differ."""
    if not chosen:
        return
    is_on = not chosen[0].is_on
    if len({each.is_on for each in chosen}) > 1:
        lines: list[Line] = [((each.name, "accent"), (f"  {'on' if each.is_on else 'off'}", "dim")) for each in chosen]
        way = await screen.app.push_screen_wait(Confirm(f"Switch {len(chosen)}?", lines, ways=[("on", "all on"), ("off", "all off")]))
        if way is None:
            return
        is_on = way == "on"
    ids = [each.node_id for each in chosen]
    given = {"automationIds": ids, "status": "ON" if is_on else "OFF"}
    answer = await screen.asked(screen.desk.feed.execute(operations.tui_set_automation_status(input=given)))  # type: ignore[arg-type]
    if answer is None:
        return
    payload = answer.set_automation_status
    if payload.errors:
        screen.say(payload.errors[0].message, is_bad=True)
        return
    screen.desk.feed.put(AutomationsSeen(payload.automations))
    names = chosen[0].name if len(chosen) == 1 else f"{len(chosen)} of them"
    screen.say(f"{names} {'is' if len(chosen) == 1 else 'are'} {'on' if is_on else 'off'} now · t to undo")


async def evaluate(screen: PlaceScreen, sensor: Automation) -> None:
    """Evaluate a sensor and show what it would have done."""
    screen.say(f"{sensor.name} is being evaluated; nothing will be launched")
    answer = await screen.asked(screen.desk.feed.execute(operations.tui_evaluate_sensor(input={"sensorId": sensor.node_id})))
    if answer is None:
        return
    payload = answer.evaluate_sensor
    if payload.tick is None:
        screen.say(payload.errors[0].message if payload.errors else "the server said nothing", is_bad=True)
        return
    lines: list[Line] = list(tick_lines(payload.tick, screen.desk.now()))
    screen.app.push_screen(Report(f"{sensor.name} evaluated", lines))


async def edit_cursor(screen: PlaceScreen, sensor: Automation) -> None:
    """Give a sensor another cursor; an empty one makes it begin anew."""
    prompt = Prompt(f"Cursor of {sensor.name}", text=sensor.cursor or "", hint="empty: it begins anew", note="The next evaluation begins from it.")
    text = await screen.app.push_screen_wait(prompt)
    if text is None:
        return
    given = {"sensorId": sensor.node_id, "cursor": text or None}
    answer = await screen.asked(screen.desk.feed.execute(operations.tui_set_sensor_cursor(input=given)))  # type: ignore[arg-type]
    if answer is None:
        return
    payload = answer.set_sensor_cursor
    if payload.errors:
        screen.say(payload.errors[0].message, is_bad=True)
    elif payload.sensor is not None:
        screen.desk.feed.put(AutomationsSeen([payload.sensor]))
        screen.say(f"the cursor of {sensor.name} is {text!r} now" if text else f"{sensor.name} begins anew")
