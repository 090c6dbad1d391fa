"""Long and many, in process: 8,000 tasks one after the other, and 100,000 workflows asleep.

    python bench/native_scale.py [--steps 8000] [--runs 100000] [--out docs/evidence/FILE.json]

`chain` is one workflow of so many sequential tasks: processor time a task in its first and in its
last window, and how long the whole history takes to be replayed after its code was dropped.
`asleep`: a file filled as by bench/sleeping.py, whose writer dies by SIGKILL; then a program opens
it as its App, is killed and opens it again: seconds from the start of the process until a signal to
one of the sleepers has been answered by its code, and the memory then and after 1,000 of them.
Exit code 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sleeping import SHAPES

from polyrhythm import App, Query, Signal, wf
from polyrhythm.testing.evidence import commit

ROOT = Path(__file__).resolve().parents[1]
WARM = 200
WINDOW = 500
STARTS = 3
TALKS = 1000
GOAL_RATIO = 1.5
GOAL_S = 5.0
GOAL_MB = 300


async def chain(file: str, steps: int) -> dict[str, Any]:
    """Run one workflow of so many tasks."""
    app = App("chain", url=file)
    marks: list[float] = []

    @app.task
    async def step(number: int) -> int:
        marks.append(time.process_time())
        return number + 1

    @app.workflow
    async def long(steps: int) -> int:
        number = 0
        for _ in range(steps):
            number = await step(number)
        return number

    async with app:
        await long.aio.execute(WARM)
        marks.clear()
        began = time.perf_counter()
        run = await long.options(id="long").aio.start(steps)
        assert await run.result() == steps
        seconds = time.perf_counter() - began
        described = await run.describe()
    first, last = window_us(marks, WARM), window_us(marks, steps - WINDOW - 1)
    async with app:
        began = time.perf_counter()
        await app.aio.run("long").query("__stack_trace")
        replay_s = time.perf_counter() - began
    return {
        "steps": steps,
        "events": described.summary.history_events,
        "seconds": round(seconds, 2),
        "cpu_us_per_task": {"first": round(first, 1), "last": round(last, 1)},
        "ratio": round(last / first, 2),
        "replay_s": round(replay_s, 2),
    }


def window_us(marks: list[float], start: int) -> float:
    """Return the processor time a task in the window that begins at a step, microseconds."""
    return (marks[start + WINDOW] - marks[start]) / WINDOW * 1e6


def open_file(file: str, offset: int, runs: int) -> None:
    """Open the file as an App would, talk to sleepers, print the figures."""
    app = App("bench", url=file)
    wake, asked = Signal("s", int), Query("heard", list[int])

    @app.workflow(name="bench")
    async def sleeper() -> str:
        heard: list[int] = []
        asked.handler(lambda: heard)

        async def listen() -> None:
            while True:
                heard.append(await wake.next())

        async with wf.scope(timeout=SHAPES["far"][0]):
            await listen()
        return "awake"

    with app:
        first = app.client.run(f"sleeper-{offset}")
        first.send(wake, 1)
        assert first.query(asked)
        seconds = time.time() - float(os.environ["BEGAN"])
        figures: dict[str, Any] = {"first_answer_s": seconds, "rss_mb": {"first": rss_mb()}}
        for number in range(1, TALKS):
            app.client.run(f"sleeper-{(offset + number * 7) % runs}").send(wake, 1)
        assert 1 in app.client.run(f"sleeper-{(offset + 7) % runs}").query(asked)
        figures["rss_mb"]["1000_awoken"] = rss_mb()
        print(json.dumps(figures), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)


def rss_mb() -> float:
    """Return this process's resident memory, in megabytes of 1,000,000 bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def asleep(folder: str, runs: int, shape: str) -> dict[str, Any]:
    """Fill a file, open it several times."""
    file = str(Path(folder) / f"asleep-{shape}.db")
    fill = [sys.executable, str(ROOT / "bench/sleeping.py"), "--fill", file, "--runs", str(runs)]
    done = subprocess.run([*fill, "--shape", shape], check=False)
    assert done.returncode == -signal.SIGKILL, f"filling ended with {done.returncode}"
    found = []
    for number in range(STARTS):
        command = [sys.executable, __file__, "--open", file, str(number * runs // (STARTS + 1))]
        command += ["--runs", str(runs)]
        opened = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "BEGAN": repr(time.time())},
        )
        assert opened.returncode == -signal.SIGKILL, opened.stdout + opened.stderr
        found.append(json.loads(opened.stdout))
    seconds = [one["first_answer_s"] for one in found]
    return {
        "runs": runs,
        "first_answer_s": {
            "median": round(statistics.median(seconds), 2),
            "max": round(max(seconds), 2),
        },
        "rss_mb": {key: max(one["rss_mb"][key] for one in found) for key in found[0]["rss_mb"]},
    }


def main() -> int:
    """Measure, print and keep."""
    options = parse_args()
    if options.open:
        open_file(options.open[0], int(options.open[1]), options.runs)
        return 1
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        long = asyncio.run(chain(f"{folder}/chain.db", options.steps))
        shapes = {shape: asleep(folder, options.runs, shape) for shape in SHAPES}
    met = long["ratio"] <= GOAL_RATIO and all(
        one["first_answer_s"]["max"] <= GOAL_S and max(one["rss_mb"].values()) <= GOAL_MB
        for one in shapes.values()
    )
    report = {
        "what": "workflows in process: one of many tasks, and many asleep",
        "command": f"python bench/native_scale.py --steps {options.steps} --runs {options.runs}",
        "commit": commit(),
        "python": platform.python_version(),
        "durability": "full",
        "goals": {"ratio": GOAL_RATIO, "first_answer_s": GOAL_S, "rss_mb": GOAL_MB, "met": met},
        "chain": long,
        "asleep": shapes,
    }
    text = json.dumps(report, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    return 0 if met else 1


def parse_args() -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description="long and many, in process")
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--open", nargs=2, metavar="FILE", help="what the other process does")
    parser.add_argument("--dir", help="where the files are made; default: the system's folder")
    parser.add_argument("--out", type=Path, metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
