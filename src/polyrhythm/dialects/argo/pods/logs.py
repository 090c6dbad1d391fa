"""Logs of containers: a file each, a line as soon as it happens, bounded.

A line has its time before it, as `kubectl logs --timestamps` shows it; readers cut that off.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from polyrhythm.base.limits import POD_LOG_BYTES_MAX
from polyrhythm.executors.port import SECOND_NS, Line, Run

CUT = "... the log is cut here: it is longer than its limit"


async def keep_lines(run: Run, file: Path) -> None:
    """Write the lines of a run into a file until it ends."""
    file.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    joined = False
    with file.open("ab", buffering=0) as log:
        async for line in run.lines():
            if size > POD_LOG_BYTES_MAX:
                continue
            data = (b"" if joined else stamp(line)) + line.data + (b"" if line.partial else b"\n")
            joined = line.partial
            size += len(data)
            log.write(data if size <= POD_LOG_BYTES_MAX else stamp(line) + CUT.encode() + b"\n")


def stamp(line: Line) -> bytes:
    """The time of a line and a space."""
    when = datetime.fromtimestamp(line.time_ns // SECOND_NS, UTC)
    rest = line.time_ns % SECOND_NS
    return f"{when:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z ".encode()


def read_lines(file: Path, *, timestamps: bool = False) -> list[str]:
    """The lines of a log that is kept."""
    if not file.exists():
        return []
    lines = file.read_bytes().decode("utf-8", "replace").splitlines()
    return lines if timestamps else [line.partition(" ")[2] for line in lines]
