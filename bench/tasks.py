"""Durable tasks end to end with results, beside task queues on Redis; delayed tasks in order.

    python bench/tasks.py [--count 5000] [--due 20000] [--peers PYTHON] [--out FILE]

One program on one file in process, 8 at once. Durability full survives a power cut with each
result, normal a crash of the process: what Redis gives with its log synced once a second. `--peers`
names a Python that has dramatiq and celery: they run in the same run on such a Redis, with as many
threads (Dramatiq) or two processes (Celery). Enqueueing is also measured from another process that
is attached to the file, in batches of 100. `out_of_eta_order_ms_max` is how much earlier a task's
ETA was than that of one begun before it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from polyrhythm import App
from polyrhythm.testing.evidence import commit

AT_ONCE = 8
IN_FLIGHT = 100
DELAYED = 200
# Between the times of tasks that come due together.
SPACING_S = 0.0001
PEERS = Path(__file__).parent / "peers"
REDIS_PORT = 7890


def program(file: str, ran: list[int], **settings: Any) -> tuple[App, Any, Any]:
    """An application with one task that adds and one that says when it began."""
    app = App("task-bench", url=f"sqlite:///{file}", **settings)

    @app.task
    async def add(one: int, two: int) -> int:
        return one + two

    @app.task
    async def order(number: int) -> float:
        ran.append(number)
        return time.time()

    return app, add, order


async def gathered(work: Any, count: int, at_once: int) -> float:
    """Do numbered work, so many at once; return how many a second."""
    left = iter(range(count))

    async def one_after_the_other() -> None:
        for number in left:
            await work(number)

    began = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    return count / (time.perf_counter() - began)


async def throughput(file: str, count: int, durability: str) -> dict[str, float]:
    """Send all, then wait for every result, as the peers' programs do."""
    app, add, _ = program(file, [], tasks_max=AT_ONCE, durability=durability)
    async with app:
        await add.aio.execute(1, 1)
        runs: list[Any] = [None] * count

        async def send(number: int) -> None:
            runs[number] = await add.aio.start(number, 1)

        async def take(number: int) -> None:
            assert await runs[number].result() == number + 1

        began = time.perf_counter()
        await gathered(send, count, IN_FLIGHT)
        sent = time.perf_counter() - began
        await gathered(take, count, IN_FLIGHT)
        ended = time.perf_counter() - began
    return {"tasks_per_s": count / ended, "enqueue_per_s": count / sent}


async def lateness(file: str) -> dict[str, float]:
    """Start delayed tasks while workers are free; return how late their functions began, in ms."""
    app, _, order = program(file, [], tasks_max=AT_ONCE)
    late: list[float] = []
    async with app:

        async def one(number: int) -> None:
            due_s = time.time() + (delay_s := 0.5 + number * 0.01)
            run = await order.options(delay=delay_s).aio.start(number)
            late.append((await run.result() - due_s) * 1000)

        await asyncio.gather(*(one(number) for number in range(DELAYED)))
    return {
        "late_ms_p50": statistics.median(late),
        "late_ms_p99": statistics.quantiles(late, n=100)[98],
        "late_ms_max": max(late),
    }


async def drain(file: str, count: int) -> dict[str, float]:
    """Have tasks come due while nobody works; then measure their order and rate."""
    app, _, order = program(file, [], works=False)
    numbers = list(range(count))
    random.Random(1).shuffle(numbers)
    async with app:
        due_s = time.time() + 2 + count / 1000

        async def send(index: int) -> None:
            number = numbers[index]
            eta = datetime.fromtimestamp(due_s + number * SPACING_S, UTC)
            await order.options(eta=eta, id=f"due-{number}").aio.start(number)

        sent_per_s = await gathered(send, count, IN_FLIGHT)
    await asyncio.sleep(max(0.0, due_s + count * SPACING_S - time.time()) + 0.5)
    ran: list[int] = []
    app, _, _ = program(file, ran, tasks_max=AT_ONCE)
    async with app:
        began = time.perf_counter()
        while await app.aio.count_tasks("ExecutionStatus = 'Running' AND ActivityType = 'order'"):
            await asyncio.sleep(0.1)
        seconds = time.perf_counter() - began
    latest, early = 0, 0
    for number in ran:
        latest = max(latest, number)
        early = max(early, latest - number)
    return {
        "drained_per_s": count / seconds,
        "enqueue_delayed_per_s": sent_per_s,
        "out_of_eta_order_ms_max": early * SPACING_S * 1000,
        "ran": len(ran),
    }


def send_from_outside(file: str, count: int, answers: Any) -> None:
    """Start tasks in a process that is attached to the file."""

    async def play() -> float:
        app, add, _ = program(file, [], works=False)
        async with app:
            await add.aio.start(0, 0)
            began = time.perf_counter()
            await add.aio.start_many([(number, 1) for number in range(count)])
            return count / (time.perf_counter() - began)

    answers.put(asyncio.run(play()))


async def from_outside(file: str, count: int) -> dict[str, float]:
    """Own the file, and let another process send."""
    app, _, _ = program(file, [], tasks_max=AT_ONCE)
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    async with app:
        sender = context.Process(target=send_from_outside, args=(file, count, answers))
        sender.start()
        rate = await asyncio.to_thread(answers.get)
        sender.join()
    return {"enqueue_from_another_process_per_s": rate}


def peers(python: str, count: int) -> dict[str, Any]:
    """Run the same on Dramatiq and Celery over one Redis with its log on."""
    found: dict[str, Any] = {}
    workers = {
        "dramatiq": ["-m", "dramatiq", "dramatiq_load", "-p", "1", "-t", str(AT_ONCE)],
        "celery": ["-m", "celery", "-A", "celery_load", "worker", "-c", "2", "-l", "ERROR"],
    }
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with tempfile.TemporaryDirectory() as folder:
        redis = ["redis-server", "--port", str(REDIS_PORT), "--appendonly", "yes", "--dir", folder]
        server = subprocess.Popen([*redis, "--bind", "127.0.0.1"], **quiet)
        try:
            for name, words in workers.items():
                worker = subprocess.Popen([python, *words], cwd=PEERS, **quiet)
                try:
                    load = [python, f"{name}_load.py", str(count)]
                    said = subprocess.run(
                        load, cwd=PEERS, capture_output=True, check=True, timeout=300
                    )
                    found[name] = json.loads(said.stdout)
                finally:
                    worker.terminate()
                    worker.wait()
        finally:
            server.terminate()
            server.wait()
    return found


def main() -> None:
    """Measure and leave the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--due", type=int, default=20_000)
    parser.add_argument("--peers", default="")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for mode in ("full", "normal"):
            file = f"{folder}/{mode}.db"
            figures[f"durability {mode}"] = asyncio.run(throughput(file, options.count, mode))
        if options.peers:
            figures |= peers(options.peers, options.count)
        own = figures["durability full"]
        own |= asyncio.run(from_outside(f"{folder}/b.db", options.count))
        own |= asyncio.run(lateness(f"{folder}/c.db"))
        own |= asyncio.run(drain(f"{folder}/d.db", options.due))
    for values in figures.values():
        values |= {name: round(value, 1) for name, value in values.items()}
    report = {
        "what": "durable tasks end to end with results, in process, durability full",
        "command": " ".join(["python", "bench/tasks.py", *_words(options)]),
        "commit": commit(),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": [round(value, 1) for value in os.getloadavg()],
        "figures": figures,
    }
    text = json.dumps(report, indent=2) + "\n"
    sys.stdout.write(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")


def _words(options: argparse.Namespace) -> list[str]:
    words = ["--count", str(options.count), "--due", str(options.due)]
    return [*words, "--peers", "PYTHON"] if options.peers else words


if __name__ == "__main__":
    main()
