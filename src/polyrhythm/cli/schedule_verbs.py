"""The verbs of `poly schedule`, a group of their own below `poly`.

Each loads its part when it runs, as those of `program.py` do: `next` needs neither a file nor gRPC.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer

from polyrhythm.cli.flags import takes
from polyrhythm.cli.schedule_flags import NextFlags


def _next(flags: NextFlags) -> int:
    """Print the coming times of a spec; asks no file and no server.

    With --stdin every line is a request as JSON, with spec, tz, from, count and seconds, and gets
    one line, with times.

    Exit codes: 0 printed, 1 it has no time to come, 2 the spec or a flag is wrong.
    """
    code: int = import_module("polyrhythm.cli.schedule_next").run(flags)
    return code


def build_schedule(plain: dict[str, Any]) -> typer.Typer:
    """Return the group of verbs."""
    group = typer.Typer(no_args_is_help=True, **plain)
    group.command("next")(takes(NextFlags, _next))
    return group
