"""Whether a step would write what is there already: the same code, made from the same data. Asked step by step, while the run goes on."""

from __future__ import annotations

from partita.definitions.keys import AssetKey
from partita.errors import ExecutionError
from partita.execution.reading import reads_of
from partita.execution.scope import RunScope
from partita.planning.plan import FromAsset, Step, StepKind
from partita.records.assets import Materialization


def writes_that_stand(scope: RunScope, step: Step) -> list[Materialization] | None:
    """The last writes of all that the step would write, if none of them would change; None: it is to be executed.

    Only assets with a `code_version` can be told to be unchanged, and only where the versions of all that they were made from
    are known. A step that is given config, and an asset that ops compute, is always executed.
    """
    if step.kind is not StepKind.ASSET or scope.step_config(step.handle) or not all(isinstance(each.source, FromAsset) for each in step.inputs):
        return None
    found: list[Materialization] = []
    for asset in step.writes:
        for partition in step.partition_keys or (None,):
            write = _standing(scope, step, asset, partition)
            if write is None:
                return None
            found.append(write)
    return found


def _standing(scope: RunScope, step: Step, asset: AssetKey, partition: str | None) -> Materialization | None:
    spec = scope.asset_specs.get(asset)
    if spec is None or spec.code_version is None:
        return None
    try:
        write = scope.look_up(asset, partition)
        if write is None or write.inputs is None or write.code_version != spec.code_version:
            return None
        known = {each.asset: each.version for each in write.inputs}
        reads = reads_of(scope, step, asset, partition)
        if known.keys() != {each.asset for each in reads}:
            return None
        for each in reads:
            above = None if each.is_several else scope.look_up(each.asset, each.partition)
            if above is None or known[each.asset] != above.effective_version:
                return None
    except ExecutionError:  # nobody here can tell, as on a Dask worker
        return None
    return write
