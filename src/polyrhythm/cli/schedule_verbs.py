"""The verbs of `poly schedule`, a group of their own below `poly`.

Each loads its part when it runs, as those of `program.py` do: `next` needs neither a file nor gRPC.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer

from polyrhythm.cli.flags import takes
from polyrhythm.cli.schedule_flags import (
    AddFlags,
    CrontabFlags,
    JobFlags,
    JobsFlags,
    NextFlags,
    WorkFlags,
)

VERBS = {
    "pause": "Let jobs wait while their times pass",
    "resume": "Let jobs go on",
    "run": "Run jobs now, beside their times, also paused ones",
    "remove": "Remove jobs; runs that they have begun go on",
}


def _next(flags: NextFlags) -> int:
    """Print the coming times of a spec; asks no file and no server.

    With --stdin every line is a request as JSON, with spec, tz, from, count and seconds, and gets
    one line, with times.

    Exit codes: 0 printed, 1 it has no time to come, 2 the spec or a flag is wrong.
    """
    code: int = import_module("polyrhythm.cli.schedule_next").run(flags)
    return code


def _list(flags: JobsFlags) -> int:
    """Print the jobs of a file or a service, lines of JSON by id.

    Exit codes: 0 printed, 1 it could not be asked.
    """
    code: int = import_module("polyrhythm.cli.schedule_jobs").run_list(flags)
    return code


def _add(flags: AddFlags) -> int:
    """Add a job that is a command or a call; `poly schedule work` runs it.

    Exit codes: 0 added, 1 not added, 2 a flag is wrong.
    """
    code: int = import_module("polyrhythm.cli.schedule_commands").run_add(flags)
    return code


def _import(flags: CrontabFlags) -> int:
    """Make jobs of the lines of a crontab; jobs of its tag that it has no more are removed.

    Exit codes: 0 done, 1 not done, 2 a line is wrong, and nothing was done.
    """
    code: int = import_module("polyrhythm.cli.schedule_commands").run_import(flags)
    return code


def _work(flags: WorkFlags) -> int:
    """Run commands and calls of jobs until SIGTERM, as this user.

    Exit codes: 0 ended in order, 1 the file or the service cannot be reached.
    """
    code: int = import_module("polyrhythm.cli.schedule_commands").run_work(flags)
    return code


def _verb(name: str, what: str) -> Callable[[JobFlags], int]:
    def verb(flags: JobFlags) -> int:
        code: int = import_module("polyrhythm.cli.schedule_jobs").run_verb(name, flags)
        return code

    codes = "Exit codes: 0 done, 1 not done, 2 no job is named."
    verb.__doc__ = f"{what}, by id or by tag; prints their ids.\n\n{codes}"
    return verb


def build_schedule(plain: dict[str, Any]) -> typer.Typer:
    """Return the group of verbs."""
    group = typer.Typer(no_args_is_help=True, **plain)
    group.command("next")(takes(NextFlags, _next))
    group.command("list")(takes(JobsFlags, _list))
    group.command("add")(takes(AddFlags, _add))
    group.command("import")(takes(CrontabFlags, _import))
    group.command("work")(takes(WorkFlags, _work))
    for name, what in VERBS.items():
        group.command(name)(takes(JobFlags, _verb(name, what)))
    return group
