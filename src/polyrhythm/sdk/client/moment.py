"""A run as it was at an earlier moment, for audits: who knew what, when.

Rebuilt by the service from its log, notes included, so that attempts, heartbeats and pending tasks
of that moment are part of it; events alone do not say them. A service without notes is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.history.v1 import History as HistoryMessage
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from polyrhythm.api.service import GetRunAtRequest, GetRunAtResponse
from polyrhythm.sdk.client.history import History
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.client.views import Description, RunStatus, read_description
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.values import decode_message

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True)
class RunMoment:
    """A run right after one of its commits.

    `committed_at` is when that was, in UTC; `last_event_id` the newest event then; `history` all
    events up to it; `description` what `run.describe()` would have said.
    """

    description: Description
    history: History
    committed_at: datetime
    last_event_id: int

    @property
    def status(self) -> RunStatus:
        """Where the run was."""
        return self.description.status


async def fetch_moment(
    session: Session, key: tuple[str, str], time: datetime | None, event_id: int
) -> RunMoment:
    """Ask for the moment of a run (workflow id, run id). Raises MisuseError, NotFound."""
    request = GetRunAtRequest(namespace=session.namespace, event_id=event_id)
    request.workflow_id, request.run_id = key
    if time is not None:
        if event_id:
            raise MisuseError("run.at() takes a time or an event_id, not both")
        if time.tzinfo is None:
            raise MisuseError(f"run.at({time!r}): give it a zone, as in datetime.now(UTC)")
        # The end of its microsecond: times of commits are exact to the nanosecond.
        request.time_ns = (time - EPOCH) // MICROSECOND * 1000 + 999
    answer = await session.call_own("GetRunAt", request, GetRunAtResponse, "run.at()")
    described = DescribeWorkflowExecutionResponse.FromString(answer.description)
    events = HistoryMessage.FromString(answer.history)
    if session.codec is not None:
        await decode_message(session.codec, described)
        await decode_message(session.codec, events)
    description = read_description(described, session.converter)
    summary = description.summary
    return RunMoment(
        description=description,
        history=History(summary.workflow_id, summary.run_id, list(events.events)),
        committed_at=EPOCH + timedelta(microseconds=answer.committed_ns // 1000),
        last_event_id=answer.last_event_id,
    )
