"""What a run config may hold: the schema of a job's, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from partita.api.context import Context
from partita.api.entries import JobEntry, ShownConfig
from partita.api.errors import ApiError
from partita.api.problems import Problem, config_problem
from partita.api.types.filters import to_job_place
from partita.definitions.specs import ConfigSpec, JobSpec, RepositorySpec
from partita.errors import InvalidConfigError
from partita.planning.config import check_config, merge_config, step_config_specs
from partita.planning.declared import configurable_steps, ops_of
from partita.workspace.catalog import Catalog

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of_job(job: JobEntry, catalog: Catalog) -> ShownConfig:
    """The schema of the run config of a job, and the config that holds where a launch gives none."""
    repository = catalog.repositories[job.place]
    steps = {key: spec for key, spec in _step_configs(job.spec, repository) if spec is not None}
    resources = {each.name: each.config for each in repository.resources if each.config is not None}
    schema = {
        "$schema": DIALECT,
        "type": "object",
        "additionalProperties": False,
        "properties": {"steps": _section("steps", steps), "resources": _section("resources", resources)},
    }
    defaults = {
        "steps": {key: spec.defaults for key, spec in steps.items() if spec.defaults},
        "resources": {key: spec.defaults for key, spec in resources.items() if spec.defaults},
    }
    given = job.spec.config or {}
    filled = {name: _filled(defaults[name], given.get(name, {})) for name in defaults}
    return ShownConfig(json_schema=schema, defaults={name: values for name, values in filled.items() if values})


def _section(section: str, specs: Mapping[str, ConfigSpec]) -> dict[str, Any]:
    # An `$id` of its own keeps the references inside each embedded schema pointing into that schema.
    properties = {key: {**spec.json_schema, "$id": f"urn:partita:{section}:{key}"} for key, spec in specs.items()}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _filled(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    filled = dict(defaults)
    for key, value in given.items():
        below = filled.get(key)
        filled[key] = {**below, **value} if isinstance(below, dict) and isinstance(value, dict) else value
    return filled


async def check_job_config(context: Context, job_id: str, config: object) -> list[Problem]:
    """What is wrong with a run config for a job.

    Raises:
        ApiError: there is no such job.
    """
    job = context.definitions.job(*to_job_place(job_id))
    if job is None:
        raise ApiError(f"There is no job {to_job_place(job_id)[2]!r}.")
    repository = context.definitions.catalog.repositories[job.place]
    return await context.read(lambda: list(check_job(job.spec, repository, config)))


def check_job(job: JobSpec, repository: RepositorySpec, config: object) -> Iterator[Problem]:
    """What is wrong with a run config for a job."""
    if not isinstance(config, dict):
        yield config_problem(InvalidConfigError((), "a mapping with `steps` and `resources` is expected"), expected={"type": "object"})
        return
    for error in check_config(repository, list(configurable_steps(repository, job)), merge_config(job.config, config)):
        yield config_problem(error, expected=expected_at(error.path, repository, job.name))


def expected_at(path: Sequence[str], repository: RepositorySpec, job_name: str | None) -> Any:
    """The JSON Schema of the place that `path` leads to in a config of the job, or of assets; None when there should be nothing."""
    if not path:
        return {"type": "object"}
    section, *rest = path
    if section not in {"steps", "resources"}:
        return None
    if not rest:
        return {"type": "object"}
    spec = _config_of_step(rest[0], repository, job_name) if section == "steps" else _config_of_resource(rest[0], repository)
    return None if spec is None else _schema_at(spec.json_schema, rest[1:])


def _schema_at(root: Mapping[str, Any], path: Sequence[str]) -> Any:
    node: Any = _followed(root, root)
    for part in path:
        inner = node.get("properties", {}).get(part)
        if inner is None:
            inner = node.get("items") if part.isdigit() else node.get("additionalProperties")
        if not isinstance(inner, dict):
            return None
        node = _followed(inner, root)
    return node


def _followed(node: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a reference inside `root` points to."""
    reference = node.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/$defs/"):
        return node
    found = root.get("$defs", {}).get(reference.removeprefix("#/$defs/"))
    return found if isinstance(found, dict) else node


def _config_of_resource(name: str, repository: RepositorySpec) -> ConfigSpec | None:
    return next((each.config for each in repository.resources if each.name == name), None)


def _config_of_step(key: str, repository: RepositorySpec, job_name: str | None) -> ConfigSpec | None:
    job = next((each for each in repository.jobs if each.name == job_name), None)
    if job is not None and job.graph is not None:
        return dict(_step_configs(job, repository)).get(key)
    of_ops = [spec for spec in repository.assets if spec.graph is not None and key.startswith(f"{spec.key}.")]
    if of_ops:
        steps = [step for spec in of_ops for step in ops_of(repository, spec)]
        return next((spec for name, (spec, _) in step_config_specs(repository, steps).items() if name == key), None)
    asset = next((spec.config for spec in repository.assets if spec.step_key == key), None)
    return asset or next((check.config for check in repository.checks if check.step_key == key), None)


def _step_configs(job: JobSpec, repository: RepositorySpec) -> Iterator[tuple[str, ConfigSpec | None]]:
    for key, (spec, _) in step_config_specs(repository, configurable_steps(repository, job)).items():
        yield key, spec
