"""`poly db backup`: a copy of a file that may be in use.

The copy appears under its name when it is whole and on the disk, never before.
"""

from __future__ import annotations

import os
import sys

from polyrhythm.app.compose import backup_database
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.flags import BackupFlags


def run(flags: BackupFlags) -> int:
    """Copy, print, and return the exit code."""
    try:
        backup_database(flags.file, flags.to)
        size = os.path.getsize(flags.to)
    except (PolyrhythmError, OSError) as error:
        print(f"poly db backup: {error}", file=sys.stderr)
        return ExitCode.FAILED
    print(f"{flags.to}: {size} bytes")
    return ExitCode.OK
