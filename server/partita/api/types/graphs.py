"""The graph of a job, and the schema of its config."""

import strawberry
from strawberry import Parent

from partita.api.context import Info
from partita.api.entries import OpEntry, RepositoryEntry
from partita.api.scalars import JSON
from partita.api.types.fields import REPOSITORY, resolved, shown, shows
from partita.api.types.node import Definition, SourceLocation, Tag, to_tags


@strawberry.type(description="JSON Schema 2020-12 of a config value, so that any client can check a value and build a form.")
class ConfigSchema:
    """JSON Schema of a config value."""

    json_schema: JSON = shown("The JSON Schema.")
    defaults: JSON = shown("The value that holds where nothing is given.")


@strawberry.type(description="An input or output of an op.")
class Port:
    """An input or output of an op."""

    name: str = shown("Its name.")
    type: str = shown("Its Python type, as text for people.", "type_name")
    description: str | None = shown("What it is; null when nothing was said.")
    is_required: bool = shown("For an input, whether it must be given; for an output, whether it is always produced.")


@strawberry.type(description="What a node of a graph computes: an op, an asset, or a nested graph.")
@shows(OpEntry)
class OpDefinition(Definition):
    """What a node of a graph computes."""

    description: str | None = shown("What it is, in Markdown; null when nothing was said.")
    source: SourceLocation | None = shown("Where it is defined; null when that is not known.", name="sourceLocation")
    inputs: list[Port] = shown("What it takes.")
    outputs: list[Port] = shown("What it produces.")
    config_schema: ConfigSchema | None = shown("What its config may hold; null when it takes none.", "config")
    required_resources: list[str] = shown("Names of the resources it asks for.", "resources")
    is_graph: bool = shown("Whether it is a nested graph.")

    @resolved("The repository that defines it.", type=REPOSITORY)
    @staticmethod
    def repository(op: Parent[OpEntry], info: Info) -> RepositoryEntry | None:
        """Where it stands."""
        return info.context.definitions.repository(*op.place)

    @resolved("Its tags, sorted by key.")
    @staticmethod
    def tags(op: Parent[OpEntry]) -> list[Tag]:
        """Its tags."""
        return to_tags(op.tags)


@strawberry.type(description="One use of an op, asset or nested graph in a job.")
class GraphNode:
    """One use of an op, asset or nested graph in a job."""

    handle: str = shown("Its name inside the job, dotted through nested graphs; the key of its step, unless it is a graph.")
    definition: OpDefinition = shown("What it computes.")
    is_dynamic: bool = shown("Whether it runs once for each of several outputs found out while the job runs.")


@strawberry.type(description="An output of a node that is an input of another.")
class GraphEdge:
    """An output of a node that is an input of another."""

    from_handle: str = shown("Handle of the node that produces.")
    from_output: str = shown("Name of the output.")
    to_handle: str = shown("Handle of the node that takes.")
    to_input: str = shown("Name of the input.")


@strawberry.type(description="The nodes of a job, nested graphs flattened, and the edges between those that run.")
class Graph:
    """The nodes of a job and the edges between them."""

    name: str = shown("Name of the graph.")
    nodes: list[GraphNode] = shown("Every node, outer graphs before what is in them.")
    edges: list[GraphEdge] = shown("Every edge between two nodes that run.")
