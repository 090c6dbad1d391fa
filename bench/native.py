"""Workflows in the process of their program, beside DBOS and Restate in one run.

    .venv/bin/python bench/native.py
    .venv/bin/python bench/native.py --peers PYTHON --restate RESTATE_SERVER --out FILE

`--peers` is a Python with dbos, restate_sdk, hypercorn and httpx; `--restate` the server's program.
Each measurement is a process of its own on a new SQLite file under durability `full`; rounds of
the subjects alternate, since the speed of a shared machine swings. Figures are medians.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from polyrhythm import App
from polyrhythm.base.collector import settle_collector
from polyrhythm.testing.evidence import commit

HERE = Path(__file__).resolve().parent
SEQUENTIAL = 100
GOALS = {
    "one task": {"workflows_per_s": 1500, "cpu_us_per_workflow": 350, "sequential_p50_ms": 4},
    "ten in a row": {"tasks_per_s": 3500},
    "ten at once": {"tasks_per_s": 5000},
}
# What is measured: steps of a workflow, how many workflows of ours and of a peer.
LOADS = {"one task": (1, 3000, 300), "ten in a row": (10, 500, 60), "ten at once": (10, 500, 0)}
RESTATE_PORTS = {"ingress": 18180, "admin": 19170, "node": 15122, "service": 19180}


def make_app(file: str, at_once: bool) -> tuple[App, Any]:
    """Return an application and its workflow of so many smallest tasks."""
    app = App("bench", url=file)

    @app.task
    async def add_one(number: int) -> int:
        return number + 1

    @app.workflow
    async def chain(steps: int) -> int:
        number = 0
        for _ in range(steps):
            number = await add_one(number)
        return number

    @app.workflow
    async def fan(steps: int) -> int:
        return sum(await asyncio.gather(*(add_one(0) for _ in range(steps))))

    return app, fan if at_once else chain


async def load(file: str, workflows: int, steps: int, width: int, at_once: bool) -> dict[str, Any]:
    """Run the load in this process and return its figures."""
    app, workflow = make_app(file, at_once)
    lags: list[float] = []

    async def watch() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            lags.append(time.perf_counter() - began - 0.005)

    async with app:
        # As `app.run()` does.
        settle_collector()
        latencies = []
        for _ in range(SEQUENTIAL):
            began = time.perf_counter()
            run = await workflow.aio.start(steps)
            assert await run.result() == steps
            latencies.append(time.perf_counter() - began)
        room = asyncio.Semaphore(width)

        async def one() -> None:
            async with room:
                started = await workflow.aio.start(steps)
                assert await started.result() == steps

        watching = asyncio.ensure_future(watch())
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(one() for _ in range(workflows)))
        elapsed, cpu = time.perf_counter() - began, time.process_time() - cpu
        watching.cancel()
    return {
        "workflows_per_s": round(workflows / elapsed, 1),
        "tasks_per_s": round(workflows * steps / elapsed, 1),
        "cpu_us_per_workflow": round(cpu / workflows * 1e6, 1),
        "sequential_p50_ms": round(statistics.median(latencies) * 1e3, 2),
        "loop_lag_max_ms": round(max(lags, default=0) * 1e3, 1),
    }


def measured(*command: str) -> dict[str, Any]:
    """Run one measurement in a process of its own; its last line is JSON."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command} failed:\n{done.stdout}{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


class Restate:
    """A Restate server and the service it calls, for as long as a `with` block."""

    def __init__(self, server: str, python: str, folder: str) -> None:
        ports = RESTATE_PORTS
        self.ingress = f"http://127.0.0.1:{ports['ingress']}"
        environment = {
            "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ports['ingress']}",
            "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{ports['admin']}",
            "RESTATE_BIND_ADDRESS": f"127.0.0.1:{ports['node']}",
        }
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        base = [server, "--no-logo", "--listen-mode", "tcp", "--base-dir", folder]
        bind = f"127.0.0.1:{ports['service']}"
        serve = [python, "-m", "hypercorn", "restate_app:app", "--bind", bind]
        self._processes = [
            subprocess.Popen(base, env=environment, **quiet),  # type: ignore[call-overload]
            subprocess.Popen(serve, cwd=HERE / "peers", **quiet),  # type: ignore[call-overload]
        ]
        self._python, self._service = python, bind

    def __enter__(self) -> str:
        register = (
            "import httpx, time\n"
            "for _ in range(100):\n"
            "    try:\n"
            f"        httpx.post('http://127.0.0.1:{RESTATE_PORTS['admin']}/deployments',"
            f" json={{'uri': 'http://{self._service}'}}).raise_for_status()\n"
            "        break\n"
            "    except httpx.HTTPError:\n"
            "        time.sleep(0.2)\n"
            "else:\n"
            "    raise SystemExit('no answer')\n"
        )
        subprocess.run([self._python, "-c", register], check=True)
        return self.ingress

    def __exit__(self, *exception: object) -> None:
        for process in self._processes:
            process.terminate()
            process.wait()


def compare(arguments: argparse.Namespace, folder: str) -> dict[str, Any]:
    """Alternate the subjects over all rounds; return the median figures of each."""
    rounds: dict[str, dict[str, list[dict[str, Any]]]] = {name: {} for name in LOADS}

    def note(name: str, subject: str, *command: object) -> None:
        figures = measured(*map(str, command))
        rounds[name].setdefault(subject, []).append(figures)
        print(f"{name:14} {subject:12} {figures}", flush=True)

    for number in range(arguments.rounds):
        for name, (steps, ours, peers) in LOADS.items():
            file = f"{folder}/{name.replace(' ', '-')}-{number}"
            at_once = "--at-once" if name == "ten at once" else "--in-a-row"
            own = (sys.executable, __file__, "--measure", f"{file}.db", at_once)
            note(name, "polyrhythm", *own, "--load", ours, steps, arguments.width)
            if peers and arguments.peers:
                dbos = (arguments.peers, HERE / "peers" / "dbos_load.py", f"{file}-dbos.db")
                note(name, "dbos", *dbos, peers, steps, arguments.width)
            if peers and arguments.restate:
                with Restate(arguments.restate, arguments.peers, f"{file}-restate") as ingress:
                    program = (arguments.peers, HERE / "peers" / "restate_load.py", ingress)
                    note(name, "restate", *program, ours // 3, steps, arguments.width)
    return {
        name: {subject: medians(figures) for subject, figures in subjects.items()}
        for name, subjects in rounds.items()
    }


def medians(rounds: list[dict[str, Any]]) -> dict[str, float]:
    """Return the median of each figure over the rounds."""
    return {key: round(statistics.median(one[key] for one in rounds), 2) for key in rounds[0]}


def parse_args() -> argparse.Namespace:
    """Return the settings."""
    parser = argparse.ArgumentParser(description="workflows in process, beside peers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--width", type=int, default=100, help="workflows in flight")
    parser.add_argument("--peers", help="a Python with dbos, restate_sdk, hypercorn, httpx")
    parser.add_argument("--restate", help="the program restate-server")
    parser.add_argument("--out", type=Path, help="also written there")
    parser.add_argument("--measure", help="one measurement on this file, then end")
    parser.add_argument("--load", nargs=3, type=int, help="workflows, steps, width")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--at-once", action="store_true")
    kind.add_argument("--in-a-row", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Measure one load, or compare all."""
    arguments = parse_args()
    if arguments.measure:
        workflows, steps, width = arguments.load
        figures = load(arguments.measure, workflows, steps, width, arguments.at_once)
        print(json.dumps(asyncio.run(figures)))
        return
    with tempfile.TemporaryDirectory() as folder:
        found = compare(arguments, folder)
    report = {
        "commit": commit(),
        "command": "python bench/native.py --peers PYTHON --restate RESTATE_SERVER",
        "durability": "full",
        "goals": GOALS,
        "medians": found,
    }
    text = json.dumps(report, indent=1)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
