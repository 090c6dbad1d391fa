"""What a step costs in an executor: a chain of `true`, many pods at once, a fan-out, floods.

    python bench/executors.py [--steps 200] [--out docs/evidence/executors.json]

No engine is in between: the figures are the executor's share of a node. A chain opens a pod, runs
one step to its end and closes the pod, one after the other; its figures are milliseconds from
opening to the end, and to the close. The rates run so many of these at once. `seconds` of the
fan-out are those of 1,000 pods, eight at once; the flood is 100 MB of lines that are all read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from polyrhythm.executors.port import Executor, PodSpec, Step
from polyrhythm.executors.process import ProcessExecutor
from polyrhythm.executors.sandbox import SandboxExecutor
from polyrhythm.testing.evidence import commit, spread

STEPS = {
    "true of busybox": Step("busybox", ("true",)),
    "print of python": Step("python:alpine3.23", ("python", "-c", "print(1)")),
}
AT_ONCE = (1, 2, 8)
FAN_OUT = 1000
FLOOD = Step("busybox", ("sh", "-c", "yes 0123456789abcdef | head -c 100000000"))


async def node(executor: Executor, step: Step) -> tuple[float, float]:
    """One pod of one step; milliseconds to its end and to the close of its pod."""
    began = time.perf_counter()
    pod = await executor.open_pod(PodSpec("bench"))
    ended = await (await pod.start(step)).wait()
    done = time.perf_counter()
    await pod.close()
    assert ended.exit_code == 0, ended
    return (done - began) * 1e3, (time.perf_counter() - began) * 1e3


async def rate(executor: Executor, step: Step, count: int, at_once: int) -> float:
    """Nodes a second, so many at once."""
    left = iter(range(count))

    async def one_after_the_other() -> None:
        for _ in left:
            await node(executor, step)

    began = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    return count / (time.perf_counter() - began)


async def flood(executor: Executor) -> dict[str, float]:
    """Read all lines of a step that prints as fast as it can."""
    pod = await executor.open_pod(PodSpec("flood"))
    began = time.perf_counter()
    run = await pod.start(FLOOD)
    lines = 0
    async for _ in run.lines():
        lines += 1
    seconds = time.perf_counter() - began
    await pod.close()
    return {"lines": lines, "megabytes_per_s": round(100 / seconds, 1)}


async def measure(make: Callable[[str], Executor], steps: int) -> dict[str, Any]:
    """All figures of one executor."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        executor = make(folder)
        for name, step in STEPS.items():
            await node(executor, step)
            chain = [await node(executor, step) for _ in range(steps)]
            figures[f"{name}, ms to its end"] = spread([end for end, _ in chain])
            figures[f"{name}, ms to the close"] = spread([close for _, close in chain])
            figures[f"{name}, nodes/s"] = {
                f"{at_once} at once": round(await rate(executor, step, steps, at_once), 1)
                for at_once in AT_ONCE
            }
        began = time.perf_counter()
        await rate(executor, STEPS["true of busybox"], FAN_OUT, 8)
        figures[f"fan-out of {FAN_OUT}, seconds"] = round(time.perf_counter() - began, 1)
        figures["100 MB of lines"] = await flood(executor)
        await executor.close()
    return figures


def main() -> None:
    """Measure and leave the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    report = {
        "what": "what one step costs in an executor, without an engine",
        "command": f"python bench/executors.py --steps {options.steps}",
        "commit": commit(),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "sandbox": asyncio.run(measure(SandboxExecutor, options.steps)),
        "process": asyncio.run(measure(ProcessExecutor, options.steps)),
    }
    text = json.dumps(report, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
