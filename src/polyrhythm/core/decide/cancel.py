"""Decides cancel requests: idempotent, silently fine for a closed run.

Source: RequestCancelWorkflowExecution of the server. Unlike a signal, a cancel request ends a
start delay: the workflow gets a task at once.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.workflowservice.v1 import (
    RequestCancelWorkflowExecutionRequest,
    RequestCancelWorkflowExecutionResponse,
)

from polyrhythm.base.errors import NotFound
from polyrhythm.core.context import Context
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decision import Decision
from polyrhythm.core.state import RunState


def decide_cancel(
    state: RunState, request: RequestCancelWorkflowExecutionRequest, context: Context
) -> Decision:
    """Decide a cancel request; a second one, and one for a closed run, have no effect.

    Raises NotFound when the run is not of the chain that `first_execution_run_id` names.
    """
    decision = Decision(state, context)
    decision.reply = RequestCancelWorkflowExecutionResponse()
    if not state.running:
        return decision
    check_chain(state, request.first_execution_run_id)
    if not state.cancel_requested:
        write_cancel(decision, request)
    return decision


def check_chain(state: RunState, first_run_id: str) -> None:
    """Raise NotFound unless the run belongs to the chain, if one is named."""
    if first_run_id and first_run_id != state.first_run_id:
        raise NotFound("workflow execution not found")


def write_cancel(
    decision: Decision,
    request: RequestCancelWorkflowExecutionRequest,
    sender: tuple[str, str, int] | None = None,
) -> None:
    """Write the request's event and see that a task follows; `sender` is the (workflow id, run
    id, initiated event id) of another workflow that asked."""
    event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED)
    if request.links:
        event.links.extend(request.links)
    requested = event.workflow_execution_cancel_requested_event_attributes
    requested.cause = request.reason
    requested.identity = request.identity
    if sender is not None:
        execution = requested.external_workflow_execution
        execution.workflow_id, execution.run_id, requested.external_initiated_event_id = sender
    decision.append(event)
    if request.request_id:
        note = decision.new_note()
        note.cancel_requested.request_id = request.request_id
        decision.append_note(note)
    if decision.state.workflow_task is None:
        tasks.schedule_task(decision)
