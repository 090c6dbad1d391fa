"""Plain tasks beside workflows of one task, in process: what a workflow costs above its task.

    python bench/plain_tasks.py [--count 3000] [--rounds 3] [--out docs/evidence/plain-tasks.json]

One program on one file, durability full. Each round starts `count` of each kind, so many at a time,
and waits for all results; the two kinds alternate within a round, so that both meet the same
machine. Figures are the medians of the rounds: how many a second, and processor time for each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from polyrhythm import App
from polyrhythm.testing.evidence import commit

IN_FLIGHT = (1, 100)
SEQUENTIAL_SHARE = 10


async def measure(
    execute: Callable[[int], Awaitable[int]], count: int, at_once: int
) -> dict[str, float]:
    """Run so many, so many at once; return the rate and the processor time for each."""
    left = iter(range(count))

    async def one_after_the_other() -> None:
        for number in left:
            assert await execute(number) == number + 1

    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    return {"per_s": count / seconds, "processor_us": processor / count * 1e6}


async def run(file: str, count: int, rounds: int) -> dict[str, Any]:
    """Measure both kinds, alone and many at a time."""
    app = App("plain-bench", url=file)

    @app.task
    async def step(number: int) -> int:
        return number + 1

    @app.workflow
    async def one(number: int) -> int:
        return await step(number)

    found: dict[str, dict[str, list[float]]] = {}
    async with app:
        kinds = {"plain task": step.aio.execute, "workflow of one task": one.aio.execute}
        for execute in kinds.values():
            await measure(execute, 200, 20)
        for _ in range(rounds):
            for at_once in IN_FLIGHT:
                amount = count if at_once > 1 else count // SEQUENTIAL_SHARE
                for kind, execute in kinds.items():
                    figures = found.setdefault(f"{kind}, {at_once} at once", {})
                    for name, value in (await measure(execute, amount, at_once)).items():
                        figures.setdefault(name, []).append(value)
    return {
        kind: {name: round(statistics.median(values), 1) for name, values in figures.items()}
        for kind, figures in found.items()
    }


def main() -> None:
    """Measure and leave the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        figures = asyncio.run(run(url, options.count, options.rounds))
    report = {
        "what": "plain tasks beside workflows of one task, in process, durability full",
        "command": f"python bench/plain_tasks.py --count {options.count} --rounds {options.rounds}",
        "commit": commit(),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": [round(value, 1) for value in os.getloadavg()],
        "figures": figures,
    }
    text = json.dumps(report, indent=2) + "\n"
    print(text, end="")
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
