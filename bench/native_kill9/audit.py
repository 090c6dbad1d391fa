"""Compares what was acknowledged and what tasks did with what the histories say, when all is over.

Reads `acks.jsonl` and `effects.log`, and every run and history of the file. A finding is one line
under one of four words: *lost* (acknowledged and not there), *again* (a task ran though its result
was in the history, or an attempt twice), *stuck* (begun and not at its end), *wrong* (any other
contradiction).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plan import expected, has_child
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm import App, RunStatus

LOCAL = "local"
LOCAL_TASK = "local_step"


@dataclass(slots=True)
class Order:
    """What was acknowledged of one order. `done`: which of its messages."""

    number: int = -1
    run_id: str = ""
    words: list[str] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)
    answer: str = ""
    told: dict[str, Any] | None = None
    done: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Audit:
    """Findings, and how much was looked at."""

    lost: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def findings(self) -> dict[str, list[str]]:
        """Every finding, by its word."""
        return {"lost": self.lost, "again": self.again, "stuck": self.stuck, "wrong": self.wrong}


class Ledger:
    """The acknowledgements, read as they grow."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0
        self.orders: dict[str, Order] = defaultdict(Order)

    def read(self) -> None:
        """Take what was added."""
        if not self._file.exists():
            return
        with self._file.open("rb") as stream:
            stream.seek(self._read)
            added = stream.read()
        self._read += len(added)
        for line in added.splitlines():
            self._take(json.loads(line))

    def left(self, slot: str) -> list[tuple[str, int, list[str]]]:
        """Return the orders of a slot that have not told their result."""
        prefix = f"order-{slot}-"
        return [
            (name, order.number, sorted(order.done))
            for name, order in self.orders.items()
            if order.told is None and name.startswith(prefix)
        ]

    def last(self, slot: str) -> int:
        """Return the highest number of a slot."""
        prefix = f"order-{slot}-"
        return max((o.number for n, o in self.orders.items() if n.startswith(prefix)), default=0)

    def _take(self, ack: dict[str, Any]) -> None:
        order, what = self.orders[ack["id"]], ack["what"]
        order.done.add(what)
        if what == "try":
            order.number = ack["number"]
        elif what == "start":
            order.run_id = ack["run"]
        elif what == "sending":
            order.tried.add(ack["word"])
        elif what == "signal":
            order.words.append(ack["word"])
        elif what == "update":
            order.answer = ack["answer"]
        elif what == "result":
            order.told = ack["told"]


async def look(app: App, orders: dict[str, Order], effects: Path) -> Audit:
    """Check everything."""
    audit = Audit()
    traces = read_effects(effects)
    audit.counts["task functions called"] = sum(len(times) for times in traces.values())
    found: dict[str, list[Any]] = defaultdict(list)
    async for summary in app.aio.list():
        found[summary.workflow_id].append(summary)
    recorded: dict[tuple[str, str], Recorded] = {}
    for name, runs in found.items():
        audit.counts["runs"] += len(runs)
        if len(runs) > 1:
            audit.wrong.append(f"{name} has {len(runs)} runs")
        if name.removesuffix("-leaf") not in orders:
            audit.wrong.append(f"{name} was never asked for")
        for run in runs:
            if run.status is not RunStatus.COMPLETED:
                audit.stuck.append(f"{name} is {run.status.name}")
            history = await app.aio.run(name, run.run_id).history()
            audit.counts["events"] += len(history)
            take_history(recorded, run.run_id, history.events)
            if name in orders:
                _look_at_messages(audit, name, orders[name], history.events)
    for name, order in orders.items():
        _look_at_order(audit, name, order, found)
    look_at_effects(audit, traces, recorded)
    return audit


@dataclass(slots=True)
class Recorded:
    """A result in a history: of which attempt, and when; `started` only of one that began."""

    name: str
    attempt: int = 0
    at_ns: int = 0


Traces = dict[tuple[str, str, int], list[int]]


def read_effects(file: Path) -> Traces:
    """Return when each attempt (run, id, number) began; those of local tasks under `LOCAL`."""
    traces: Traces = defaultdict(list)
    for line in file.read_text().splitlines():
        run_id, task_id, attempt, name, at = line.split()
        key = LOCAL if name == LOCAL_TASK else task_id
        traces[run_id, key, int(attempt)].append(int(at))
    return traces


def take_history(
    recorded: dict[tuple[str, str], Recorded], run_id: str, events: list[HistoryEvent]
) -> None:
    """Note every result that a history holds."""
    scheduled: dict[int, str] = {}
    attempts: dict[int, int] = {}
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            attributes = event.activity_task_scheduled_event_attributes
            scheduled[event.event_id] = attributes.activity_id
            name = attributes.activity_type.name
            recorded[run_id, attributes.activity_id] = Recorded(name)
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            started = event.activity_task_started_event_attributes
            attempts[started.scheduled_event_id] = started.attempt
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            done = event.activity_task_completed_event_attributes
            record = recorded[run_id, scheduled[done.scheduled_event_id]]
            record.attempt = attempts[done.scheduled_event_id]
            record.at_ns = event.event_time.ToNanoseconds()
        elif event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            recorded[run_id, LOCAL] = Recorded(LOCAL_TASK, 1, event.event_time.ToNanoseconds())


def look_at_effects(
    audit: Audit, traces: Traces, recorded: dict[tuple[str, str], Recorded]
) -> None:
    """Nothing ran behind its result, no attempt twice, no result came from nothing."""
    ran: set[tuple[str, str]] = set()
    for (run_id, task_id, attempt), times in traces.items():
        label = f"task {task_id} attempt {attempt} of run {run_id}"
        ran.add((run_id, task_id))
        record = recorded.get((run_id, task_id))
        if record is None:
            audit.wrong.append(f"{label} ran, its run does not know it")
            continue
        if len(times) > 1 and task_id != LOCAL:
            audit.again.append(f"{label} ran {len(times)} times")
        if record.attempt and max(times) > record.at_ns:
            late_ms = (max(times) - record.at_ns) / 1e6
            audit.again.append(f"{label} began {late_ms:.1f} ms after its result was recorded")
        if record.attempt and attempt > record.attempt:
            audit.again.append(f"{label} ran, the result is of attempt {record.attempt}")
    for (run_id, task_id), record in recorded.items():
        audit.counts["results"] += bool(record.attempt)
        if record.attempt > 1:
            audit.counts["results of later attempts"] += 1
        if record.attempt and (run_id, task_id) not in ran:
            audit.wrong.append(f"task {task_id} of run {run_id} has a result and never ran")


def _look_at_order(audit: Audit, name: str, order: Order, found: dict[str, list[Any]]) -> None:
    runs = found.get(name)
    audit.counts["starts acknowledged"] += bool(order.run_id)
    audit.counts["signals acknowledged"] += len(order.words)
    audit.counts["updates acknowledged"] += bool(order.answer)
    audit.counts["results acknowledged"] += order.told is not None
    if not runs:
        if order.run_id:
            audit.lost.append(f"{name}: its start was acknowledged, it is not there")
        return
    if order.run_id and order.run_id != runs[0].run_id:
        audit.wrong.append(f"{name}: {order.run_id} was acknowledged, {runs[0].run_id} is there")
    if order.told is None:
        audit.stuck.append(f"{name}: nobody was told its result")
        return
    if has_child(order.number) and f"{name}-leaf" not in found:
        audit.lost.append(f"{name}: its child is not there")
    wanted = expected(order.number) | {"marked": name}
    if {key: order.told.get(key) for key in wanted} != wanted:
        audit.wrong.append(f"{name}: the result is {order.told}")
    if order.told.get("word") not in order.tried:
        audit.wrong.append(f"{name}: it heard {order.told.get('word')!r}, which nobody said")


def _look_at_messages(audit: Audit, name: str, order: Order, events: list[HistoryEvent]) -> None:
    heard: Counter[str] = Counter()
    marked = 0
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            signaled = event.workflow_execution_signaled_event_attributes
            heard[json.loads(signaled.input.payloads[0].data)] += 1
        marked += event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED
    for word in order.words:
        if not heard[word]:
            audit.lost.append(f"{name}: signal {word} was acknowledged, it is not there")
    for word, count in heard.items():
        if word not in order.tried:
            audit.wrong.append(f"{name}: signal {word} was never sent")
        elif count > 1:
            audit.wrong.append(f"{name}: signal {word} is there {count} times")
    if order.answer and not marked:
        audit.lost.append(f"{name}: its update was acknowledged, it is not there")
