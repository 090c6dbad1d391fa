"""The verbs of `poly workflow`, a group of their own below `poly`.

Each loads its part when it runs, as those of `program.py` do.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer

from polyrhythm.cli.flags import takes
from polyrhythm.cli.workflow_flags import (
    CountFlags,
    EndFlags,
    ExplainFlags,
    ListFlags,
    MessageFlags,
    ResetFlags,
    ShowFlags,
    StartFlags,
)

CODES = "Exit codes: 0 done, 1 not done, 2 bad flags."
VERBS: tuple[tuple[str, type, str], ...] = (
    ("list", ListFlags, "Print runs, newest first: a line each, or lines of JSON."),
    ("count", CountFlags, "Print how many runs there are, also by GROUP BY ExecutionStatus."),
    ("show", ShowFlags, "Print a run: what it is, what is pending, its history."),
    ("explain", ExplainFlags, "Print why a run is where it is, and what helps."),
    ("start", StartFlags, "Start a workflow; prints its ids as JSON."),
    ("signal", MessageFlags, "Send a signal."),
    ("query", MessageFlags, "Ask a workflow's code; prints the answer as JSON."),
    ("update", MessageFlags, "Call a workflow's code and wait; prints the answer as JSON."),
    ("cancel", EndFlags, "Ask a run to end."),
    ("terminate", EndFlags, "End a run at once."),
    ("reset", ResetFlags, "Begin a run again from a workflow task; prints the new run id."),
)


def build_workflow(plain: dict[str, Any]) -> typer.Typer:
    """Return the group of verbs."""
    group = typer.Typer(no_args_is_help=True, **plain)
    for name, flags, what in VERBS:
        group.command(name)(takes(flags, _verb(name, what)))
    return group


def _verb(name: str, what: str) -> Callable[[Any], int]:
    def verb(flags: Any) -> int:
        code: int = import_module("polyrhythm.cli.workflow_runs").run(name, flags)
        return code

    verb.__doc__ = f"{what}\n\n{CODES}"
    return verb
