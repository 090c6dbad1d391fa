"""Messages between runs: owed by the sender, applied once by the receiver, then settled.

1. `owe`: the sender's log takes the message; a Delivery effect carries it.
2. `receive` at the receiver: applied once under the key (sender run, sequence), or refused.
3. `settle` at the sender with that outcome: the message is forgotten and the workflow told.
   Where there is no receiver, `refuse_delivery` takes the place of both.

A crash between two commits repeats a Delivery from what the sender still owes. A receiver that
has the message says so again, even when it has closed since. A refusal leaves nothing at the
receiver: a closed run is never written to, and a repeated Delivery is judged anew.
A message without a run id goes to the current run of its workflow id: receive and settle belong
into one commit, else a newer current run could take a repeated Delivery again.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import (
    CancelExternalWorkflowExecutionFailedCause,
    SignalExternalWorkflowExecutionFailedCause,
)
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    RequestCancelWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
)

from polyrhythm.api import notes
from polyrhythm.core.context import Context
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.cancel import write_cancel
from polyrhythm.core.decide.signal import write_signal
from polyrhythm.core.decision import Decision
from polyrhythm.core.effects import Delivery
from polyrhythm.core.state import RunState

_DELIVERED = 0
# Both protocols of failure share the number.
_NOT_FOUND = 1
_SIGNAL_LIMIT = 3


def owe(decision: Decision, message: notes.Message) -> None:
    """Put an addressed message into the sender's log and ask for its delivery."""
    state = decision.state
    message.namespace_key = state.namespace_key
    message.sender_workflow_id = state.workflow_id
    message.sender_run_id = state.run_id
    note = decision.new_note()
    note.owed.sequence = state.owed_next
    note.owed.message.CopyFrom(message)
    decision.append_note(note)
    decision.effect(Delivery(note.owed.sequence, message))


def receive(
    state: RunState,
    message: notes.Message,
    sender_run_key: int,
    sequence: int,
    context: Context,
) -> Decision:
    """Apply a message to its receiver, once; `failed_cause` of the decision is the outcome."""
    decision = Decision(state, context)
    decision.reply = _DELIVERED
    if (sender_run_key, sequence) in state.received:
        return decision
    cause = _refusal(state, message, context)
    decision.reply = cause
    kind = message.WhichOneof("kind")
    # NOTE: a request to cancel a closed workflow, or one that is asked already, succeeds without
    # effect however often it is repeated.
    if cause or not state.running or (kind == "cancel" and state.cancel_requested):
        return decision
    note = decision.new_note()
    note.received.sender_run_key = sender_run_key
    note.received.sequence = sequence
    decision.append_note(note)
    sender = (message.sender_workflow_id, message.sender_run_id)
    if kind == "signal":
        write_signal(decision, SignalWorkflowExecutionRequest.FromString(message.signal), sender)
        tasks.ensure_task(decision)
    else:
        assert kind == "cancel", f"a message of kind {kind} is not for receive"
        request = RequestCancelWorkflowExecutionRequest.FromString(message.cancel)
        write_cancel(decision, request, (*sender, message.sender_event_id))
    return decision


def failed_cause(received: Decision) -> int:
    """Return what `receive` left as the outcome: 0, or the protocol's failed cause."""
    cause = received.reply
    assert isinstance(cause, int), "not a decision of receive"
    return cause


def settle(state: RunState, sequence: int, context: Context, cause: int = _DELIVERED) -> Decision:
    """Forget an owed message and, while the sender runs, tell its workflow the outcome."""
    decision = Decision(state, context)
    data = state.owed.get(sequence)
    if data is None:
        return decision
    message = notes.Message.FromString(data)
    note = decision.new_note()
    note.settled.sequence = sequence
    decision.append_note(note)
    if not state.running:
        return decision
    initiated_id = message.sender_event_id
    if message.WhichOneof("kind") == "signal":
        initiated = state.external_signals.get(initiated_id)
        write = _write_signal_failed if cause else _write_signaled
    else:
        initiated = state.external_cancels.get(initiated_id)
        write = _write_cancel_failed if cause else _write_cancel_requested
    if initiated is not None:
        decision.append(write(decision, HistoryEvent.FromString(initiated), cause))
        tasks.ensure_task(decision)
    return decision


def refuse_delivery(
    state: RunState, _message: notes.Message, sequence: int, context: Context
) -> Decision:
    """Settle a message of this sender that has no receiver, or that is for the sender itself."""
    return settle(state, sequence, context, _NOT_FOUND)


def _refusal(state: RunState, message: notes.Message, context: Context) -> int:
    # A workflow may not address itself, whatever the run id says.
    if message.sender_workflow_id == state.workflow_id:
        return _NOT_FOUND
    if message.WhichOneof("kind") == "cancel":
        if not state.running:
            return _DELIVERED
    elif not state.running:
        return _NOT_FOUND
    elif state.signal_count >= context.limits.signals_max:
        return _SIGNAL_LIMIT
    if message.child_workflow_only and not _is_child(state, message):
        return _NOT_FOUND
    return _DELIVERED


def _is_child(state: RunState, message: notes.Message) -> bool:
    event = HistoryEvent.FromString(state.start_event)
    parent = event.workflow_execution_started_event_attributes.parent_workflow_execution
    return (parent.workflow_id, parent.run_id) == (
        message.sender_workflow_id,
        message.sender_run_id,
    )


def _write_signaled(decision: Decision, initiated: HistoryEvent, _cause: int) -> HistoryEvent:
    asked = initiated.signal_external_workflow_execution_initiated_event_attributes
    event = decision.new_event(event_types.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED)
    signaled = event.external_workflow_execution_signaled_event_attributes
    signaled.initiated_event_id = initiated.event_id
    signaled.namespace = decision.context.namespace.name
    signaled.namespace_id = asked.namespace_id
    signaled.workflow_execution.CopyFrom(asked.workflow_execution)
    signaled.control = asked.control
    return event


def _write_signal_failed(decision: Decision, initiated: HistoryEvent, cause: int) -> HistoryEvent:
    asked = initiated.signal_external_workflow_execution_initiated_event_attributes
    event = decision.new_event(event_types.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED)
    failed = event.signal_external_workflow_execution_failed_event_attributes
    failed.cause = SignalExternalWorkflowExecutionFailedCause.ValueType(cause)
    failed.namespace = decision.context.namespace.name
    failed.namespace_id = asked.namespace_id
    failed.workflow_execution.CopyFrom(asked.workflow_execution)
    failed.initiated_event_id = initiated.event_id
    failed.control = asked.control
    return event


def _write_cancel_requested(
    decision: Decision, initiated: HistoryEvent, _cause: int
) -> HistoryEvent:
    asked = initiated.request_cancel_external_workflow_execution_initiated_event_attributes
    event = decision.new_event(event_types.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED)
    requested = event.external_workflow_execution_cancel_requested_event_attributes
    requested.initiated_event_id = initiated.event_id
    requested.namespace = decision.context.namespace.name
    requested.namespace_id = asked.namespace_id
    requested.workflow_execution.CopyFrom(asked.workflow_execution)
    return event


def _write_cancel_failed(decision: Decision, initiated: HistoryEvent, cause: int) -> HistoryEvent:
    asked = initiated.request_cancel_external_workflow_execution_initiated_event_attributes
    event = decision.new_event(
        event_types.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED
    )
    failed = event.request_cancel_external_workflow_execution_failed_event_attributes
    failed.cause = CancelExternalWorkflowExecutionFailedCause.ValueType(cause)
    failed.namespace = decision.context.namespace.name
    failed.namespace_id = asked.namespace_id
    failed.workflow_execution.CopyFrom(asked.workflow_execution)
    failed.initiated_event_id = initiated.event_id
    return event
