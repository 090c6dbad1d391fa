"""The flags of `poly argo ...`: a record a verb, whose fields are its options.

Names and short forms are those of the `argo` command where it has them. `flags.py` says how a
record becomes the options of a command.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

import typer


class LintOutput(StrEnum):
    """How findings are printed."""

    PRETTY = "pretty"
    SIMPLE = "simple"
    JSON = "json"


def _option(*names: str, help: str) -> Any:  # noqa: A002 - typer's own word
    return typer.Option(*names, help=help)


@dataclass(slots=True)
class LintFlags:
    """The arguments of `poly argo lint`."""

    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Files and folders; - reads.")
    ]
    output: Annotated[LintOutput, _option("--output", "-o", help="How findings look.")] = (
        LintOutput.PRETTY
    )
    kinds: Annotated[
        list[str], _option("--kinds", help="Only these kinds, such as workflows; repeatable.")
    ] = field(default_factory=list)
    offline: Annotated[
        bool, typer.Option("--offline", help="Templates of other files are not looked for.")
    ] = False
    strict: Annotated[
        bool, typer.Option("--strict/--no-strict", help="Unknown fields are errors.")
    ] = True


class SubmitOutput(StrEnum):
    """What is printed of a workflow that was submitted."""

    TREE = "tree"
    NAME = "name"
    JSON = "json"
    YAML = "yaml"
    WIDE = "wide"


class ExecutorName(StrEnum):
    """What runs the steps: bubblewrap, else plain processes, which have no isolation."""

    SANDBOX = "sandbox"
    PROCESS = "process"


FILES = typer.Argument(metavar="FILE...", help="Manifests; - reads.")
STORE = _option("--db", help="A file that keeps runs; in memory if it is not said.")


@dataclass(slots=True)
class SubmitFlags:
    """The arguments of `poly argo submit`."""

    files: Annotated[list[str], FILES] = field(default_factory=list)
    source: Annotated[str, _option("--from", help="KIND/NAME of a template of the files.")] = ""
    wait: Annotated[bool, typer.Option("--wait", "-w", help="The default: nothing else runs.")] = (
        True
    )
    watch: Annotated[bool, typer.Option("--watch", help="Show the tree while it runs.")] = False
    log: Annotated[bool, typer.Option("--log", help="Print the logs as they come.")] = False
    output: Annotated[SubmitOutput, _option("--output", "-o", help="What is printed.")] = (
        SubmitOutput.TREE
    )
    parameters: Annotated[
        list[str], typer.Option("--parameter", "-p", metavar="KEY=VALUE", help="An argument.")
    ] = field(default_factory=list)
    parameter_file: Annotated[
        str, _option("--parameter-file", "-f", help="Arguments as a map of YAML or JSON.")
    ] = ""
    entrypoint: Annotated[str, _option("--entrypoint", help="Another template.")] = ""
    name: Annotated[str, _option("--name", help="Its name.")] = ""
    generate_name: Annotated[str, _option("--generate-name", help="How its name begins.")] = ""
    namespace: Annotated[str, _option("--namespace", "-n", help="Its namespace.")] = ""
    labels: Annotated[str, _option("--labels", "-l", help="k=v,k=v")] = ""
    annotations: Annotated[str, _option("--annotations", help="k=v,k=v")] = ""
    service_account: Annotated[str, _option("--serviceaccount", help="Kept in the object.")] = ""
    priority: Annotated[int | None, _option("--priority", help="Kept in the object.")] = None
    strict: Annotated[
        bool, typer.Option("--strict/--no-strict", help="Unknown fields are errors.")
    ] = True
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print it, start nothing.")] = False
    db: Annotated[str, STORE] = ""
    executor: Annotated[ExecutorName, _option("--executor", help="What runs the steps.")] = (
        ExecutorName.SANDBOX
    )
