"""What is shown of a workflow while it runs: its tree again and again, its logs as they come.

Both go on until they are cancelled. A tree is drawn over itself on a terminal; elsewhere a line
says how far it is, whenever that changes.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.cli.argo_engine import Engine
from polyrhythm.dialects.argo.showing import workflow_lines
from polyrhythm.dialects.argo.walk.workflow import STATUS
from polyrhythm.sdk.client.run import Run

EVERY_S = 0.5
LOGS_EVERY_S = 0.1
BACK = "\x1b[{}A\x1b[J"


async def watch_tree(run: Run[dict[str, Any]]) -> None:
    """Draw the tree over itself until cancelled; without a terminal a line for each change."""
    drawn, before = 0, ""
    while True:
        try:
            tree = await run.query(STATUS)
        except PolyrhythmError:
            return
        if sys.stderr.isatty():
            lines = workflow_lines(tree, datetime.now(UTC))
            start = BACK.format(drawn) if drawn else ""
            print(start + "\n".join(lines), file=sys.stderr, flush=True)
            drawn = len(lines)
        else:
            status = tree["status"]
            said = f"{tree['metadata']['name']} {status['phase']} {status.get('progress')}"
            if said != before:
                print(said, file=sys.stderr, flush=True)
                before = said
        await asyncio.sleep(EVERY_S)


async def follow_logs(engine: Engine, uid: str) -> None:
    """Print lines of all containers as they come, with their pod's node, until cancelled."""
    folder = engine.places.logs(uid, "x").parent
    read: dict[Path, int] = {}
    try:
        while True:
            print_news(folder, read)
            await asyncio.sleep(LOGS_EVERY_S)
    finally:
        print_news(folder, read)


def print_news(folder: Path, read: dict[Path, int]) -> None:
    """Print whole lines that came since; `read` remembers how far."""
    for file in sorted(folder.glob("*/*.log")):
        start = read.get(file, 0)
        with file.open("rb") as log:
            log.seek(start)
            data = log.read()
        whole = data[: data.rfind(b"\n") + 1]
        read[file] = start + len(whole)
        for line in whole.decode("utf-8", "replace").splitlines():
            print(f"{file.parent.name}: {line.partition(' ')[2]}", flush=True)
