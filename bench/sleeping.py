"""100,000 runs asleep on a timer: how soon a killed server takes calls again, and its memory.

    python bench/sleeping.py [--runs 100000] [--out docs/evidence/sleeping.json]

A process of its own starts the runs on one SQLite file (each with its first workflow task done and
a timer of hours or days) and ends by SIGKILL, the file as it is. Then `poly dev` is started on it,
killed with SIGKILL and started again, and measured: from the start of the process to the first
signal that is acknowledged (one durable write to one of the sleepers, which loads it), its
resident memory then, after 1,000 more such signals, and after a page of the list. `near` has all
timers due within the horizon that is kept in memory, `far` spreads them over a week.
"""

import argparse
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

import grpc
import temporalio.api.workflowservice.v1 as ws
from lane import Engine, completed, start
from server_process import SERVICE, free_port
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType

from polyrhythm.testing.evidence import commit

POLY = Path(sys.executable).with_name("poly")
FILE = "sleeping.db"
AT_ONCE = 500
# Timers of a shape lie between these, seconds from now: the near ones not before the bench is over.
SHAPES = {"near": (480, 600), "far": (3600, 7 * 86_400)}
STARTS = 3
SIGNALS = 1000
GOAL_S = 5.0
GOAL_MB = 300
GIVE_UP_S = 120
PROBE_S = 0.005


def main() -> int:
    """Measure every shape, print and keep; exit code 1 when a goal is missed."""
    options = parse_args()
    if options.fill:
        fill(options.fill, options.runs, options.shape[0])
        return 1
    shapes = {}
    for shape in options.shape or list(SHAPES):
        with tempfile.TemporaryDirectory(dir=options.dir) as folder:
            shapes[shape] = measure(Path(folder), options.runs, shape)
    met = all(
        one["first_call_s"]["max"] <= GOAL_S and max(one["rss_mb"].values()) <= GOAL_MB
        for one in shapes.values()
    )
    report = {
        "what": "runs asleep on one SQLite file; the server killed with SIGKILL and started again",
        "command": f"python bench/sleeping.py --runs {options.runs}",
        "commit": commit(),
        "python": platform.python_version(),
        "runs": options.runs,
        "goals": {"first_call_s": GOAL_S, "rss_mb": GOAL_MB, "met": met},
        **shapes,
    }
    text = json.dumps(report, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    return 0 if met else 1


def fill(file: Path, runs: int, shape: str) -> None:
    """Put runs to sleep in a new file, and die."""
    engine = Engine(file)
    poll = ws.PollWorkflowTaskQueueRequest(namespace="default")
    poll.task_queue.name = "bench"
    low, high = SHAPES[shape]
    for first in range(0, runs, AT_ONCE):
        names = [f"sleeper-{number}" for number in range(first, min(first + AT_ONCE, runs))]
        engine.turn(start(name) for name in names)
        tasks = engine.turn(poll for _ in names)
        spans = [low + (high - low) * number // runs for number in range(first, runs)]
        engine.turn(completed(task, sleep(span)) for task, span in zip(tasks, spans, strict=False))
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(seconds: int) -> Command:
    """Ask for a timer."""
    command = Command(command_type=CommandType.COMMAND_TYPE_START_TIMER)
    command.start_timer_command_attributes.timer_id = "1"
    command.start_timer_command_attributes.start_to_fire_timeout.seconds = seconds
    return command


def measure(folder: Path, runs: int, shape: str) -> dict[str, object]:
    """Fill a file in another process, then start a server on it, several times."""
    file = folder / FILE
    command = [sys.executable, __file__, "--fill", str(file), "--runs", str(runs)]
    done = subprocess.run([*command, "--shape", shape], check=False)
    assert done.returncode == -signal.SIGKILL, f"filling ended with {done.returncode}"
    seconds: list[float] = []
    for number in range(STARTS):
        began = time.perf_counter()
        server = Server(file)
        try:
            server.signal_until_taken(number * (runs // STARTS), f"first-{number}")
            seconds.append(time.perf_counter() - began)
            rss = {"first_call": server.rss_mb()}
            for other in range(SIGNALS):
                server.signal(other * (runs // SIGNALS), f"more-{number}-{other}")
            rss["1000_signals"] = server.rss_mb()
            counted, listed = server.count(), server.listed()
            assert (counted, listed) == (runs, 1000), (counted, listed)
            rss["list"] = server.rss_mb()
        finally:
            server.kill()
    return {
        "first_call_s": {
            "median": round(statistics.median(seconds), 3),
            "max": round(max(seconds), 3),
        },
        "rss_mb": rss,
        "file_mb": round(file.stat().st_size / 1e6, 1),
    }


class Server:
    """One `poly dev` on the file."""

    def __init__(self, file: Path) -> None:
        port = free_port()
        command = [str(POLY), "dev", "--headless", "--ip", "127.0.0.1", "--port", str(port)]
        with file.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--db-filename", str(file)], stdout=log, stderr=log
            )
        names = ("min", "initial", "max")
        options = [(f"grpc.{name}_reconnect_backoff_ms", 20) for name in names]
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=options)

    def signal(self, number: int, request_id: str) -> None:
        """Signal a sleeper."""
        request = ws.SignalWorkflowExecutionRequest(namespace="default", signal_name="s")
        request.workflow_execution.workflow_id = f"sleeper-{number}"
        request.request_id = request_id
        self._call("SignalWorkflowExecution", request.SerializeToString())

    def signal_until_taken(self, number: int, request_id: str) -> None:
        """Signal again and again until it is acknowledged."""
        give_up = time.perf_counter() + GIVE_UP_S
        while True:
            try:
                self.signal(number, request_id)
            except grpc.RpcError:
                if self._process.poll() is not None or time.perf_counter() > give_up:
                    raise
                time.sleep(PROBE_S)
            else:
                return

    def count(self) -> int:
        """Return how many workflows there are."""
        request = ws.CountWorkflowExecutionsRequest(namespace="default").SerializeToString()
        answer = self._call("CountWorkflowExecutions", request)
        return ws.CountWorkflowExecutionsResponse.FromString(answer).count

    def listed(self) -> int:
        """Return how many workflows one page has."""
        request = ws.ListWorkflowExecutionsRequest(namespace="default", page_size=1000)
        answer = self._call("ListWorkflowExecutions", request.SerializeToString())
        return len(ws.ListWorkflowExecutionsResponse.FromString(answer).executions)

    def rss_mb(self) -> float:
        """Return the resident memory, in megabytes of 1,000,000 bytes."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)

    def kill(self) -> None:
        """Kill -9."""
        self._channel.close()
        self._process.kill()
        self._process.wait()

    def _call(self, method: str, request: bytes) -> bytes:
        answer: bytes = self._channel.unary_unary(SERVICE + method, None, None)(request, timeout=20)
        return answer


def parse_args() -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description="100,000 runs asleep")
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--shape", choices=tuple(SHAPES), action="append")
    parser.add_argument("--fill", type=Path, metavar="FILE", help="what the other process does")
    parser.add_argument("--dir", help="where the file is made; default: the system's folder")
    parser.add_argument("--out", type=Path, metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
