"""What a run owes to others when it closes: its end to its parent and to an entity that waits for
it, a policy to each child.

`Decision.append` asks here for every close event, so no way to close can forget it. A run with a
successor says nothing to those who wait for the end of the chain; its children are bound
to the run that asked for them, so the close policy is due at every close.
Source: processCloseExecution of the server's transfer queue, in its order.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import ParentClosePolicy
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    RequestCancelWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)

from polyrhythm.api import notes
from polyrhythm.core import tables
from polyrhythm.core.state import ChildState, RunState

SERVICE_IDENTITY = "history-service"
# Who terminates a run that a reset replaces: the new run takes parent and children over.
RESETTER_IDENTITY = "history-resetter"

_TERMINATE = TerminateWorkflowExecutionRequest(
    reason="by parent close policy", identity=SERVICE_IDENTITY
).SerializeToString()
_CANCEL = RequestCancelWorkflowExecutionRequest(identity=SERVICE_IDENTITY).SerializeToString()


def closing_messages(state: RunState, event: HistoryEvent) -> list[notes.Message]:
    """Return the messages that a run still open in `state` owes once `event` closes it."""
    if not (state.parent_run_id or state.children or state.watcher):
        return []
    if _is_reset(event):
        return []
    messages = []
    if state.parent_run_id and not _has_successor(event):
        messages.append(_report(state))
    if state.watcher and not _has_successor(event):
        messages.append(_report_to_watcher(state))
    for child in state.children.values():
        message = _policy(child)
        if message is not None:
            messages.append(message)
    return messages


def _is_reset(event: HistoryEvent) -> bool:
    return (
        event.event_type == event_types.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED
        and event.workflow_execution_terminated_event_attributes.identity == RESETTER_IDENTITY
    )


def _has_successor(event: HistoryEvent) -> bool:
    attributes = getattr(event, tables.ATTRIBUTES[event.event_type])
    return bool(getattr(attributes, "new_execution_run_id", ""))


def _report(state: RunState) -> notes.Message:
    message = notes.Message(workflow_id=state.parent_workflow_id, run_id=state.parent_run_id)
    message.child_closed.initiated_event_id = state.parent_initiated_id
    message.child_closed.first_run_id = state.first_run_id
    return message


def _report_to_watcher(state: RunState) -> notes.Message:
    watcher = notes.Watcher.FromString(state.watcher)
    message = notes.Message(workflow_id=watcher.entity_id, run_id=watcher.run_id)
    message.receiver_kind = watcher.kind
    message.child_closed.first_run_id = state.first_run_id
    return message


def _policy(child: ChildState) -> notes.Message | None:
    if child.close_policy == ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON:
        return None
    # A child that has not started has no run to name: whatever child of this run has the id.
    message = notes.Message(workflow_id=child.workflow_id, first_run_id=child.run_id)
    message.child_workflow_only = True
    if child.close_policy == ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL:
        message.cancel = _CANCEL
    else:
        message.terminate = _TERMINATE
    return message
