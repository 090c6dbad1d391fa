"""`poly db check`: whether a file is sound.

Says what was read; then, a line each, what is damaged and what that means. `--deep` also folds each
run's log and compares its row, `--repair` first writes the rows that differ anew.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from polyrhythm.app.compose import check_database
from polyrhythm.app.row_check import RowReport, check_rows, repair_rows
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.flags import CheckFlags

SHOWN_MAX = 10


def run(flags: CheckFlags) -> int:
    """Check, print, and return the exit code."""
    rows = RowReport()
    try:
        if flags.repair:
            mended = repair_rows(flags.file)
            print(f"{len(mended.differing)} rows written anew{_shown(mended.differing)}")
        if flags.deep or flags.repair:
            rows = check_rows(flags.file)
        report = check_database(flags.file)
    except PolyrhythmError as error:
        print(f"poly db check: {error}", file=sys.stderr)
        return ExitCode.FAILED
    read = f"{report.log_rows} log rows read"
    read += f", {rows.runs} runs folded" if rows.runs else ""
    if report.is_sound() and rows.is_sound():
        print(f"{flags.file} is sound: {read}")
        return ExitCode.OK
    print(f"{flags.file} is damaged; {read}")
    for line in report.structure[:SHOWN_MAX]:
        print(f"  structure: {line}")
    found: dict[str, Sequence[object]] = {
        "runs whose log is damaged (their state cannot be rebuilt)": report.damaged_logs,
        "runs whose log has gaps (their state cannot be rebuilt)": report.incomplete_logs,
        "logs without a run": report.orphaned_logs,
        "runs whose search attributes are indexed wrongly (--repair)": report.wrongly_indexed,
        "damaged permits and projections": report.damaged_objects,
        "runs whose row is not what the log says (--repair writes it anew)": rows.differing,
        "runs whose row counts more than the log holds (left as they are)": rows.short_logs,
        "runs that cannot be folded": rows.unreadable,
        "damaged snapshots (harmless: rebuilt from the log)": report.damaged_snapshots,
    }
    for text, keys in found.items():
        if keys:
            print(f"  {len(keys)} {text}{_shown(keys)}")
    return ExitCode.DAMAGED


def _shown(keys: Sequence[object]) -> str:
    shown = ", ".join(str(key) for key in keys[:SHOWN_MAX])
    more = ", ..." if len(keys) > SHOWN_MAX else ""
    return f": {shown}{more}" if keys else ""
