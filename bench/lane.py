"""The engine alone: a lane on one SQLite file, driven turn by turn in one thread.

    python bench/lane.py [--workflows 6000] [--at-once 200] [--rounds 3] [--out FILE]

Every workflow has one activity: start, poll, schedule, poll, complete, poll, complete, each step
for all workflows in flight in one turn with one durable commit (`full`). No loop, no service, no
wire: what is left is deciding, folding, matching and writing; the garbage collector is set as a
server sets it. Prints one JSON object; building the requests is counted in.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType

from polyrhythm.base.collector import settle_collector
from polyrhythm.base.ids import UuidSource
from polyrhythm.base.limits import Limits
from polyrhythm.engine.calls import Call
from polyrhythm.engine.lane import Lane
from polyrhythm.stores.sqlite.store import SqliteStore
from polyrhythm.testing.evidence import commit

GOAL_PER_S = 2000


class Engine:
    """A lane and its file."""

    def __init__(self, file: Path) -> None:
        self.store = SqliteStore(str(file))
        self.lane = Lane(self.store, self.store.claim_lane(0, "bench", ""), UuidSource(), Limits())
        self.lane.recover(time.time_ns())
        self.namespace = self.lane.memory.registry.find("default")

    def turn(self, requests: Iterator[Any]) -> list[Any]:
        """Decide all requests in one turn, commit it and return the answers."""
        calls = [Call(self.namespace, request) for request in requests]
        for call in calls:
            self.lane.submit(call)
        progress = self.lane.begin(time.time_ns())
        while self.lane.decide(progress):
            pass
        self.lane.commit(progress)
        self.lane.perform(progress)
        return [call.reply.value for call in calls]


def start(name: str) -> ws.StartWorkflowExecutionRequest:
    """Start a workflow."""
    request = ws.StartWorkflowExecutionRequest(namespace="default", workflow_id=name)
    request.request_id = name
    request.workflow_type.name = "bench"
    request.task_queue.name = "bench"
    return request


def completed(task: Any, command: Command) -> ws.RespondWorkflowTaskCompletedRequest:
    """Answer a workflow task with one command."""
    request = ws.RespondWorkflowTaskCompletedRequest(namespace="default")
    request.task_token = task.task_token
    request.commands.append(command)
    return request


def schedule() -> Command:
    """Ask for the activity."""
    command = Command(command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK)
    attributes = command.schedule_activity_task_command_attributes
    attributes.activity_id = "1"
    attributes.activity_type.name = "add_one"
    attributes.task_queue.name = "bench"
    attributes.start_to_close_timeout.seconds = 30
    return command


def close() -> Command:
    """Complete the workflow."""
    command = Command(command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION)
    command.complete_workflow_execution_command_attributes.SetInParent()
    return command


def run_batch(engine: Engine, names: list[str]) -> None:
    """Run workflows from start to end, all of them a step at a time."""
    poll = ws.PollWorkflowTaskQueueRequest(namespace="default")
    poll.task_queue.name = "bench"
    poll_activity = ws.PollActivityTaskQueueRequest(namespace="default")
    poll_activity.task_queue.name = "bench"
    engine.turn(start(name) for name in names)
    tasks = engine.turn(poll for _ in names)
    engine.turn(completed(task, schedule()) for task in tasks)
    activities = engine.turn(poll_activity for _ in names)
    engine.turn(
        ws.RespondActivityTaskCompletedRequest(namespace="default", task_token=task.task_token)
        for task in activities
    )
    tasks = engine.turn(poll for _ in names)
    engine.turn(completed(task, close()) for task in tasks)


def measure(workflows: int, at_once: int) -> tuple[float, float, float]:
    """Return workflows per second, microseconds of processor a workflow, and the workflows per
    second of the fastest batch: the speed while nothing else took the machine. A fresh file."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder) / "bench.db")
        run_batch(engine, [f"warm-up-{number}" for number in range(at_once)])
        settle_collector()
        fastest = float("inf")
        began, cpu = time.perf_counter(), time.process_time()
        for first in range(0, workflows, at_once):
            at = time.perf_counter()
            run_batch(engine, [f"w-{first + number}" for number in range(at_once)])
            fastest = min(fastest, time.perf_counter() - at)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        engine.store.close()
    return workflows / seconds, cpu / workflows * 1e6, at_once / fastest


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="the engine alone")
    parser.add_argument("--workflows", type=int, default=6000)
    parser.add_argument("--at-once", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", help="also written there")
    options = parser.parse_args()
    rounds = [measure(options.workflows, options.at_once) for _ in range(options.rounds)]
    report = {
        "what": "workflows of one activity, a lane on one SQLite file, durability full, no loop",
        "command": f"python bench/lane.py --workflows {options.workflows}"
        f" --at-once {options.at_once} --rounds {options.rounds}",
        "commit": commit(),
        "goal_workflows_per_s": GOAL_PER_S,
        "workflows_per_s": round(statistics.median(rate for rate, _, _ in rounds), 1),
        "cpu_us_per_workflow": round(statistics.median(cpu for _, cpu, _ in rounds), 1),
        "rounds": [round(rate, 1) for rate, _, _ in rounds],
        "fastest_batches": [round(fastest, 1) for _, _, fastest in rounds],
    }
    text = json.dumps(report, indent=1)
    print(text)
    if options.out:
        Path(options.out).write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
