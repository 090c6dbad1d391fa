"""`poly db check`: whether a file is sound.

Says what was read; then, a line each, what is damaged and what that means.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from polyrhythm.app.compose import check_database
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.flags import CheckFlags

SHOWN_MAX = 10


def run(flags: CheckFlags) -> int:
    """Check, print, and return the exit code."""
    try:
        report = check_database(flags.file)
    except PolyrhythmError as error:
        print(f"poly db check: {error}", file=sys.stderr)
        return ExitCode.FAILED
    if report.is_sound():
        print(f"{flags.file} is sound: {report.log_rows} log rows read")
        return ExitCode.OK
    print(f"{flags.file} is damaged; {report.log_rows} log rows read")
    for line in report.structure[:SHOWN_MAX]:
        print(f"  structure: {line}")
    found: dict[str, Sequence[object]] = {
        "runs whose log is damaged (their state cannot be rebuilt)": report.damaged_logs,
        "runs whose log has gaps (their state cannot be rebuilt)": report.incomplete_logs,
        "logs without a run": report.orphaned_logs,
        "damaged permits and projections": report.damaged_objects,
        "damaged snapshots (harmless: rebuilt from the log)": report.damaged_snapshots,
    }
    for text, keys in found.items():
        if keys:
            shown = ", ".join(str(key) for key in keys[:SHOWN_MAX])
            more = ", ..." if len(keys) > SHOWN_MAX else ""
            print(f"  {len(keys)} {text}: {shown}{more}")
    return ExitCode.DAMAGED
