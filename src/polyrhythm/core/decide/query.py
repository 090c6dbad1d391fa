"""Judges queries: refused, answered directly by any worker, or carried by the next workflow task.

Source: QueryWorkflow of the server. A query writes nothing; where it waits and who answers it is
the engine's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from temporalio.api.enums.v1 import QueryRejectCondition, WorkflowExecutionStatus
from temporalio.api.enums.v1 import workflow_pb2 as statuses
from temporalio.api.workflowservice.v1 import QueryWorkflowRequest

from polyrhythm.base.errors import ResourceExhausted, WorkflowNotReady
from polyrhythm.core.state import RunState

# A workflow whose task failed this often in a row answers no queries.
FAILED_ATTEMPTS = 3


class QueryRoute(Enum):
    """Where a query goes."""

    REJECTED = "answer QueryRejected with the status"
    DIRECT = "offer a query task of its own"
    WITH_TASK = "keep it for the next workflow task"


@dataclass(slots=True)
class QueryVerdict:
    """A route; `status` is the run's."""

    route: QueryRoute
    status: WorkflowExecutionStatus.ValueType


def judge_query(
    state: RunState,
    request: QueryWorkflowRequest,
    waiting: int = 0,
    waiting_max: int = 1,
    deadline_ns: int = 0,
) -> QueryVerdict:
    """Say where a query goes; `waiting` queries of at most `waiting_max` are kept for the run's
    next task already, and the caller gives up at `deadline_ns` (0: unknown).

    Raises WorkflowNotReady when no task will answer it, ResourceExhausted when too many wait.
    """
    status = WorkflowExecutionStatus.ValueType(state.status)
    if not state.running and _rejects(request.query_reject_condition, status):
        return QueryVerdict(QueryRoute.REJECTED, status)
    answered_before = bool(state.last_completed_started_id)
    if not state.running and not answered_before:
        raise WorkflowNotReady("Workflow execution closed before WorkflowTaskStarted event")
    task = state.workflow_task
    if task is None and not answered_before and _too_late(state, deadline_ns):
        raise WorkflowNotReady("Workflow task is not scheduled yet.")
    attempt = task.attempt if task is not None else state.next_attempt
    if attempt >= FAILED_ATTEMPTS:
        raise WorkflowNotReady("Unable to query workflow due to Workflow Task in failed state.")
    if answered_before and (not state.running or task is None):
        return QueryVerdict(QueryRoute.DIRECT, status)
    if waiting >= waiting_max:
        raise ResourceExhausted(
            "consistent query buffer is full, this may be caused by too many queries and workflow"
            " not able to process query fast enough",
            "BUSY_WORKFLOW",
        )
    return QueryVerdict(QueryRoute.WITH_TASK, status)


def _rejects(
    condition: QueryRejectCondition.ValueType, status: WorkflowExecutionStatus.ValueType
) -> bool:
    if condition == QueryRejectCondition.QUERY_REJECT_CONDITION_NOT_OPEN:
        return True
    return (
        condition == QueryRejectCondition.QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY
        and status != statuses.WORKFLOW_EXECUTION_STATUS_COMPLETED
    )


def _too_late(state: RunState, deadline_ns: int) -> bool:
    return not deadline_ns or state.first_task_due_ns > deadline_ns
