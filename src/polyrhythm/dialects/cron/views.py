"""How a job is shown: a plain record of what it is, did and will do.

Read from the service's own message and, within it, the description of the schedule that the job is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import DescribeScheduleResponse

from polyrhythm.api.service import JobEntry
from polyrhythm.dialects.cron.settings import OVERLAPS
from polyrhythm.sdk.client.views import RunStatus, read_status

_NAMES = {value: name for name, value in OVERLAPS.items()}


@dataclass(slots=True)
class JobRun:
    """One run that a job has begun: `scheduled` is the time it was for."""

    workflow_id: str
    run_id: str
    scheduled: datetime
    started: datetime
    status: RunStatus


@dataclass(slots=True)
class JobView:
    """A job as it stands. `next` are its coming times, `recent` its last runs, oldest first;
    `missed` and `skipped` count times that nobody made up for, and that met an open run."""

    id: str
    spec: str
    tz: str
    dialect: str
    summary: str
    tags: list[str]
    owner: str
    paused: bool
    note: str
    overlap: str
    after: list[str]
    next: list[datetime]
    runs: int
    missed: int
    skipped: int
    remaining: int | None = None
    recent: list[JobRun] = field(default_factory=list)


def view_of(entry: JobEntry) -> JobView:
    """Return what the service says of a job."""
    job, described = entry.job, DescribeScheduleResponse.FromString(entry.description)
    state, info = described.schedule.state, described.info
    recent = [
        JobRun(
            one.start_workflow_result.workflow_id,
            one.start_workflow_result.run_id,
            _moment(one.schedule_time),
            _moment(one.actual_time),
            read_status(one.start_workflow_status),
        )
        for one in info.recent_actions
    ]
    return JobView(
        id=entry.job_id,
        spec=job.spec,
        tz=job.time_zone or "UTC",
        dialect=job.dialect or "polyrhythm",
        summary=job.summary,
        tags=list(job.tags),
        owner=job.owner,
        paused=state.paused,
        note=state.notes,
        overlap=_NAMES.get(described.schedule.policies.overlap_policy, "skip"),
        after=list(job.after),
        next=[] if state.paused else [_moment(one) for one in info.future_action_times],
        runs=info.action_count,
        missed=info.missed_catchup_window,
        skipped=info.overlap_skipped,
        remaining=state.remaining_actions if state.limited_actions else None,
        recent=recent,
    )


def _moment(stamp: Any) -> datetime:
    assert isinstance(stamp, Timestamp)
    return stamp.ToDatetime(UTC)
