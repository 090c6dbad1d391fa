"""`poly export`: runs of a file or of a service as lines of JSON.

Goes to standard output, or to a file that appears under its name when it is whole.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable
from contextlib import aclosing

from polyrhythm.app.exporting import Wanted, file_lines, service_lines
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.flags import ExportFlags, ExportForm


def run(flags: ExportFlags) -> int:
    """Write the lines and return the exit code."""
    if bool(flags.db) == bool(flags.address):
        print("poly export: name one of --db FILE and --address HOST:PORT", file=sys.stderr)
        return ExitCode.USAGE
    if flags.address and flags.form is ExportForm.FULL:
        print(
            "poly export: a service tells histories only; --form full needs --db", file=sys.stderr
        )
        return ExitCode.USAGE
    wanted = Wanted(flags.namespace, flags.workflow_id, flags.run_id)
    try:
        if flags.db:
            lines: Iterable[str] = file_lines(flags.db, wanted, flags.form is ExportForm.FULL)
        else:
            lines = asyncio.run(_from_service(flags.address, wanted))
        count = _write(lines, flags.output)
    except (PolyrhythmError, OSError) as error:
        print(f"poly export: {error}", file=sys.stderr)
        return ExitCode.FAILED
    runs = count - (flags.form is ExportForm.FULL)
    print(f"{runs} runs", file=sys.stderr)
    return ExitCode.OK


def _write(lines: Iterable[str], path: str) -> int:
    count = 0
    if path == "-":
        for line in lines:
            sys.stdout.write(line + "\n")
            count += 1
        return count
    with open(f"{path}.partial", "w", encoding="utf-8") as file:
        for line in lines:
            file.write(line + "\n")
            count += 1
    os.replace(f"{path}.partial", path)
    return count


async def _from_service(address: str, wanted: Wanted) -> list[str]:
    async with aclosing(service_lines(address, wanted)) as lines:
        return [line async for line in lines]
