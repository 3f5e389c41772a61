"""Importing code on past definitions that are wrong, so that all mistakes are found at once and not one at each attempt.

A module is executed statement by statement. What a statement was to define and could not is a `BrokenDefinition` from
then on; errors that come of using one are not told. Only used when the ordinary import has failed already.
"""

from __future__ import annotations
import __future__ as future

import ast
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from partita.definitions.problems import BrokenDefinition
from partita.definitions.sources import INSTALLED, at, raised_at
from partita.errors import DefinitionError, DefinitionErrors
from partita.workspace.refusals import refused_fields

_TRY = "__partita_attempt__"
_UNMOVABLE = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
"""What means something else inside a function."""
_NAMING = frozenset({"key", "name"})


class Recovery:
    """The mistakes that were found, in the order of execution."""

    def __init__(self) -> None:
        self.errors: list[DefinitionError] = []
        self.has_repository = False
        """Whether a `pt.Repository` was among what could not be made."""
        self.modules: list[str] = []
        """What was imported, perhaps in part."""

    def take(self, error: DefinitionError) -> None:
        """One more, unless it comes of using what is broken."""
        for each in error.errors if isinstance(error, DefinitionErrors) else (at(error, raised_at(error)),):
            if BrokenDefinition.__name__ not in str(each):
                self.errors.append(each)

    def take_other(self, error: Exception) -> None:
        """One that the user's own code raised."""
        said = refused_fields(error) or f"{type(error).__name__}: {error}"
        self.take(DefinitionError(said).with_traceback(error.__traceback__))

    def loader(self, name: str, path: str) -> SourceFileLoader:
        """A loader that goes on past what is wrong."""
        return _PatientLoader(name, path, self)

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """What the import system asks for a module; the answer for one of the user's own is a patient loader."""
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader and not spec.loader.path.startswith(INSTALLED):
            spec.loader = self.loader(name, spec.loader.path)
        return spec


@contextmanager
def recovering() -> Iterator[Recovery]:
    """While the block runs, the user's modules are imported on past wrong definitions."""
    recovery = Recovery()
    finder: Any = recovery  # what the import system needs of a finder is `find_spec` alone
    sys.meta_path.insert(0, finder)
    try:
        yield recovery
    finally:
        sys.meta_path.remove(finder)
        for name in recovery.modules:
            sys.modules.pop(name, None)


class _PatientLoader(SourceFileLoader):
    def __init__(self, name: str, path: str, recovery: Recovery) -> None:
        super().__init__(name, path)
        self._recovery = recovery

    def exec_module(self, module: ModuleType) -> None:
        self._recovery.modules.append(module.__name__)
        tree = ast.parse(Path(self.path).read_bytes(), self.path)
        module.__doc__ = ast.get_docstring(tree)
        flags = _future_flags(tree)
        for statement in tree.body:
            code: Any = compile(ast.Module([statement], type_ignores=[]), self.path, "exec", flags=flags, dont_inherit=True)
            self._execute(code, statement, vars(module))

    def _execute(self, code: Any, statement: ast.stmt, names: dict[str, Any]) -> None:
        try:
            exec(code, names)
        except DefinitionError as error:
            self._take_apart(error, statement, names)
        except Exception as error:  # whatever the user's code raises; the author would meet it next
            if not any(isinstance(names.get(used), BrokenDefinition) for used in _names_used(statement)):
                self._recovery.take_other(error)
        else:
            return
        self._recovery.has_repository |= any(isinstance(node, ast.Call) and _called(node) == "Repository" for node in ast.walk(statement))
        broken = BrokenDefinition(_names_of(statement))
        for name in _names_bound(statement):
            names.setdefault(name, broken)

    def _take_apart(self, error: DefinitionError, statement: ast.stmt, names: dict[str, Any]) -> None:
        """Take the error of a statement; of one that calls several things, those of all of them: a list of definitions, say, in a repository."""
        if not isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Expr)) or any(isinstance(node, _UNMOVABLE) for node in ast.walk(statement)):
            self._recovery.take(error)
            return
        before = len(self._recovery.errors)
        guarded = ast.fix_missing_locations(ast.Module([_Guarding(statement).visit(statement)], type_ignores=[]))
        names[_TRY] = self._attempt
        try:
            exec(compile(guarded, self.path, "exec", dont_inherit=True), names)
        except DefinitionError as found:
            self._recovery.take(found)
        except Exception:  # it comes of what is broken
            pass
        finally:
            del names[_TRY]
        if len(self._recovery.errors) == before:
            self._recovery.take(error)

    def _attempt(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except DefinitionError as error:
            self._recovery.take(error)
            return BrokenDefinition(frozenset())


class _Guarding(ast.NodeTransformer):
    """Has every call inside a statement's outermost one attempted by itself."""

    def __init__(self, statement: ast.stmt) -> None:
        self._outermost: ast.expr | None = getattr(statement, "value", None)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """The call, inside a function that is called at once."""
        self.generic_visit(node)
        if node is self._outermost:
            return node
        nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
        attempt = ast.Call(ast.Name(_TRY, ast.Load()), [ast.copy_location(ast.Lambda(nothing, node), node)], [])
        ast.copy_location(attempt, node)
        return attempt


def _future_flags(tree: ast.Module) -> int:
    imports = (node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__")
    flags = 0
    for each in (name for node in imports for name in node.names):
        flags |= getattr(future, each.name).compiler_flag
    return flags


def _called(call: ast.Call) -> str | None:
    return call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else None


def _names_used(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _names_bound(statement: ast.stmt) -> set[str]:
    """What the statement defines in its module."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {(each.asname or each.name).partition(".")[0] for each in statement.names}
    stored = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return stored | {node.name for node in ast.walk(statement) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}


def _names_of(statement: ast.stmt) -> frozenset[str]:
    """What others may call it by: the names it binds, and those that it gives as text."""
    given: list[ast.expr] = []
    for call in (node for node in ast.walk(statement) if isinstance(node, ast.Call)):
        given += [*call.args[:1], *(each.value for each in call.keywords if each.arg in _NAMING)]
    texts = [each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return frozenset({*_names_bound(statement), *(text.rsplit("/", 1)[-1] for text in texts)})
