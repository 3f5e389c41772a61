"""Importing a code location: what counts as its repositories, and what is said when it cannot be loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.definitions.keys import AssetKey
from partita.errors import DefinitionError, DefinitionErrors, WorkspaceError
from partita.workspace.loader import describe, load_repositories
from partita.workspace.settings import LocationSettings


@pytest.fixture(autouse=True)
def untouched_interpreter() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def file_location(directory: Path, code: str, *, name: str = "loaded_from_file") -> LocationSettings:
    path = directory / f"{name}.py"
    path.write_text(code)
    return LocationSettings(name="shop", directory=str(directory), file=str(path))


def module_location(directory: Path, module: str) -> LocationSettings:
    return LocationSettings(name="shop", directory=str(directory), module=module)


TWO_REPOSITORIES = """
import partita as pt

@pt.asset
def raw() -> int:
    return 1

@pt.asset
def delays(raw: int) -> int:
    return raw

one = pt.Repository("one", assets=[raw])
two = pt.Repository("two", assets=[pt.AssetSpec("raw"), delays])
again = one
"""


def test_every_repository_of_the_module_is_found_once_in_order(tmp_path: Path) -> None:
    found = load_repositories(file_location(tmp_path, TWO_REPOSITORIES))

    assert [repository.name for repository in found] == ["one", "two"]


def test_the_catalog_of_a_location_holds_its_repositories_as_specs(tmp_path: Path) -> None:
    catalog = describe("shop", load_repositories(file_location(tmp_path, TWO_REPOSITORIES)))

    assert catalog.location == "shop"
    assert [[str(spec.key) for spec in repository.assets] for repository in catalog.repositories] == [["raw"], ["raw", "delays"]]


def test_a_module_without_a_repository_is_one_of_its_globals_named_like_the_location(tmp_path: Path) -> None:
    code = """
import partita as pt

raw = pt.AssetSpec("raw")

@pt.asset
def delays(raw: int) -> int:
    return raw

@pt.asset_check(asset=delays)
def positive(delays: int) -> pt.CheckResult:
    return pt.CheckResult(passed=delays > 0)

@pt.op
def one() -> int:
    return 1

@pt.job
def nightly() -> None:
    one()
"""
    [found] = load_repositories(file_location(tmp_path, code))

    assert found.name == "shop"
    assert [str(spec.key) for spec in found.spec.assets] == ["delays", "raw"]
    assert [check.step_key for check in found.spec.checks] == ["delays:positive"]
    assert [job.name for job in found.spec.jobs] == ["nightly"]


def test_a_module_is_imported_with_its_directory_first_on_the_path(tmp_path: Path) -> None:
    package = tmp_path / "shop_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "names.py").write_text('NAME = "found"')
    (package / "definitions.py").write_text(
        "import partita as pt\nfrom shop_package.names import NAME\n@pt.asset(key=NAME)\ndef x() -> int:\n    return 1\n"
    )

    [found] = load_repositories(module_location(tmp_path, "shop_package.definitions"))

    assert found.asset("found").key == AssetKey("found")


def test_a_file_can_import_what_stands_beside_it(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "beside_the_file.py").write_text("import partita as pt\n@pt.asset\ndef x() -> int:\n    return 1\n")
    (code / "main_of_shop.py").write_text("from beside_the_file import x\n")

    [found] = load_repositories(LocationSettings(name="shop", directory=str(tmp_path), file=str(code / "main_of_shop.py")))

    assert found.asset("x").key == AssetKey("x")


@pytest.mark.parametrize("module", ["no_such_module", "shop_package.no_such_module"])
def test_a_module_that_is_not_there_is_named_with_where_it_was_sought(tmp_path: Path, module: str) -> None:
    (tmp_path / "shop_package").mkdir()
    (tmp_path / "shop_package" / "__init__.py").write_text("")

    with pytest.raises(WorkspaceError, match=rf"no module '{module}' in .*Check module, directory and python"):
        load_repositories(module_location(tmp_path, module))


def test_what_the_users_code_fails_to_import_is_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match="absent_library"):
        load_repositories(file_location(tmp_path, "import absent_library"))


def test_an_exception_of_the_users_code_comes_through_and_leaves_no_half_module(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        load_repositories(file_location(tmp_path, "1 / 0"))
    assert "loaded_from_file" not in sys.modules


def test_errors_of_definitions_come_through_all_together(tmp_path: Path) -> None:
    code = """
import partita as pt

@pt.asset(deps=["nowhere"])
def a() -> int: return 1

@pt.asset(deps=["no/where"])
def b() -> int: return 1

shop = pt.Repository("shop", assets=[a, b])
"""
    with pytest.raises(DefinitionErrors, match=r"(?s)nowhere.*no/where"):
        load_repositories(file_location(tmp_path, code))


def test_what_is_wrong_inside_the_statement_of_a_repository_hides_nothing_else_in_it(tmp_path: Path) -> None:
    code = """
import partita as pt

@pt.asset(key="a")
def one() -> int: return 1

@pt.asset(key="a")
def two() -> int: return 1

shop = pt.Repository(
    "shop",
    assets=[one, two, pt.AssetSpec("x y"), *[pt.AssetSpec(f"{name}!") for name in ("b", "c")]],
    jobs=[pt.asset_job("j", selection="key:a and (")],
)
"""
    with pytest.raises(DefinitionErrors) as caught:
        load_repositories(file_location(tmp_path, code))

    said = [str(error) for error in caught.value.errors]
    assert len(said) == 5
    for number, words in enumerate(["'x y' is not an asset key", "'b!'", "'c!'", "ends too early at column", "the key is taken by the asset at"]):
        assert words in said[number]


def test_a_first_mistake_that_is_no_definition_hides_none(tmp_path: Path) -> None:
    code = """
import partita as pt

@pt.asset(partitons=None)
def one() -> int: return 1

@pt.asset(deps=["nowhere"])
def two() -> int: return 1

shop = pt.Repository("shop", assets=[two])
"""
    with pytest.raises(DefinitionErrors, match=r"(?s)partitons.*nowhere"):
        load_repositories(file_location(tmp_path, code))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1", "holds no repository, asset or job"),
        ("import sys; sys.exit(3)", r"called sys.exit\(3\) while it was imported"),
        ("import partita as pt\na = pt.Repository('a')\nb = pt.Repository('a')", "has 2 repositories called 'a'"),
    ],
)
def test_code_that_is_no_location_is_refused_with_what_to_do(tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises(WorkspaceError, match=said):
        load_repositories(file_location(tmp_path, code))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("pt.Retry(delay=-1)", r"Retry\(delay=-1\)"),
        ("pt.Cron('nonsense')", "cron 'nonsense' cannot be used"),
        ("pt.DailyPartitions('2024-13-01')", "start '2024-13-01' is not a date"),
        ("pt.AssetKey('a b')", "'a b' is not an asset key"),
        ("pt.asset(group='a b')(lambda: 1)", "asset '<lambda>': "),
    ],
)
def test_a_definition_that_cannot_be_is_told_with_file_and_line(tmp_path: Path, value: str, said: str) -> None:
    code = f"import partita as pt\n\n\ndef make():\n    return {value}\n\n\nmake()\n"

    with pytest.raises(DefinitionError, match=rf"^\S*loaded_from_file\.py:5: {said}") as raised:
        load_repositories(file_location(tmp_path, code))
    assert raised.value.line == 5


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"there is no file .*gone\.py"):
        load_repositories(LocationSettings(name="shop", directory=str(tmp_path), file=str(tmp_path / "gone.py")))


def test_a_file_whose_name_cannot_be_imported_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="must be a Python identifier"):
        load_repositories(file_location(tmp_path, "", name="not-a-name"))


def test_two_repositories_of_a_location_cannot_define_one_asset(tmp_path: Path) -> None:
    code = """
import partita as pt

@pt.asset
def raw() -> int:
    return 1

one = pt.Repository("one", assets=[raw])
two = pt.Repository("two", assets=[raw])
"""
    with pytest.raises(WorkspaceError, match="repositories 'one' and 'two' both define asset 'raw'"):
        describe("shop", load_repositories(file_location(tmp_path, code)))


def test_what_cannot_be_published_is_told_with_file_and_line(tmp_path: Path) -> None:
    code = """
import partita as pt

@pt.asset(code_version=1)
def raw() -> int:
    return 1

@pt.op(description="odd \\udcff")
def work() -> None: ...

@pt.job
def nightly() -> None:
    work()
"""
    with pytest.raises(DefinitionErrors) as raised:
        describe("shop", load_repositories(file_location(tmp_path, code)))

    first, second = raised.value.errors
    assert "loaded_from_file.py:4: asset 'raw': it cannot be published: code_version: expected `str | null`, got `int`." in str(first)
    assert "loaded_from_file.py:8: op 'work': it cannot be published: it holds '\\udcff', which cannot be stored." in str(second)


def test_a_repository_that_cannot_be_published_is_told(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"location 'shop' cannot be published: .*description"):
        describe("shop", load_repositories(file_location(tmp_path, "import partita as pt\nmain = pt.Repository('main', description=5)")))
