"""Compares what was acknowledged with what the histories say, when all is over.

Reads the file of acknowledgements, the log of attempts, and through the API every run and every
history. A finding is one line of text under one of four words: *lost* (acknowledged and not
there), *doubled* (there more than once), *stuck* (begun and not at its end), *wrong* (any other
contradiction).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from program import SIGNALS, child_of, step_of
from servers import Server, call
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
    ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
)

COMPLETED = 2
PAGE = 1000
RUN_CLOSED = "WORKFLOW_EXECUTION_COMPLETED"


@dataclass(slots=True)
class Order:
    """What was acknowledged of one tally."""

    number: int = -1
    run_id: str = ""
    tried: set[str] = field(default_factory=set)
    signals: list[str] = field(default_factory=list)
    update: str = ""
    told: dict[str, Any] | None = None


@dataclass(slots=True)
class Audit:
    """Findings, and how much was looked at."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not (self.lost or self.doubled or self.stuck or self.wrong)


def read_orders(file: Path) -> dict[str, Order]:
    """Read the acknowledgements."""
    orders: dict[str, Order] = defaultdict(Order)
    for line in file.read_text().splitlines():
        ack = json.loads(line)
        order, what = orders[ack["id"]], ack["what"]
        if what == "start":
            order.number, order.run_id = ack["number"], ack["run"]
        elif what == "try":
            order.tried.add(ack["word"])
        elif what == "signal":
            order.signals.append(ack["word"])
        elif what == "update":
            order.update = ack["answer"]
        elif what == "result":
            order.told = ack["told"]
    orders.pop("", None)
    return orders


def look(server: Server, orders: dict[str, Order], pulses: list[str], folder: Path) -> Audit:
    """Check everything; `pulses` are the words of signals acknowledged to the run `pulse`."""
    audit = Audit()
    runs = _list_runs(server)
    for name, found in runs.items():
        audit.counts["runs"] += len(found)
        if len(found) > 1:
            audit.doubled.append(f"{name} has {len(found)} runs")
        if name != "pulse" and any(status != COMPLETED for _, status in found):
            audit.stuck.append(f"{name} has not completed")
        if name.removesuffix("-leaf") not in orders and name != "pulse":
            audit.wrong.append(f"{name} was never asked for")
    for name, order in orders.items():
        _look_at_order(audit, server, name, order, runs)
    heard = Counter(_words(_history(server, "pulse")))
    audit.counts["signals"] += len(pulses)
    _compare(audit, "pulse", heard, set(pulses), None)
    _look_at_attempts(audit, folder / "attempts.log")
    return audit


def _look_at_order(
    audit: Audit,
    server: Server,
    name: str,
    order: Order,
    runs: dict[str, list[tuple[str, int]]],
) -> None:
    found = runs.get(name)
    if not found:
        if order.number >= 0:
            audit.lost.append(f"{name}: its start was acknowledged, it is not there")
        return
    audit.counts["starts"] += 1
    audit.counts["signals"] += len(order.signals)
    audit.counts["updates"] += bool(order.update)
    audit.counts["results"] += order.told is not None
    if order.number < 0 or order.told is None:
        audit.stuck.append(f"{name}: the client never got its end")
        return
    if order.run_id != found[0][0]:
        audit.wrong.append(f"{name}: run {order.run_id} was acknowledged, {found[0][0]} is there")
    if child_of(order.number) and f"{name}-leaf" not in runs:
        audit.lost.append(f"{name}: its child is not there")
    events = _history(server, name)
    audit.counts["events"] += len(events)
    _look_at_events(audit, name, events)
    heard = Counter(_words(events))
    _compare(audit, name, heard, set(order.signals), order.tried)
    told = order.told
    steps = [step_of(order.number, 1), step_of(order.number, 2)]
    expected = {"updates": ["word"], "steps": steps, "child": child_of(order.number)}
    if {key: told.get(key) for key in expected} != expected:
        audit.wrong.append(f"{name}: the result is {told}")
    if sorted(told.get("signals", [])) != sorted(heard.elements()):
        audit.wrong.append(f"{name}: told {told.get('signals')}, its history has {list(heard)}")
    if len({word.partition(".")[0] for word in heard}) != SIGNALS or order.update != "word taken":
        audit.lost.append(f"{name}: completed with {list(heard)} and update {order.update!r}")
    stored = json.loads(
        events[-1].workflow_execution_completed_event_attributes.result.payloads[0].data
    )
    if stored != told:
        audit.wrong.append(f"{name}: the client was told {told}, the history says {stored}")


def _compare(
    audit: Audit, name: str, heard: Counter[str], acked: set[str], tried: set[str] | None
) -> None:
    for word in acked - set(heard):
        audit.lost.append(f"{name}: signal {word} was acknowledged, it is not in the history")
    for word, times in heard.items():
        if times > 1:
            audit.doubled.append(f"{name}: signal {word} is there {times} times")
        if tried is not None and word not in tried:
            audit.wrong.append(f"{name}: signal {word} was never sent")


def _look_at_events(audit: Audit, name: str, events: list[HistoryEvent]) -> None:
    if [event.event_id for event in events] != list(range(1, len(events) + 1)):
        audit.wrong.append(f"{name}: its event ids have holes")
    kinds = Counter(_kind(event) for event in events)
    if _kind(events[-1]) != RUN_CLOSED or kinds[RUN_CLOSED] != 1:
        audit.stuck.append(f"{name}: its history ends with {_kind(events[-1])}")
    for kind, wanted in (
        ("ACTIVITY_TASK_SCHEDULED", 2),
        ("ACTIVITY_TASK_COMPLETED", 2),
        ("WORKFLOW_EXECUTION_UPDATE_ACCEPTED", 1),
        ("WORKFLOW_EXECUTION_UPDATE_COMPLETED", 1),
    ):
        if kinds[kind] != wanted:
            verdict = audit.doubled if kinds[kind] > wanted else audit.lost
            verdict.append(f"{name}: {kinds[kind]} of {kind}, not {wanted}")
    # What was lost with a server and made up for by a timeout; no fault, but worth a figure.
    audit.counts["workflow tasks timed out"] += kinds["WORKFLOW_TASK_TIMED_OUT"]
    for event in events:
        if _kind(event) == "ACTIVITY_TASK_STARTED":
            retried = event.activity_task_started_event_attributes.attempt > 1
            audit.counts["activities retried"] += retried


def _look_at_attempts(audit: Audit, log: Path) -> None:
    attempts = Counter(log.read_text().splitlines())
    audit.counts["attempts"] = len(attempts)
    for attempt, times in attempts.items():
        if times > 1:
            audit.doubled.append(f"attempt {attempt} ran {times} times")


def _list_runs(server: Server) -> dict[str, list[tuple[str, int]]]:
    runs: dict[str, list[tuple[str, int]]] = defaultdict(list)
    request = ListWorkflowExecutionsRequest(namespace="default", page_size=PAGE)
    while True:
        page = call(server, "ListWorkflowExecutions", request, ListWorkflowExecutionsResponse)
        for info in page.executions:
            runs[info.execution.workflow_id].append((info.execution.run_id, info.status))
        if not page.next_page_token:
            return runs
        request.next_page_token = page.next_page_token


def _history(server: Server, workflow_id: str) -> list[HistoryEvent]:
    request = GetWorkflowExecutionHistoryRequest(namespace="default")
    request.execution.workflow_id = workflow_id
    events: list[HistoryEvent] = []
    while True:
        page = call(
            server, "GetWorkflowExecutionHistory", request, GetWorkflowExecutionHistoryResponse
        )
        events += page.history.events
        if not page.next_page_token:
            return events
        request.next_page_token = page.next_page_token


def _words(events: list[HistoryEvent]) -> list[str]:
    return [
        json.loads(event.workflow_execution_signaled_event_attributes.input.payloads[0].data)
        for event in events
        if _kind(event) == "WORKFLOW_EXECUTION_SIGNALED"
    ]


def _kind(event: HistoryEvent) -> str:
    return EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
