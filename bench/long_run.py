"""What the next event costs a run that has 20,000: one run, a lane on one SQLite file, no wire.

    python bench/long_run.py [--events 20000] [--window 100] [--out docs/evidence/long-run.json]

A round is what a worker of the official SDK does of one signal: the signal (with a request id), a
task of the sticky queue, an activity, its result, another task; 10 events, 5 durable commits. The
processor time of the rounds in the first window is compared with that of the last: the median of a
round, and the mean, which holds the snapshots (a snapshot is as large as the state). `reload` is
how long the first call takes that has to fold the run again after it was dropped from memory.
"""

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from lane import Engine, schedule, start
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import TaskQueueKind

from polyrhythm.base.entities import EntityKind
from polyrhythm.engine.calls import Call
from polyrhythm.testing.evidence import commit

NAME = "long"
STICKY = "bench-sticky"
GOAL = 1.5
EVENTS_A_ROUND = 10


class Round:
    """One run and its worker."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._poll = ws.PollWorkflowTaskQueueRequest(namespace="default")
        self._poll.task_queue.name = STICKY
        self._poll.task_queue.kind = TaskQueueKind.TASK_QUEUE_KIND_STICKY
        self._poll.task_queue.normal_name = "bench"
        self._poll_activity = ws.PollActivityTaskQueueRequest(namespace="default")
        self._poll_activity.task_queue.name = "bench"
        first = ws.PollWorkflowTaskQueueRequest(namespace="default")
        first.task_queue.name = "bench"
        self.call(start(NAME))
        self._complete(self.call(first))

    def call(self, request: Any) -> Any:
        """Make one call in a turn of its own."""
        [answer] = self._engine.turn(iter([request]))
        return answer

    def signal(self, number: int) -> None:
        """Take a signal from its arrival until nothing is left to do."""
        request = ws.SignalWorkflowExecutionRequest(namespace="default", signal_name="s")
        request.workflow_execution.workflow_id = NAME
        request.request_id = f"00000000-0000-4000-8000-{number:012}"
        request.input.payloads.add(metadata={"encoding": b"json/plain"}, data=b"%d" % number)
        poll = self._park()
        self.call(request)
        self._complete(poll.reply.value, schedule())
        activity = self.call(self._poll_activity)
        done = ws.RespondActivityTaskCompletedRequest(namespace="default")
        done.task_token = activity.task_token
        done.result.payloads.add(data=b"1")
        poll = self._park()
        self.call(done)
        self._complete(poll.reply.value)

    def _park(self) -> Call:
        """Let the worker wait at its own queue, as it does all the time."""
        poll = Call(self._engine.namespace, self._poll)
        self._engine.lane.submit(poll)
        self._engine.turn(iter([]))
        return poll

    def _complete(self, task: Any, *commands: Command) -> None:
        request = ws.RespondWorkflowTaskCompletedRequest(namespace="default")
        request.task_token = task.task_token
        request.sticky_attributes.worker_task_queue.name = STICKY
        request.sticky_attributes.worker_task_queue.kind = TaskQueueKind.TASK_QUEUE_KIND_STICKY
        request.sticky_attributes.schedule_to_start_timeout.seconds = 10
        request.commands.extend(commands)
        self.call(request)


def measure(folder: str, events: int, window: int) -> dict[str, Any]:
    """Run so many events and return the figures."""
    engine = Engine(Path(folder) / "bench.db")
    worker = Round(engine)
    rounds = events // EVENTS_A_ROUND
    costs = []
    for number in range(rounds):
        began = time.process_time()
        worker.signal(number)
        costs.append((time.process_time() - began) * 1000)
    cache = engine.lane.memory.world.cache
    key = cache.current_key(1, EntityKind.WORKFLOW, NAME)
    run = cache.get(key)
    assert run is not None
    reached = run.state.next_event_id - 1
    cache.drop(key)
    began = time.perf_counter()
    worker.signal(rounds)
    reload_ms = (time.perf_counter() - began) * 1000
    engine.store.close()
    # The very first rounds warm caches up.
    first, last = costs[10 : 10 + window], costs[-window:]
    return {
        "events": reached,
        "first_round_cpu_ms": figures(first),
        "last_round_cpu_ms": figures(last),
        "last_over_first": {
            "median": round(statistics.median(last) / statistics.median(first), 3),
            "mean": round(statistics.mean(last) / statistics.mean(first), 3),
        },
        "reload_ms": round(reload_ms, 1),
    }


def figures(costs: list[float]) -> dict[str, float]:
    """Return the middle, mean and most of some rounds."""
    return {
        "median": round(statistics.median(costs), 3),
        "mean": round(statistics.mean(costs), 3),
        "max": round(max(costs), 3),
    }


def main() -> int:
    """Measure and print; exit code 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description="the cost of the next event of a long run")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--window", type=int, default=100, help="rounds compared at each end")
    parser.add_argument("--dir", help="where the file is made; default: the system's folder")
    parser.add_argument("--out", type=Path, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        found = measure(folder, options.events, options.window)
    report = {
        "what": "processor time of a round of 10 events of one run, its first rounds and its last",
        "command": f"python bench/long_run.py --events {options.events} --window {options.window}",
        "commit": commit(),
        "python": platform.python_version(),
        "goal_last_over_first": GOAL,
        **found,
    }
    text = json.dumps(report, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    return 0 if found["last_over_first"]["median"] <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
