"""What a service tells about a run, as plain values.

Times are aware datetimes in UTC, None where there is none. Payloads of memos and attributes are
decoded as what JSON gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from polyrhythm.sdk.errors import FailureError, PayloadError
from polyrhythm.sdk.failures import from_failure
from polyrhythm.sdk.values import Converter


class RunStatus(Enum):
    """Where a run is, with the number of the protocol."""

    UNKNOWN = 0
    RUNNING = 1
    COMPLETED = 2
    FAILED = 3
    CANCELLED = 4
    TERMINATED = 5
    CONTINUED_AS_NEW = 6
    TIMED_OUT = 7
    PAUSED = 8


@dataclass(slots=True)
class RunSummary:
    """One line of a list."""

    workflow_id: str
    run_id: str
    workflow: str
    queue: str
    status: RunStatus
    started: datetime | None
    closed: datetime | None
    history_events: int
    parent_id: str
    memo: dict[str, Any]
    search_attributes: dict[str, Any]


@dataclass(slots=True)
class PendingTask:
    """A task of a run that has not ended. `progress` is its last heartbeat."""

    task: str
    task_id: str
    attempt: int
    state: str
    heartbeat: list[Any]
    last_failure: FailureError | None
    next_attempt: datetime | None
    worker: str


@dataclass(slots=True)
class Description:
    """A run in full."""

    summary: RunSummary
    pending_tasks: list[PendingTask] = field(default_factory=list)
    pending_children: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""
    details: str = ""

    @property
    def status(self) -> RunStatus:
        """Where the run is."""
        return self.summary.status


def read_summary(info: WorkflowExecutionInfo, converter: Converter) -> RunSummary:
    """Return the line of one run."""
    return RunSummary(
        workflow_id=info.execution.workflow_id,
        run_id=info.execution.run_id,
        workflow=info.type.name,
        queue=info.task_queue,
        status=read_status(info.status),
        started=moment(info, "start_time"),
        closed=moment(info, "close_time"),
        history_events=info.history_length,
        parent_id=info.parent_execution.workflow_id,
        memo=decoded(info.memo.fields, converter),
        search_attributes=decoded(info.search_attributes.indexed_fields, converter),
    )


def read_status(number: int) -> RunStatus:
    """Return the status of that number; one that a later protocol added is unknown."""
    try:
        return RunStatus(number)
    except ValueError:
        return RunStatus.UNKNOWN


def read_description(
    response: DescribeWorkflowExecutionResponse, converter: Converter
) -> Description:
    """Return what a description says."""
    metadata = response.execution_config.user_metadata
    return Description(
        summary=read_summary(response.workflow_execution_info, converter),
        pending_tasks=[_pending_task(task, converter) for task in response.pending_activities],
        pending_children=[
            (child.workflow_type_name, child.workflow_id) for child in response.pending_children
        ],
        text=text_of(metadata.summary, converter),
        details=text_of(metadata.details, converter),
    )


def _pending_task(task: Any, converter: Converter) -> PendingTask:
    failed = task.HasField("last_failure")
    return PendingTask(
        task=task.activity_type.name,
        task_id=task.activity_id,
        attempt=task.attempt,
        state="paused" if task.paused else PENDING_STATES.get(task.state, "unknown"),
        heartbeat=[value_of(payload, converter) for payload in task.heartbeat_details.payloads],
        last_failure=from_failure(task.last_failure, converter) if failed else None,
        next_attempt=moment(task, "next_attempt_schedule_time"),
        worker=task.last_worker_identity,
    )


PENDING_STATES = {1: "scheduled", 2: "started", 3: "cancel requested", 4: "paused", 5: "pausing"}


def decoded(fields: Any, converter: Converter) -> dict[str, Any]:
    """Return the values of a memo or of search attributes."""
    return {name: value_of(payload, converter) for name, payload in fields.items()}


def value_of(payload: Any, converter: Converter) -> Any:
    """A value for people: one that cannot be read here is shown as its payload."""
    try:
        return converter.decode(payload)
    except PayloadError:
        return payload


def text_of(payload: Any, converter: Converter) -> str:
    """Return a summary or details, empty if there is none."""
    if not payload.data:
        return ""
    value = value_of(payload, converter)
    return value if isinstance(value, str) else ""


def moment(message: Any, name: str) -> datetime | None:
    """Return a field's time, None if it is not set."""
    if not message.HasField(name):
        return None
    stamp: Timestamp = getattr(message, name)
    return datetime.fromtimestamp(stamp.seconds + stamp.nanos / 1e9, UTC)
