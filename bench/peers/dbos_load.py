"""Load on DBOS in process: workflows of a number of steps, on one SQLite file.

Run with a Python that has `dbos`: `python dbos_load.py FILE WORKFLOWS STEPS AT_ONCE`. Prints one
JSON line in the shape of bench/native.py's own measurement.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from dbos import DBOS

SEQUENTIAL = 30


@DBOS.step()
async def add_one(number: int) -> int:
    """The smallest step there is."""
    return number + 1


@DBOS.workflow()
async def chain(steps: int) -> int:
    """Steps one after the other."""
    number = 0
    for _ in range(steps):
        number = await add_one(number)
    return number


async def measure(workflows: int, steps: int, at_once: int) -> dict[str, float]:
    """Return rates and latencies."""
    DBOS.launch()
    latencies = []
    for _ in range(SEQUENTIAL):
        began = time.perf_counter()
        assert await chain(steps) == steps
        latencies.append(time.perf_counter() - began)
    room = asyncio.Semaphore(at_once)

    async def one() -> None:
        async with room:
            assert await chain(steps) == steps

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one() for _ in range(workflows)))
    elapsed, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {
        "workflows_per_s": round(workflows / elapsed, 1),
        "tasks_per_s": round(workflows * steps / elapsed, 1),
        "cpu_us_per_workflow": round(cpu / workflows * 1e6, 1),
        "sequential_p50_ms": round(sorted(latencies)[SEQUENTIAL // 2] * 1e3, 2),
    }


def main() -> None:
    """Measure and print."""
    file, workflows, steps, at_once = sys.argv[1], *map(int, sys.argv[2:5])
    Path(file).unlink(missing_ok=True)
    DBOS(
        config={
            "name": "bench",
            "system_database_url": f"sqlite:///{file}",
            "run_admin_server": False,
            "log_level": "ERROR",
        }
    )
    print(json.dumps(asyncio.run(measure(workflows, steps, at_once))))
    DBOS.destroy()


if __name__ == "__main__":
    main()
