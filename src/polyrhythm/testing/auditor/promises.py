"""Acknowledged replies: what a caller was told must be in the log by the time it is told.

One function a request type. A promise is checked at the end of the step that gave it, against the
views of all runs; views outlive their runs, so deleted ones still count as written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.api import service as api
from polyrhythm.testing.auditor.finding import Finding, require
from polyrhythm.testing.auditor.handed import Handed
from polyrhythm.testing.auditor.view import RunView

_TRANSIENT = (
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
)


@dataclass(slots=True)
class Book:
    """All runs ever seen, by run id and by workflow id, what was handed out, what workers said."""

    by_run: dict[str, RunView] = field(default_factory=dict)
    by_workflow: dict[str, list[RunView]] = field(default_factory=dict)
    handed: Handed = field(default_factory=Handed)
    answers: set[bytes] = field(default_factory=set)
    completed: set[tuple[str, int, int]] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    closed_acks: Counter[tuple[str, int, int]] = field(default_factory=Counter)

    def run(self, run_id: str) -> RunView:
        """Return a run that somebody was told of."""
        view = self.by_run.get(run_id)
        if view is None:
            raise Finding("acknowledged", f"run {run_id} was told of and is in no log")
        return view

    def runs(self, workflow_id: str) -> list[RunView]:
        """Return all runs of an id, oldest first."""
        return self.by_workflow.get(workflow_id, [])


def _started(book: Book, request: Any, reply: Any) -> None:
    view = book.run(reply.run_id)
    require(view.workflow_id == request.workflow_id, "acknowledged", f"{view.name} for {request}")
    if view.going:
        return
    if isinstance(request, ws.SignalWithStartWorkflowExecutionRequest):
        payload = request.signal_input.payloads[0].data
        require(view.signals[payload], "acknowledged", f"{view.name}: no signal {payload!r}")
    elif reply.started:
        require(
            view.create_request_id == request.request_id,
            "acknowledged",
            f"{view.name}: started by {view.create_request_id}, told to {request.request_id}",
        )
    if (
        isinstance(reply, ws.StartWorkflowExecutionResponse)
        and reply.eager_workflow_task.task_token
    ):
        book.handed.workflow_task(view, reply.eager_workflow_task, request.request_id)


def _signaled(book: Book, request: Any, _reply: Any) -> None:
    payload = request.input.payloads[0].data
    runs = book.runs(request.workflow_execution.workflow_id)
    found = any(view.going or view.signals[payload] for view in runs)
    require(found, "acknowledged", f"signal {payload!r} is in no log")


def _cancelled(book: Book, request: Any, _reply: Any) -> None:
    runs = book.runs(request.workflow_execution.workflow_id)
    require(
        any(view.cancel_requested or not view.open or view.going for view in runs),
        "acknowledged",
        f"no run took {request}",
    )


def _terminated(book: Book, request: Any, _reply: Any) -> None:
    runs = book.runs(request.workflow_execution.workflow_id)
    found = any(view.going or view.terminations[request.reason] for view in runs)
    require(found, "acknowledged", f"no run was terminated for {request.reason}")


def _deleted(book: Book, request: Any, _reply: Any) -> None:
    view = book.run(request.workflow_execution.run_id)
    require(view.deleted, "acknowledged", f"{view.name} was deleted and is there")


def _workflow_task(book: Book, _request: Any, reply: Any) -> None:
    if reply.task_token and not reply.HasField("query"):
        book.handed.workflow_task(book.run(reply.workflow_execution.run_id), reply)


def _activity_task(book: Book, _request: Any, reply: Any) -> None:
    if reply.task_token:
        book.handed.activity_task(book.run(reply.workflow_execution.run_id), reply)


def _task_completed(book: Book, request: Any, reply: Any) -> None:
    run_id, started_id, _ = book.handed.tasks[request.task_token]
    view = book.run(run_id)
    require(
        view.going or started_id in view.completed_starts or started_id in view.discarded_starts,
        "acknowledged",
        f"{view.name}: the task started by {started_id} was completed, not in its log",
    )
    if reply.HasField("workflow_task"):
        book.handed.workflow_task(view, reply.workflow_task)
    for task in reply.activity_tasks:
        book.handed.activity_task(view, task)


def _task_failed(book: Book, request: Any, _reply: Any) -> None:
    run_id, started_id, attempt = book.handed.tasks[request.task_token]
    view = book.run(run_id)
    task = view.task
    pending = task is not None and (task.started_id, task.attempt) == (started_id, attempt)
    require(view.going or not pending, "acknowledged", f"{view.name}: {task} was reported failed")


def _activity_ended(book: Book, request: Any, _reply: Any) -> None:
    key = book.handed.activities[request.task_token]
    run_id, scheduled_id, attempt = key
    view = book.run(run_id)
    if view.going:
        return
    # An activity that is reset comes to the same attempt again.
    book.closed_acks[key] += 1
    once = book.closed_acks[key] <= view.activity_starts[scheduled_id, attempt]
    require(once, "one end", f"{key} was ended twice")
    if isinstance(request, ws.RespondActivityTaskFailedRequest):
        moved = (scheduled_id, attempt) in view.failed_attempts
        ended = scheduled_id in view.closed_activities or moved or not view.open
        require(ended, "acknowledged", f"{view.name}: failure of {key} is not in its log")
        return
    require(
        scheduled_id in view.closed_activities,
        "acknowledged",
        f"{view.name}: the end of {key} is not in its log",
    )
    if isinstance(request, ws.RespondActivityTaskCompletedRequest):
        payload = request.result.payloads[0].data
        small = len(payload) < 1000
        require(
            view.results[payload] == 1 or not small,
            "acknowledged",
            f"{view.name}: result {payload!r} is not in its log",
        )


def _activity_ended_by_id(book: Book, request: Any, _reply: Any) -> None:
    payload = request.result.payloads[0].data
    runs = book.runs(request.workflow_id)
    # Said without a run id, a doubled call may meet two runs: the newest at each arrival.
    found = max(view.results[payload] for view in runs)
    kept = found == 1 or any(view.going for view in runs)
    require(kept, "acknowledged", f"result {payload!r} is {found} times in a log")


def _heartbeat(book: Book, request: Any, _reply: Any) -> None:
    view = book.run(book.handed.activities[request.task_token][0])
    details = request.details.SerializeToString()
    require(
        not details or view.going or details in view.heartbeats,
        "acknowledged",
        f"{view.name}: a heartbeat is not in its log",
    )


def _postponed(book: Book, request: Any, _reply: Any) -> None:
    view = book.run(book.handed.activities[request.task_token][0])
    wait_ns = view.postponed.get(request.details)
    require(
        view.going or wait_ns == request.delay_ns,
        "postponed",
        f"{view.name}: given back for {request.delay_ns}, waits {wait_ns} by its log",
    )


def _history(book: Book, request: Any, reply: Any) -> None:
    events = list(reply.history.events)
    if not events:
        return
    view = book.runs(request.execution.workflow_id)
    runs = [each for each in view if request.execution.run_id in ("", each.run_id)]
    require(
        any(is_part(each, events) for each in runs),
        "history",
        f"events {events[0].event_id}-{events[-1].event_id} of {request.execution} as told",
    )


def is_part(view: RunView, events: list[HistoryEvent]) -> bool:
    """Whether events are a stretch of the run's log, but for those of a transient task at its
    end: others may have got their ids since. What a run wrote in the step that deletes it is in
    no log."""
    first = events[0].event_id
    known = view.events[first - 1 : first - 1 + len(events)]
    for index, event in enumerate(events):
        logged = index < len(known) and known[index] == event
        unwritten = index >= len(events) - 2 and event.event_type in _TRANSIENT
        unwritten = unwritten or (view.going and index >= len(known))
        if event.event_id != first + index or not (logged or unwritten):
            return False
    return True


def _described(book: Book, request: Any, reply: Any) -> None:
    info = reply.workflow_execution_info
    view = book.run(info.execution.run_id)
    if view.going:
        return
    require(view.workflow_id == request.execution.workflow_id, "describe", view.name)
    if info.close_time.ToNanoseconds():
        same = info.close_time.ToNanoseconds() == view.close_ns
        require(same, "describe", f"{view.name}: told closed at {info.close_time}")
    for pending in reply.pending_activities:
        attempts = [
            view.activity_attempts[event.event_id]
            for event in view.events
            if event.activity_task_scheduled_event_attributes.activity_id == pending.activity_id
        ]
        require(
            any(pending.attempt <= attempt for attempt in attempts),
            "describe",
            f"{view.name}: {pending.activity_id} at attempt {pending.attempt}",
        )


def _queried(book: Book, _request: Any, reply: Any) -> None:
    if reply.query_result.payloads:
        said = reply.query_result.payloads[0].data
        require(said in book.answers, "query", f"{said!r} was answered by no worker")


PROMISES: dict[type, Callable[[Book, Any, Any], None]] = {
    ws.StartWorkflowExecutionRequest: _started,
    ws.SignalWithStartWorkflowExecutionRequest: _started,
    ws.SignalWorkflowExecutionRequest: _signaled,
    ws.RequestCancelWorkflowExecutionRequest: _cancelled,
    ws.TerminateWorkflowExecutionRequest: _terminated,
    ws.DeleteWorkflowExecutionRequest: _deleted,
    ws.PollWorkflowTaskQueueRequest: _workflow_task,
    ws.PollActivityTaskQueueRequest: _activity_task,
    ws.RespondWorkflowTaskCompletedRequest: _task_completed,
    ws.RespondWorkflowTaskFailedRequest: _task_failed,
    ws.RespondActivityTaskCompletedRequest: _activity_ended,
    ws.RespondActivityTaskFailedRequest: _activity_ended,
    ws.RespondActivityTaskCanceledRequest: _activity_ended,
    ws.RespondActivityTaskCompletedByIdRequest: _activity_ended_by_id,
    ws.RecordActivityTaskHeartbeatRequest: _heartbeat,
    api.PostponeActivityTaskRequest: _postponed,
    ws.GetWorkflowExecutionHistoryRequest: _history,
    ws.DescribeWorkflowExecutionRequest: _described,
    ws.QueryWorkflowRequest: _queried,
}
