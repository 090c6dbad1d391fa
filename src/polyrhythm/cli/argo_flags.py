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
