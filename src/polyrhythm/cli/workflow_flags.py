"""The flags of `poly workflow ...`: a record a verb, whose fields are its options.

`flags.py` says how a record becomes the options of a command.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer


class ResetPoint(StrEnum):
    """Where a run is begun again from."""

    FIRST = "first"
    LAST = "last"


def _option(*names: str, help: str) -> Any:  # noqa: A002 - typer's own word
    return typer.Option(*names, help=help)


URL = typer.Argument(help="A file, poly://host:port or temporal://host:port.")
NAMESPACE = _option("--namespace", "-n", help="Where they are.")
QUERY = _option("--query", "-q", help="Only runs that this filter matches.")
WORKFLOW_ID = typer.Argument(help="Its workflow id.")
RUN_ID = _option("--run-id", "-r", help="A run of it; the newest if it is not said.")
NAME = typer.Argument(help="The name that the workflow's code has for it.")
INPUT = _option("--input", "-i", help="An argument as JSON; may be repeated.")
AS_JSON = typer.Option("--json", help="JSON instead of text.")


@dataclass(slots=True)
class ListFlags:
    """The arguments of `poly workflow list`."""

    url: Annotated[str, URL]
    query: Annotated[str, QUERY] = ""
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50
    json: Annotated[bool, AS_JSON] = False
    namespace: Annotated[str, NAMESPACE] = "default"


@dataclass(slots=True)
class CountFlags:
    """The arguments of `poly workflow count`."""

    url: Annotated[str, URL]
    query: Annotated[str, QUERY] = ""
    json: Annotated[bool, AS_JSON] = False
    namespace: Annotated[str, NAMESPACE] = "default"


@dataclass(slots=True)
class ShowFlags:
    """The arguments of `poly workflow show`."""

    url: Annotated[str, URL]
    workflow_id: Annotated[str, WORKFLOW_ID]
    run_id: Annotated[str, RUN_ID] = ""
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on until it has closed.")] = False
    json: Annotated[bool, AS_JSON] = False
    namespace: Annotated[str, NAMESPACE] = "default"


@dataclass(slots=True)
class ExplainFlags:
    """The arguments of `poly workflow explain`."""

    url: Annotated[str, URL]
    workflow_id: Annotated[str, WORKFLOW_ID]
    run_id: Annotated[str, RUN_ID] = ""
    json: Annotated[bool, AS_JSON] = False
    namespace: Annotated[str, NAMESPACE] = "default"


@dataclass(slots=True)
class StartFlags:
    """The arguments of `poly workflow start`."""

    url: Annotated[str, URL]
    type: Annotated[str, _option("--type", "-t", help="The name of the workflow.")]
    queue: Annotated[str, _option("--queue", help="Its task queue.")]
    workflow_id: Annotated[str, _option("--workflow-id", "-w", help="A new one if not said.")] = ""
    input: Annotated[list[str] | None, INPUT] = None
    namespace: Annotated[str, NAMESPACE] = "default"


@dataclass(slots=True)
class MessageFlags:
    """The arguments of `poly workflow signal`, `query` and `update`."""

    url: Annotated[str, URL]
    workflow_id: Annotated[str, WORKFLOW_ID]
    name: Annotated[str, NAME]
    run_id: Annotated[str, RUN_ID] = ""
    input: Annotated[list[str] | None, INPUT] = None
    namespace: Annotated[str, NAMESPACE] = "default"


@dataclass(slots=True)
class EndFlags:
    """The arguments of `poly workflow cancel` and `terminate`."""

    url: Annotated[str, URL]
    workflow_id: Annotated[str, WORKFLOW_ID]
    run_id: Annotated[str, RUN_ID] = ""
    reason: Annotated[str, _option("--reason", help="Kept in its history.")] = ""
    namespace: Annotated[str, NAMESPACE] = "default"


@dataclass(slots=True)
class ResetFlags:
    """The arguments of `poly workflow reset`."""

    url: Annotated[str, URL]
    workflow_id: Annotated[str, WORKFLOW_ID]
    run_id: Annotated[str, RUN_ID] = ""
    to: Annotated[ResetPoint, _option("--to", help="Its first or last workflow task.")] = (
        ResetPoint.LAST
    )
    event_id: Annotated[int, _option("--event-id", help="Or that of this event.")] = 0
    reason: Annotated[str, _option("--reason", help="Kept in its history.")] = ""
    namespace: Annotated[str, NAMESPACE] = "default"
