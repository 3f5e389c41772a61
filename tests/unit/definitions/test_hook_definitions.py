"""Hooks: functions that are known by name in specs and called when a step has ended."""

from __future__ import annotations

from typing import Any

import pytest

import partita as pt


class Pager(pt.Resource):
    number: str


@pt.on_failure
def page(context: pt.HookContext, pager: Pager) -> str:
    return pager.number


@pt.on_success(name="applause")
def cheer(context) -> None: ...  # type: ignore[no-untyped-def]


def test_a_hook_can_be_called_like_its_function() -> None:
    assert page(None, Pager(number="1")) == "1"  # type: ignore[arg-type]
    assert (page.name, page.moment) == ("page", "failure")
    assert (cheer.name, cheer.moment) == ("applause", "success")


def test_specs_name_the_hooks() -> None:
    @pt.asset(hooks=[page])
    def delays() -> int:
        return 1

    @pt.op(hooks=(page, cheer))
    def work() -> int:
        return 1

    @pt.job(hooks=[cheer])
    def nightly() -> None:
        work()

    refresh = pt.asset_job("refresh", selection="*", hooks=[page])
    repository = pt.Repository("r", assets=[delays], jobs=[nightly, refresh], resources={"pager": Pager(number="1")})

    assert delays.spec.hooks == ("page",)
    assert work.spec.hooks == ("page", "applause")
    assert {job.name: job.hooks for job in repository.spec.jobs} == {"nightly": ("applause",), "refresh": ("page",)}
    assert repository.asset("delays").hooks == (page,)
    assert repository.job("refresh").hooks == (page,)


@pytest.mark.parametrize("hooks", [[lambda context: None], page.function, "page", [pt.Retry()]])
def test_what_is_no_hook_is_refused_in_words(hooks: Any) -> None:
    with pytest.raises(pt.DefinitionError, match=r"is not a hook\. Decorate a function with @pt.on_failure or @pt.on_success"):

        @pt.asset(hooks=hooks)
        def delays() -> int:
            return 1


def test_a_hook_takes_nothing_but_context_and_resources() -> None:
    class Limits(pt.Config):
        limit: int = 1

    with pytest.raises(pt.SignatureError, match="'flights' is neither the context nor a resource"):

        @pt.on_failure
        def wrong(context: pt.HookContext, flights: int) -> None: ...

    with pytest.raises(pt.SignatureError, match="'config' takes a config"):

        @pt.on_success
        def also_wrong(config: Limits) -> None: ...


def test_a_hook_that_needs_a_resource_needs_it_in_the_repository() -> None:
    @pt.asset(hooks=[page])
    def delays() -> int:
        return 1

    @pt.op
    def work() -> int:
        return 1

    @pt.job(hooks=[page])
    def nightly() -> None:
        work()

    with pytest.raises(pt.DefinitionErrors) as raised:
        pt.Repository("r", assets=[delays], jobs=[nightly])

    assert [str(error).split(": ", 1)[1] for error in raised.value.errors] == [
        "hook 'page' of asset 'delays': it needs a resource 'pager', which the repository does not have. Add resources={'pager': ...}.",
        "hook 'page' of job 'nightly': it needs a resource 'pager', which the repository does not have. Add resources={'pager': ...}.",
    ]
