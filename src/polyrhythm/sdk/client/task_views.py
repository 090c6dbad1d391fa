"""What a service tells about a plain task: one that was started by itself, without a workflow.

Times are aware datetimes in UTC, None where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from temporalio.api.activity.v1 import ActivityExecutionInfo, ActivityExecutionListInfo

from polyrhythm.sdk.client.views import PENDING_STATES, decoded, moment, text_of, value_of
from polyrhythm.sdk.errors import FailureError
from polyrhythm.sdk.failures import from_failure
from polyrhythm.sdk.values import Converter


class TaskStatus(Enum):
    """Where a plain task is, with the number of the protocol."""

    UNKNOWN = 0
    RUNNING = 1
    COMPLETED = 2
    FAILED = 3
    CANCELLED = 4
    TERMINATED = 5
    TIMED_OUT = 6
    PAUSED = 7


@dataclass(slots=True)
class TaskSummary:
    """One line of a list."""

    task: str
    task_id: str
    run_id: str
    queue: str
    status: TaskStatus
    scheduled: datetime | None
    closed: datetime | None
    search_attributes: dict[str, Any]


@dataclass(slots=True)
class TaskDescription:
    """A plain task in full. `state` is that of its attempt while it runs: scheduled, started or
    cancel requested; `heartbeat` what it last reported."""

    summary: TaskSummary
    state: str = ""
    attempt: int = 1
    started: datetime | None = None
    next_attempt: datetime | None = None
    heartbeat: list[Any] = field(default_factory=list)
    last_failure: FailureError | None = None
    worker: str = ""
    cancel_reason: str = ""
    text: str = ""
    details: str = ""

    @property
    def status(self) -> TaskStatus:
        """Where the task is."""
        return self.summary.status


def read_task_summary(
    info: ActivityExecutionListInfo | ActivityExecutionInfo, converter: Converter
) -> TaskSummary:
    """Return the line of one plain task."""
    return TaskSummary(
        task=info.activity_type.name,
        task_id=info.activity_id,
        run_id=info.run_id,
        queue=info.task_queue,
        status=_status(info.status),
        scheduled=moment(info, "schedule_time"),
        closed=moment(info, "close_time"),
        search_attributes=decoded(info.search_attributes.indexed_fields, converter),
    )


def read_task_description(info: ActivityExecutionInfo, converter: Converter) -> TaskDescription:
    """Return what a description says."""
    failed = info.HasField("last_failure")
    waits = info.run_state == 1
    return TaskDescription(
        summary=read_task_summary(info, converter),
        state=PENDING_STATES.get(info.run_state, ""),
        attempt=info.attempt,
        started=moment(info, "last_started_time"),
        next_attempt=moment(info, "next_attempt_schedule_time") if waits else None,
        heartbeat=[value_of(payload, converter) for payload in info.heartbeat_details.payloads],
        last_failure=from_failure(info.last_failure, converter) if failed else None,
        worker=info.last_worker_identity,
        cancel_reason=info.canceled_reason,
        text=text_of(info.user_metadata.summary, converter),
        details=text_of(info.user_metadata.details, converter),
    )


def _status(number: int) -> TaskStatus:
    try:
        return TaskStatus(number)
    except ValueError:
        return TaskStatus.UNKNOWN
