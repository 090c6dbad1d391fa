"""`poly import`: runs into a file that no server has, from `poly export` or a plain history.

Says how many runs were taken, how many of them are open, and what will not stay for long.
"""

from __future__ import annotations

import sys

from polyrhythm.app.importing import Taken, Ways, import_runs
from polyrhythm.base.errors import LaneHeld, PolyrhythmError
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.flags import ImportFlags


def run(flags: ImportFlags) -> int:
    """Take the runs, say what was taken, and return the exit code."""
    ways = Ways(
        flags.namespace, flags.workflow_id, flags.run_id, flags.skip_existing, flags.skip_open
    )
    try:
        if flags.source == "-":
            taken = import_runs(sys.stdin, flags.db_filename, ways)
        else:
            with open(flags.source, encoding="utf-8") as lines:
                taken = import_runs(lines, flags.db_filename, ways)
    except LaneHeld:
        text = f"a server has {flags.db_filename}: end it first"
        print(f"poly import: {text}", file=sys.stderr)
        return ExitCode.FAILED
    except (PolyrhythmError, OSError) as error:
        print(f"poly import: {error}", file=sys.stderr)
        return ExitCode.FAILED
    _say(flags.db_filename, taken)
    return ExitCode.OK


def _say(file: str, taken: Taken) -> None:
    skipped = f", {taken.skipped} were there already" if taken.skipped else ""
    left = f", {taken.left_open} histories of open runs left out" if taken.left_open else ""
    print(f"{file}: {taken.runs} runs taken, {taken.open_runs} of them open{skipped}{left}")
    if taken.expired:
        print(
            f"{taken.expired} closed longer ago than their namespace keeps runs: the next server"
            " deletes them",
            file=sys.stderr,
        )
