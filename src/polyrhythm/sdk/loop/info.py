"""What a run knows about itself: ids, times, how it was started, how long its history is.

Made from the first event, and from the start of the workflow task that is being answered; the same
in every replay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from temporalio.api.common.v1 import Payload

if TYPE_CHECKING:
    from polyrhythm.sdk.loop.context import Context

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class RunKey:
    """A run of a workflow."""

    workflow_id: str
    run_id: str


@dataclass(slots=True)
class WorkflowInfo:
    """The run that the code is part of. Timeouts are seconds, 0 is none.

    `history_length` counts events up to the current workflow task; `continue_as_new_suggested` is
    the service's advice that the history is long enough.
    """

    namespace: str
    workflow: str
    workflow_id: str
    run_id: str
    first_run_id: str
    continued_run_id: str
    queue: str
    attempt: int
    cron: str
    started_at: datetime
    run_timeout_s: float
    execution_timeout_s: float
    task_timeout_s: float
    priority: int
    parent: RunKey | None
    root: RunKey | None
    header: Mapping[str, Payload]
    memo: Mapping[str, Payload]
    history_length: int
    history_bytes: int
    continue_as_new_suggested: bool


def moment(at_ns: int) -> datetime:
    """Return a time as a datetime with a zone, exact to the microsecond."""
    return EPOCH + timedelta(microseconds=at_ns // 1000)


def read_info(context: Context) -> WorkflowInfo:
    """Return what is known as of the current workflow task."""
    started = context.started
    parent = root = None
    if started.HasField("parent_workflow_execution"):
        key = started.parent_workflow_execution
        parent = RunKey(key.workflow_id, key.run_id)
    if started.HasField("root_workflow_execution"):
        key = started.root_workflow_execution
        root = RunKey(key.workflow_id, key.run_id)
    task = context.task_started
    return WorkflowInfo(
        namespace=context.settings.namespace,
        workflow=started.workflow_type.name,
        workflow_id=context.workflow_id,
        run_id=context.run_id,
        first_run_id=started.first_execution_run_id,
        continued_run_id=started.continued_execution_run_id,
        queue=started.task_queue.name,
        attempt=max(started.attempt, 1),
        cron=started.cron_schedule,
        started_at=moment(context.started_ns),
        run_timeout_s=started.workflow_run_timeout.ToNanoseconds() / 1e9,
        execution_timeout_s=started.workflow_execution_timeout.ToNanoseconds() / 1e9,
        task_timeout_s=started.workflow_task_timeout.ToNanoseconds() / 1e9,
        priority=started.priority.priority_key,
        parent=parent,
        root=root,
        header=dict(started.header.fields),
        memo=context.memo,
        history_length=context.position,
        history_bytes=task.history_size_bytes,
        continue_as_new_suggested=task.suggest_continue_as_new,
    )
