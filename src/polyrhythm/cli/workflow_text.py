"""Runs and events as lines of text for people.

Every text of users is cut to a length and made harmless first: a name cannot move the cursor.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from temporalio.api.enums.v1 import EventType, PendingActivityState, WorkflowExecutionStatus
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsResponse,
    DescribeWorkflowExecutionResponse,
)

from polyrhythm.transports.http.json_out import message_out

TEXT_MAX = 200


def harmless(text: str, length_max: int = TEXT_MAX) -> str:
    """Return a text of bounded length without control, escape and bidi characters."""
    text = text if len(text) <= length_max else text[:length_max] + "…"
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def run_line(info: WorkflowExecutionInfo) -> str:
    """Return a run as a line of a list."""
    execution = info.execution
    when = info.start_time.ToJsonString()[:19] + "Z"
    names = f"{harmless(execution.workflow_id)}  {execution.run_id}  {harmless(info.type.name)}"
    return f"{_status(info.status):<16} {when}  {names}"


def count_lines(answer: CountWorkflowExecutionsResponse) -> Iterator[str]:
    """Yield the count, then those of groups."""
    yield str(answer.count)
    for group in answer.groups:
        values = ", ".join(str(json.loads(value.data)) for value in group.group_values)
        yield f"{group.count:>8} {harmless(values)}"


def describe_lines(found: DescribeWorkflowExecutionResponse) -> Iterator[str]:
    """Yield what a run is, and what it waits for."""
    info = found.workflow_execution_info
    yield f"workflow  {harmless(info.execution.workflow_id)}"
    yield f"run       {info.execution.run_id}"
    yield f"type      {harmless(info.type.name)}"
    yield f"queue     {harmless(info.task_queue)}"
    yield f"status    {_status(info.status)}"
    yield f"started   {info.start_time.ToJsonString()}"
    if info.HasField("close_time"):
        yield f"closed    {info.close_time.ToJsonString()}"
    if found.HasField("pending_workflow_task"):
        yield f"pending   workflow task, attempt {found.pending_workflow_task.attempt}"
    for task in found.pending_activities:
        state = PendingActivityState.Name(task.state).removeprefix("PENDING_ACTIVITY_STATE_")
        failure = f": {harmless(task.last_failure.message)}" if task.last_failure.message else ""
        name = f"{harmless(task.activity_type.name)} {harmless(task.activity_id)}"
        yield f"pending   activity {name}, {state.lower()}, attempt {task.attempt}{failure}"
    for child in found.pending_children:
        yield f"pending   child {harmless(child.workflow_id)} {child.run_id}"


def event_line(event: HistoryEvent) -> str:
    """Return an event as a line: its id, time, type, and what is in it."""
    name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
    part = event.WhichOneof("attributes")
    inner: Any = message_out(getattr(event, part)) if part else {}
    text = harmless(json.dumps(inner, ensure_ascii=False))
    return f"{event.event_id:>6}  {event.event_time.ToJsonString()[:23]:<23}  {name}  {text}"


def _status(status: WorkflowExecutionStatus.ValueType) -> str:
    return WorkflowExecutionStatus.Name(status).removeprefix("WORKFLOW_EXECUTION_STATUS_")
