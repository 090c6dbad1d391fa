"""The flags of the `poly argo` verbs that look at runs which are kept, or tell them something.

All take `--db`, the file that `poly argo submit --db` wrote or is at work on.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from polyrhythm.cli.argo_flags import ExecutorName, SubmitOutput


def _option(*names: str, help: str) -> Any:  # noqa: A002 - typer's own word
    return typer.Option(*names, help=help)


NAMES = typer.Argument(metavar="WORKFLOW...", help="Names of workflows.")
DB = _option("--db", help="The file that keeps the runs.")
SELECTOR = _option("--node-field-selector", help="As in displayName=approve; all if not said.")
PAIRS = typer.Option("--parameter", "-p", metavar="KEY=VALUE", help="An argument.")


@dataclass(slots=True)
class ListFlags:
    """The arguments of `poly argo list`."""

    db: Annotated[str, DB]
    status: Annotated[str, _option("--status", help="Only these phases, as in Failed,Error.")] = ""
    prefix: Annotated[str, _option("--prefix", help="Only names that begin so.")] = ""
    output: Annotated[SubmitOutput, _option("--output", "-o", help="How they look.")] = (
        SubmitOutput.WIDE
    )


@dataclass(slots=True)
class GetFlags:
    """The arguments of `poly argo get`."""

    names: Annotated[list[str], NAMES]
    db: Annotated[str, DB]
    output: Annotated[SubmitOutput, _option("--output", "-o", help="How it looks.")] = (
        SubmitOutput.TREE
    )


@dataclass(slots=True)
class LogsFlags:
    """The arguments of `poly argo logs`."""

    name: Annotated[str, typer.Argument(metavar="WORKFLOW", help="Its name.")]
    db: Annotated[str, DB]
    node: Annotated[str, typer.Argument(metavar="POD", help="Only this pod or node.")] = ""
    container: Annotated[str, _option("--container", "-c", help="Only this container.")] = ""
    tail: Annotated[int, _option("--tail", help="The last lines of each; -1: all.")] = -1
    grep: Annotated[str, _option("--grep", help="Only lines with this text.")] = ""
    timestamps: Annotated[bool, typer.Option("--timestamps", help="Times before lines.")] = False


@dataclass(slots=True)
class TellFlags:
    """The arguments of `poly argo stop|terminate|suspend|resume|delete`."""

    names: Annotated[list[str], NAMES]
    db: Annotated[str, DB]
    selector: Annotated[str, SELECTOR] = ""
    message: Annotated[str, _option("--message", help="Why; of stop and set.")] = ""


@dataclass(slots=True)
class SetFlags:
    """The arguments of `poly argo set`: `argo node set`."""

    name: Annotated[str, typer.Argument(metavar="WORKFLOW", help="Its name.")]
    db: Annotated[str, DB]
    selector: Annotated[str, SELECTOR] = ""
    message: Annotated[str, _option("--message", help="The message of the node.")] = ""
    phase: Annotated[str, _option("--phase", help="The phase that it ends in.")] = ""
    parameters: Annotated[
        list[str], typer.Option("--output-parameter", metavar="KEY=VALUE", help="An output.")
    ] = field(default_factory=list)


@dataclass(slots=True)
class ResubmitFlags:
    """The arguments of `poly argo resubmit`."""

    name: Annotated[str, typer.Argument(metavar="WORKFLOW", help="Its name.")]
    db: Annotated[str, DB]
    parameters: Annotated[list[str], PAIRS] = field(default_factory=list)
    output: Annotated[SubmitOutput, _option("--output", "-o", help="How it looks.")] = (
        SubmitOutput.TREE
    )
    executor: Annotated[ExecutorName, _option("--executor", help="What runs the steps.")] = (
        ExecutorName.SANDBOX
    )
