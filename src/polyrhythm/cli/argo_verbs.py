"""The verbs of `poly argo`, a group of their own below `poly`.

Each loads its part when it runs, as those of `program.py` do. What reads YAML is an extra:
`pip install polyrhythm[argo]`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer

from polyrhythm.cli.argo_flags import LintFlags, SubmitFlags
from polyrhythm.cli.argo_store_flags import (
    GetFlags,
    ListFlags,
    LogsFlags,
    ResubmitFlags,
    SetFlags,
    TellFlags,
)
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.flags import takes


def _run(part: str, flags: Any) -> int:
    if find_spec("yaml") is None:
        print("poly argo: manifests need PyYAML: pip install polyrhythm[argo]", file=sys.stderr)
        return ExitCode.FAILED
    code: int = import_module(f"polyrhythm.cli.{part}").run(flags)
    return code


def _lint(flags: LintFlags) -> int:
    """Check manifests of Argo: their fields, their types, what they refer to.

    Templates that they refer to are looked for in the same files.

    Exit codes: 0 nothing is wrong, 1 something is, 2 a file cannot be read.
    """
    return _run("argo_lint", flags)


def _submit(flags: SubmitFlags) -> int:
    """Run the workflows of files with an engine in this process, to their end.

    Templates and ConfigMaps that they refer to are looked for in the same files.

    Exit codes: 0 all succeeded, 1 one did not or could not begin, 2 a file cannot be read.
    """
    return _run("argo_submit", flags)


def _store(part: str) -> Callable[[Any], int]:
    """A verb of `argo_store.py`, loaded when it runs."""

    def verb(flags: Any) -> int:
        if part in TOLD:
            code: int = import_module("polyrhythm.cli.argo_store").run_tell(part, flags)
        else:
            code = getattr(import_module("polyrhythm.cli.argo_store"), f"run_{part}")(flags)
        return code

    verb.__doc__ = f"{STORE_VERBS[part][1]}\n\n    {CODES}\n    "
    return verb


CODES = "Exit codes: 0 done, 1 it could not be, 2 the command line is wrong."
TOLD = ("stop", "terminate", "suspend", "resume", "delete")
# What each verb on a store file takes, and what its help says.
STORE_VERBS: dict[str, tuple[type, str]] = {
    "list": (ListFlags, "Print the workflows of a file."),
    "get": (GetFlags, "Print workflows of a file with their nodes."),
    "logs": (LogsFlags, "Print the logs of a workflow's pods."),
    "stop": (TellFlags, "Stop workflows; their exit handlers run."),
    "terminate": (TellFlags, "Terminate workflows; no handler runs."),
    "suspend": (TellFlags, "Let workflows begin nothing new."),
    "resume": (TellFlags, "Let suspended workflows and suspended nodes go on."),
    "delete": (TellFlags, "Delete workflows, with their histories."),
    "set": (SetFlags, "Let suspended nodes go on with outputs: `argo node set`."),
    "resubmit": (ResubmitFlags, "Run a workflow again under a new name, to its end."),
}


def build_argo(plain: dict[str, Any]) -> typer.Typer:
    """Return the group of verbs."""
    group = typer.Typer(no_args_is_help=True, **plain)
    group.command("lint")(takes(LintFlags, _lint))
    group.command("submit")(takes(SubmitFlags, _submit))
    for name, (flags, _) in STORE_VERBS.items():
        group.command(name)(takes(flags, _store(name)))
    return group
