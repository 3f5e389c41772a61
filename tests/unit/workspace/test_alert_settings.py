"""What `[[alert]]` of a workspace file means, and what is said about a wrong one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from partita.errors import SettingsError
from partita.records.alerts import AlertKind, AlertRule
from partita.workspace.alert_settings import AlertSettings
from partita.workspace.settings import load_settings

LOCATION = '[[location]]\nname = "flights"\nfile = "flights.py"\n'


def load(directory: Path, text: str) -> tuple[AlertSettings, ...]:
    (directory / "partita.toml").write_text(LOCATION + text)
    return load_settings(directory / "partita.toml", cwd=directory, environ={}).alerts


def test_a_rule_needs_somebody_to_tell_and_no_more(tmp_path: Path) -> None:
    [found] = load(tmp_path, '[[alert]]\nto = "json://127.0.0.1:8000/hook"\n')

    [target] = found.targets
    assert found.rule == AlertRule(name=found.rule.name, targets=(target.name,))
    assert found.rule.name.startswith("rule-")
    assert found.rule.on == tuple(AlertKind)
    assert target.url == "json://127.0.0.1:8000/hook"
    assert target.name.startswith("json-")


def test_all_of_a_rule_is_read(tmp_path: Path) -> None:
    [found] = load(
        tmp_path,
        """
[[alert]]
name = "oncall"
on = ["run_failed", "daemon_gone"]
only = ["marts/*", "nightly"]
to = ["env:CHAT", "mailto://me:secret@example.org"]
command = "./page.sh --loud 'two words'"
quiet = "1m"
repeat = "4h"
limit = 5
tells_end = false
""",
    )

    assert found.rule == AlertRule(
        name="oncall",
        on=(AlertKind.RUN_FAILED, AlertKind.DAEMON_GONE),
        only=("marts/*", "nightly"),
        targets=tuple(target.name for target in found.targets),
        quiet=timedelta(minutes=1),
        repeat=timedelta(hours=4),
        limit=5,
        tells_end=False,
    )
    chat, mail, command = found.targets
    assert (chat.name, chat.url, chat.variable) == ("env-CHAT", None, "CHAT")
    assert (command.command, command.directory) == (("./page.sh", "--loud", "two words"), str(tmp_path))
    assert command.name.startswith("page.sh-")
    assert "secret" not in f"{mail.name} {mail!r} {found!r}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[alert]]\n", "alert[0].to names nobody: give addresses such as"),
        ('[[alert]]\nname = "x"\nto = []\n', "alert[0] (x).to names nobody"),
        ('[[alert]]\nto = "env:"\n', "'env:' names no variable: write env:NAME."),
        ('[[alert]]\ncommand = "  "\n', "names no program"),
        ("[[alert]]\ncommand = '\"\"'\n", "names no program"),
        ('[[alert]]\nto = {url = "slack://secret"}\n', "alert[0].to must be text, or a list of texts that are not empty."),
        ('[[alert]]\nto = "json://a"\nrepeat = "300000w"\n', "alert[0].repeat is longer than 366 days."),
        ('[[alert]]\nto = "me:secret@example.org"\n', "give an address such as 'mailto://...'"),
        ('[[alert]]\nto = [""]\n', "alert[0].to must be text, or a list of texts that are not empty."),
        ('[[alert]]\nto = "json://a"\non = "run_fialed"\n', "'run_fialed' is not one of 'run_failed', 'check_failed'"),
        ('[[alert]]\nto = "json://a"\non = []\n', "alert[0].on is an empty list. Leave it out to be told of everything"),
        ('[[alert]]\nto = "json://a"\nonly = []\n', "alert[0].only is an empty list."),
        ('[[alert]]\nto = "json://a"\nlimit = 0\n', "alert[0].limit = 0 must be at least 1."),
        ('[[alert]]\nto = "json://a"\nquiet = "soon"\n', "'soon' is not a duration"),
        ('[[alert]]\nto = "json://a"\ntells_end = "no"\n', "tells_end = 'no' must be true or false."),
        ('[[alert]]\ncommand = "say \'it"\n', "cannot be read as a command: No closing quotation."),
        ('[[alert]]\nto = "json://a"\nwhen = "always"\n', "alert[0].when is not a setting."),
        ('[[alert]]\nname = "x"\nto = "json://a"\n[[alert]]\nname = "x"\nto = "json://a"\n', "'x' is used by 2 rules; give each one of its own."),
        ('[alert]\nto = "json://a"\n', "write it as [[alert]]"),
    ],
)
def test_a_wrong_rule_is_named_with_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)

    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_commands_and_addresses_that_differ_are_told_apart(tmp_path: Path) -> None:
    rules = load(tmp_path, "".join(f'[[alert]]\ncommand = "python3 notify.py --room {room}"\nto = "slack://{room}"\n' for room in ("ops", "data")))

    names = [target.name for found in rules for target in found.targets]
    assert len(set(names)) == 4
    assert len({found.rule.name for found in rules}) == 2
