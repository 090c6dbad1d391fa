"""Waits for the end of a run, and for the next one where it went on as another.

One long poll for the close event at a time; a poll that ends with nothing is made again. What the
end was is either a payload or an error.
"""

from __future__ import annotations

from typing import Any

from temporalio.api.common.v1 import Payloads
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
)

from polyrhythm.base.errors import DeadlineExceeded
from polyrhythm.sdk import errors
from polyrhythm.sdk.client.session import LONG_POLL_S, Session
from polyrhythm.sdk.failures import from_failure

CLOSE_EVENT = 2


async def wait_closed(session: Session, workflow_id: str, run_id: str, follow: bool) -> Payloads:
    """Return the result of a run once it has one. Raises a WorkflowError.

    `follow`: a run that continued as new, or is tried again, is not the end.
    """
    while True:
        event = await _close_event(session, workflow_id, run_id)
        kind = event.WhichOneof("attributes") or ""
        ended: Any = getattr(event, kind)
        successor = getattr(ended, "new_execution_run_id", "")
        if successor and follow:
            run_id = successor
            continue
        if kind == "workflow_execution_completed_event_attributes":
            return event.workflow_execution_completed_event_attributes.result
        raise _error_of(session, kind, ended, workflow_id, run_id)


async def _close_event(session: Session, workflow_id: str, run_id: str) -> HistoryEvent:
    token = b""
    while True:
        # Field by field: by keyword it takes twice as long.
        request = GetWorkflowExecutionHistoryRequest()
        request.namespace = session.namespace
        request.wait_new_event = True
        request.history_event_filter_type = CLOSE_EVENT  # type: ignore[assignment]
        if token:
            request.next_page_token = token
        request.skip_archival = True
        request.execution.workflow_id = workflow_id
        request.execution.run_id = run_id
        try:
            response = await session.call(
                "GetWorkflowExecutionHistory",
                request,
                GetWorkflowExecutionHistoryResponse,
                LONG_POLL_S,
            )
        except DeadlineExceeded:
            continue
        if response.history.events:
            return response.history.events[-1]
        token = response.next_page_token


def _error_of(
    session: Session, kind: str, ended: Any, workflow_id: str, run_id: str
) -> errors.WorkflowError:
    error: errors.WorkflowError
    if kind == "workflow_execution_failed_event_attributes":
        cause = from_failure(ended.failure, session.converter)
        error = errors.WorkflowFailed(f"the run failed: {cause}", workflow_id, run_id)
        error.__cause__ = cause
    elif kind == "workflow_execution_canceled_event_attributes":
        values = session.converter.decode_values(ended.details)
        error = errors.WorkflowCancelled("the run was cancelled", workflow_id, run_id)
        error.__cause__ = errors.Cancelled("cancelled", *values)
    elif kind == "workflow_execution_terminated_event_attributes":
        reason = ended.reason or "no reason was given"
        text = f"the run was terminated: {reason}"
        error = errors.WorkflowTerminated(text, workflow_id, run_id)
    elif kind == "workflow_execution_timed_out_event_attributes":
        text = "the run took longer than it was given"
        error = errors.WorkflowTimedOut(text, workflow_id, run_id)
    else:
        # Continued as new, and its starter does not follow.
        text = "the run went on as another one"
        error = errors.WorkflowError(text, workflow_id, run_id)
    return error
