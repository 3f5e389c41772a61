"""`check_workspace`: all mistakes of a project at once, each with its place."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

from partita.workspace.checking import Workspace, check_workspace
from partita.workspace.settings import LocationSettings

DAILY = """
import partita as pt

@pt.asset(partitions=pt.DailyPartitions("2013-13-01"))      # line 4: no such month
def days() -> int:
    return 1

@pt.asset
def of_days(days: int) -> int:                              # its upstream is broken, not unknown
    return 1
"""
SHOP = """
import partita as pt
from daily import days, of_days

class Warehouse(pt.Resource):
    path: str

@pt.asset
def orders(raw_order: int) -> int:                          # 8: unknown dependency
    return 1

@pt.asset(key="orders")                                     # 12: duplicate
def again() -> int:
    return 1

@pt.asset
def a(b: int) -> int: return b                              # a circle, told at 19

@pt.asset
def b(a: int) -> int: return a

@pt.asset
def c(d: int) -> int: return d                              # another, told at 25

@pt.asset
def d(c: int) -> int: return c

@pt.asset(partitions=pt.StaticPartitions(["eu"]))
def regions() -> str: return ""

@pt.asset(partitions=pt.StaticPartitions(["x"]), ins={"regions": pt.In(mapping=pt.TimeWindowMapping())})
def letters(regions: str) -> str: return ""                 # 31: wrong partitions

@pt.asset(ins={"orders": pt.In(mapping=pt.LastMapping())})
def unmapped(orders: int) -> int: return 1                  # 34: nothing to map

@pt.asset
def stored(warehuse: Warehouse) -> int: return 1            # 37: missing resource

@pt.asset(io_manager="duck")                                # 40: missing IO manager
def ducks() -> int: return 1

cron = pt.Schedule("cron", cron="61 2 * * *", target="orders")                          # 43
zone = pt.Schedule("zone", cron="0 2 * * *", target="orders", timezone="Europe/Berln")  # 44
bad_date = pt.DailyPartitions("2013-02-30")                                             # 45

@pt.asset(partitions=bad_date)
def follows() -> int: return 1

@pt.asset
def positional(*args): return 1                             # 50: signature

lost = pt.Schedule("lost", cron="0 2 * * *", target="orderss")      # 53: unknown target
of_broken = pt.asset_job("of_broken", selection="follows")          # its asset is broken, not unknown
column = pt.asset_job("column", selection="group:(")                # 55: selection

shop = pt.Repository(
    "shop",
    assets=[orders, again, a, b, c, d, regions, letters, unmapped, stored, ducks, follows, positional, days, of_days],
    schedules=[cron, zone, lost], jobs=[of_broken, column], resources={"warehouse": Warehouse(path="x")},
)
"""
EXPECTED = [
    ("daily.py", 4, "2013-13-01"),
    ("shop.py", 8, "Did you mean 'orders'?"),
    ("shop.py", 12, "'orders': the key is taken"),
    ("shop.py", 19, "b ("),
    ("shop.py", 25, "d ("),
    ("shop.py", 31, "'regions'"),
    ("shop.py", 34, "'orders', which has none"),
    ("shop.py", 37, "Did you mean 'warehouse'?"),
    ("shop.py", 40, "'duck'"),
    ("shop.py", 43, "minute 61"),
    ("shop.py", 44, "Did you mean 'Europe/Berlin'?"),
    ("shop.py", 45, "2013-02-30"),
    ("shop.py", 50, "'args'"),
    ("shop.py", 53, "Did you mean 'orders'?"),
    ("shop.py", 55, "column 7"),
]


def check(directory: Path, files: dict[str, str]) -> Workspace:
    """Each file as a location, but those that begin with `daily`."""
    for name, code in files.items():
        (directory / f"{name}.py").write_text(dedent(code))
    locations = [
        LocationSettings(name=name, directory=str(directory), file=str(directory / f"{name}.py")) for name in files if not name.startswith("daily")
    ]
    return check_workspace(locations, environ=os.environ)


def test_every_mistake_of_a_project_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    found = check(tmp_path, {"daily": DAILY, "shop": SHOP})

    told = [(Path(each.file or "").name, each.line) for each in found.problems]
    assert sorted(told) == sorted((file, line) for file, line, _ in EXPECTED)
    for file, line, words in EXPECTED:
        [problem] = [each for each in found.problems if (Path(each.file or "").name, each.line) == (file, line)]
        assert words in problem.message


def test_what_only_follows_from_a_mistake_is_not_told(tmp_path: Path) -> None:
    found = check(
        tmp_path, {"daily": DAILY, "shop": "import partita as pt\nfrom daily import days, of_days\nx = pt.Repository('x', assets=[days, of_days])\n"}
    )

    assert [each.line for each in found.problems] == [4]


def test_locations_are_judged_together_and_failing_imports_show_the_users_frames(tmp_path: Path) -> None:
    same = "import partita as pt\n\n@pt.asset\ndef same() -> int: return 1\n"
    failing = "import json\n\ndef read():\n    return json.loads('{')\n\nread()\n"

    found = check(tmp_path, {"one": same, "two": same, "failing": failing, "silent": "import os\nprint('bye')\nos._exit(3)\n"})

    problems = {each.location: each for each in found.problems}
    assert set(problems) == {"two", "failing", "silent"}
    assert problems["two"].code == "conflict"
    assert (problems["failing"].code, problems["failing"].line) == ("import", 4)
    assert problems["failing"].error is not None
    assert [frame.split(",")[0].strip() for frame in problems["failing"].error.stack] == [f'File "{tmp_path}/failing.py"'] * 2
    assert "exited with code 3" in problems["silent"].message
    assert "bye" in problems["silent"].message
    assert len(found.catalog.graph) == 1


def test_a_repository_whose_parts_all_load_is_judged_in_the_first_attempt(tmp_path: Path) -> None:
    code = """
    import partita as pt
    from pathlib import Path

    with (Path(__file__).parent / "imports").open("a") as stream:
        stream.write("x")

    @pt.asset
    def one() -> int: return 1
    """

    found = check(tmp_path, {"shop": code})

    assert not found.problems
    assert (tmp_path / "imports").read_text() == "x"


def test_what_the_users_own_code_raises_beside_wrong_definitions_is_told_and_passed_over(tmp_path: Path) -> None:
    code = """
    import partita as pt

    retry = pt.Retry(max_retries=-1)

    @pt.op
    def twice(x: int) -> int: return x

    @pt.job
    def broken():
        twice(undefined)

    @pt.asset(retry=retry)
    def fragile() -> int: return 1

    @pt.asset(ins={"x": pt.In(key="fragil")})
    def reader(x: int) -> int: return x

    shop = pt.Repository("shop", assets=[fragile, reader], jobs=[broken])
    """

    found = check(tmp_path, {"shop": code})

    assert [(each.line, each.message.split(",")[0]) for each in found.problems] == [
        (4, "Retry(max_retries=-1): give a whole number that is not negative."),
        (11, "NameError: name 'undefined' is not defined"),
        (16, "asset 'reader': parameter 'x' loads asset 'fragil'"),
    ]


WRONG_RESOURCE = """
import partita as pt

class Pool(pt.Config):
    size: int = 1

class Warehouse(pt.Resource):
    path: str
    password: str
    pool: Pool = Pool()

warehouse = Warehouse(pth="x", password="hush", pool={"size": "many"})     # line 12
"""
FIELDS = """Warehouse cannot be made of these values:
  path: Field required.
  pool.size: Input should be a valid integer, unable to parse string as an integer.
  pth: there is no such field."""


def test_a_resource_that_is_made_of_wrong_values_is_told_by_field_where_the_user_makes_it(tmp_path: Path) -> None:
    [problem] = check(tmp_path, {"shop": WRONG_RESOURCE}).problems

    assert (Path(problem.file or "").name, problem.line) == ("shop.py", 12)
    assert problem.message == FIELDS


def test_a_resource_that_is_made_of_wrong_values_beside_wrong_definitions_is_told_so_too(tmp_path: Path) -> None:
    code = f"import partita as pt\nretry = pt.Retry(max_retries=-1)\n{WRONG_RESOURCE}"

    retry, resource = check(tmp_path, {"shop": code}).problems

    assert retry.line == 2
    assert (Path(resource.file or "").name, resource.line, resource.message) == ("shop.py", 14, FIELDS)


def test_what_an_installed_package_raises_is_told_where_the_user_calls_it(tmp_path: Path) -> None:
    code = "import partita as pt\nimport json\n\nretry = pt.Retry(max_retries=-1)\n\ndef read():\n    return json.loads('{')\n\nread()\n"

    problems = check(tmp_path, {"shop": code}).problems

    assert [(Path(each.file or "").name, each.line) for each in problems] == [("shop.py", 4), ("shop.py", 7)]


def test_whoever_waits_is_told_once_which_location_still_loads(tmp_path: Path) -> None:
    hangs = "import time\nfrom pathlib import Path\nwhile not Path(__file__).with_name('go').exists(): time.sleep(0.005)\n"
    for name, code in (("quick", "import partita as pt\none = pt.AssetSpec('one')\n"), ("hangs", hangs)):
        (tmp_path / f"{name}.py").write_text(code)
    locations = [LocationSettings(name=name, directory=str(tmp_path), file=str(tmp_path / f"{name}.py")) for name in ("quick", "hangs")]
    told: list[str] = []

    def say_slow(name: str) -> None:
        told.append(name)
        (tmp_path / "go").touch()

    check_workspace(locations[1:], environ=os.environ, patience=0.05, say_slow=say_slow)
    check_workspace(locations[:1], environ=os.environ, patience=30, say_slow=say_slow)

    assert told == ["hangs"]
