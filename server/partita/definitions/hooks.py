"""`@on_failure` and `@on_success`: functions that are called when a step has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, Literal, ParamSpec, TypeVar, overload

from partita.definitions.inputs import name_of
from partita.definitions.keys import check_name
from partita.definitions.signatures import Signature, signature_of
from partita.definitions.sources import SourceLocation, located, source_of
from partita.errors import DefinitionError, SignatureError

P = ParamSpec("P")
R = TypeVar("R")
Moment = Literal["failure", "success"]


class Hook(Generic[P, R]):
    """A hook and its function. Calling it calls the function, so it is tested like one."""

    def __init__(self, function: Callable[P, R], *, name: str, moment: Moment, signature: Signature) -> None:
        self.function = function
        self.name = name
        self.moment: Moment = moment
        """Which end of a step it is called for."""
        self.signature = signature
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.__name__ = name
        self.__module__ = function.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function returns for these arguments."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"Hook({self.name!r})"

    @property
    def source(self) -> SourceLocation | None:
        """Where it is defined."""
        return source_of(self.function)


@overload
def on_failure(function: Callable[P, R], /) -> Hook[P, R]: ...
@overload
def on_failure(*, name: str | None = None) -> Callable[[Callable[P, R]], Hook[P, R]]: ...
def on_failure(function: Callable[..., Any] | None = None, /, *, name: str | None = None) -> Any:
    """Declare that a function is to be called when a step has failed for good, after its last attempt.

    It is called in the step's own process, after the failure has been told; so not where that process itself died. What
    it raises is logged as a warning and changes nothing. Its parameters are the context and resources.

    Args:
        function: the function, when the decorator is used bare.
        name: what it is called; the function's name if left out.

    Example:
        ```python
        @pt.on_failure
        def page(context: pt.HookContext) -> None:
            context.resources["pager"].send(f"{context.step_key} of {context.run_id}: {context.error}")
        ```

    Raises:
        SignatureError: a parameter that is neither the context nor a resource.
    """
    return _hook(function, name, moment="failure")


@overload
def on_success(function: Callable[P, R], /) -> Hook[P, R]: ...
@overload
def on_success(*, name: str | None = None) -> Callable[[Callable[P, R]], Hook[P, R]]: ...
def on_success(function: Callable[..., Any] | None = None, /, *, name: str | None = None) -> Any:
    """Declare that a function is to be called when a step has succeeded.

    It is called in the step's own process, after the success has been told. What it raises is logged as a warning and
    changes nothing. Its parameters are the context and resources.

    Args:
        function: the function, when the decorator is used bare.
        name: what it is called; the function's name if left out.

    Example:
        ```python
        @pt.on_success
        def cheer(context: pt.HookContext) -> None:
            context.log.info("%s is done", context.step_key)
        ```

    Raises:
        SignatureError: a parameter that is neither the context nor a resource.
    """
    return _hook(function, name, moment="success")


def check_hooks(hooks: Iterable[Any]) -> tuple[Hook[..., Any], ...]:
    """Hooks, in the order in which they are called.

    Raises:
        DefinitionError: something among them is none.
    """
    given = tuple(hooks) if isinstance(hooks, Iterable) and not isinstance(hooks, str) else (hooks,)
    for each in given:
        if not isinstance(each, Hook):
            raise DefinitionError(
                f"hooks: {each!r} is not a hook. Decorate a function with @pt.on_failure or @pt.on_success, and give a list of them."
            )
    return given


def _hook(function: Callable[..., Any] | None, name: str | None, *, moment: Moment) -> Any:
    def define(decorated: Callable[..., Any]) -> Hook[..., Any]:
        with located(source_of(decorated), f"hook {getattr(decorated, '__name__', name)!r}"):
            signature = signature_of(decorated)
            for each in signature.parameters:
                if each.role == "config":
                    raise SignatureError(f"parameter {each.name!r} takes a config, and a hook has none.")
                if each.role == "input":
                    raise SignatureError(f"parameter {each.name!r} is neither the context nor a resource, so nothing can fill it.")
            own = check_name("hook", name_of(decorated, name, parameter="name"))
            return Hook(decorated, name=own, moment=moment, signature=signature)

    return define if function is None else define(function)
