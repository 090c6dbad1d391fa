"""The deterministic loop alone: processor time of a workflow of one task, without an engine.

    python bench/loop.py [--runs 5000] [--tasks 1] [--json FILE]

A run's history is made once and told in two parts, as a live worker is told: the start, then the
task's result with the events of the first answer. `replay` tells the whole history to new code.
Parsing and serializing messages is not part of it; a calibration loop is timed beside it.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueResponse

from polyrhythm.sdk.definitions import (
    Signature,
    TaskDefinition,
    TaskKind,
    TaskOptions,
    WorkflowDefinition,
)
from polyrhythm.sdk.loop import Instance, LoopSettings, current

ROUNDS = 5
SETTINGS = LoopSettings(queue="q")
TASK = TaskDefinition(
    "charge",
    lambda order: order,
    TaskKind.LOOP,
    Signature(("order",), (dict[str, Any],), (), dict[str, Any]),
    TaskOptions(timeout_s=10),
)
ORDER = {"id": "order-1", "amount": 12.5, "items": ["a", "b"]}


async def checkout(order: dict[str, Any], tasks: int) -> Any:
    """Run some tasks, one after the other."""
    context = current()
    assert context is not None
    receipt = order
    for _ in range(tasks):
        receipt = await context.schedule_task(TASK, TASK.options, (receipt,))
    return receipt


DEFINITION = WorkflowDefinition(
    "checkout", checkout, Signature(("order", "tasks"), (dict[str, Any], int))
)


class Script:
    """The history of one run, with the places where its workflow tasks begin."""

    def __init__(self, tasks: int) -> None:
        self.events: list[HistoryEvent] = []
        self.starts: list[int] = []
        started = self.add("WORKFLOW_EXECUTION_STARTED").workflow_execution_started_event_attributes
        started.workflow_type.name = "checkout"
        started.original_execution_run_id = "00000000-0000-7000-8000-000000000001"
        started.task_queue.name = "q"
        started.input.CopyFrom(SETTINGS.converter.encode_values((ORDER, tasks)))
        for number in range(1, tasks + 1):
            self.add_workflow_task()
            self.add("WORKFLOW_TASK_COMPLETED")
            scheduled = self.add("ACTIVITY_TASK_SCHEDULED")
            attributes = scheduled.activity_task_scheduled_event_attributes
            attributes.activity_id = str(number)
            attributes.activity_type.name = "charge"
            self.add("ACTIVITY_TASK_STARTED")
            completed = self.add("ACTIVITY_TASK_COMPLETED").activity_task_completed_event_attributes
            completed.scheduled_event_id = scheduled.event_id
            completed.result.CopyFrom(SETTINGS.converter.encode_values((ORDER,)))
        self.add_workflow_task()

    def add(self, name: str) -> HistoryEvent:
        """Append an event."""
        event = HistoryEvent(event_type=EventType.Value(f"EVENT_TYPE_{name}"))
        event.event_id = len(self.events) + 1
        event.event_time.FromSeconds(1_700_000_000 + event.event_id)
        self.events.append(event)
        return event

    def add_workflow_task(self) -> None:
        """Append what a worker sees of its workflow task."""
        self.add("WORKFLOW_TASK_SCHEDULED")
        self.starts.append(self.add("WORKFLOW_TASK_STARTED").event_id)

    def parts(self) -> list[tuple[PollWorkflowTaskQueueResponse, list[HistoryEvent]]]:
        """Return each workflow task with what is new in it."""
        told, parts = 0, []
        for started in self.starts:
            task = PollWorkflowTaskQueueResponse(task_token=b"t", started_event_id=started)
            task.previous_started_event_id = told
            task.workflow_execution.workflow_id = "order-1"
            parts.append((task, self.events[told:started]))
            told = started
        return parts


def run_live(script: Script, runs: int) -> None:
    """Run workflows as a worker with a warm cache does."""
    parts = script.parts()
    for _ in range(runs):
        instance = Instance(DEFINITION, SETTINGS)
        for task, events in parts:
            answer = instance.activate(task, events)
        assert answer.closed
        instance.close()


def run_replay(script: Script, runs: int) -> None:
    """Replay whole histories by new code, up to the last workflow task."""
    task, _ = script.parts()[-1]
    for _ in range(runs):
        instance = Instance(DEFINITION, SETTINGS)
        assert instance.activate(task, script.events).closed
        instance.close()


def calibrate(_: Script, runs: int) -> None:
    """Do some work of Python that no change of ours makes faster."""
    for _ in range(runs):
        sum(n * n for n in range(100))


def best_us(work: Callable[[Script, int], None], script: Script, runs: int) -> float:
    """Return the least processor time of a run in some rounds, in microseconds."""
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        began = time.process_time()
        work(script, runs)
        best = min(best, (time.process_time() - began) / runs * 1e6)
    return round(best, 2)


def main() -> None:
    """Measure and print, or write as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--tasks", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    script = Script(options.tasks)
    figures = {
        "tasks": options.tasks,
        "live_us": best_us(run_live, script, options.runs),
        "replay_us": best_us(run_replay, script, options.runs),
        "calibration_us": best_us(calibrate, script, options.runs),
    }
    print(json.dumps(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
