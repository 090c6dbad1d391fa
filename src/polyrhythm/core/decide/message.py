"""Messages between runs: owed by the sender, applied once by the receiver, then settled.

1. `Decision.owe`: the sender's log takes the message; a Delivery effect carries it.
2. `receive` at the receiver: applied once under the key (sender run, sequence), or refused.
3. `settle` at the sender with that outcome: the message is forgotten and the workflow told.
   Where there is no receiver, `refuse_delivery` takes the place of both.

A crash between two commits repeats a Delivery from what the sender still owes. A receiver that
has the message says so again, even when it has closed since; it knows its newest messages only,
which is enough where receipt and settlement are one commit. A refusal leaves nothing at the
receiver: a closed run is never written to, and a repeated Delivery is judged anew.
A message without a run id goes to the current run of its workflow id: receive and settle belong
into one commit, else a newer current run could take a repeated Delivery again.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.enums.v1 import (
    CancelExternalWorkflowExecutionFailedCause,
    SignalExternalWorkflowExecutionFailedCause,
)
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    RequestCancelWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)

from polyrhythm.api import notes
from polyrhythm.core.context import Context
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.cancel import write_cancel
from polyrhythm.core.decide.child import write_child_closed, write_start_failed, write_started
from polyrhythm.core.decide.signal import write_signal
from polyrhythm.core.decide.terminate import terminate_run
from polyrhythm.core.decision import Decision
from polyrhythm.core.state import RunState

_DELIVERED = 0
# Both protocols of failure share the number.
NOT_FOUND = 1
_SIGNAL_LIMIT = 3


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
    assert kind in _RECEIVE, f"a message of kind {kind} is not for receive"
    # NOTE: a request to cancel a closed workflow, or one that is asked already, succeeds without
    # effect however often it is repeated.
    if cause or not state.running or (kind == "cancel" and state.cancel_requested):
        return decision
    if kind in _KEYED:
        note = decision.new_note()
        note.received.sender_run_key = sender_run_key
        note.received.sequence = sequence
        decision.append_note(note)
    _RECEIVE[kind](decision, message)
    return decision


def failed_cause(received: Decision) -> int:
    """Return what `receive` left as the outcome: 0, or the protocol's failed cause."""
    cause = received.reply
    assert isinstance(cause, int), "not a decision of receive"
    return cause


def settle(
    state: RunState, sequence: int, context: Context, cause: int = _DELIVERED, run_id: str = ""
) -> Decision:
    """Forget an owed message and, while the sender runs, tell its workflow the outcome: a failed
    cause, or for the start of a child the run that started."""
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
    if message.HasField("start_child"):
        _settle_child(decision, message, cause, run_id)
    else:
        _settle_external(decision, message, cause)
    return decision


def refuse_delivery(
    state: RunState, _message: notes.Message, sequence: int, context: Context
) -> Decision:
    """Settle a message of this sender that has no receiver, or that is for the sender itself."""
    return settle(state, sequence, context, NOT_FOUND)


def _receive_signal(decision: Decision, message: notes.Message) -> None:
    request = SignalWorkflowExecutionRequest.FromString(message.signal)
    write_signal(decision, request, (message.sender_workflow_id, message.sender_run_id))
    tasks.ensure_task(decision)


def _receive_cancel(decision: Decision, message: notes.Message) -> None:
    request = RequestCancelWorkflowExecutionRequest.FromString(message.cancel)
    sender = (message.sender_workflow_id, message.sender_run_id, message.sender_event_id)
    write_cancel(decision, request, sender)


def _receive_terminate(decision: Decision, message: notes.Message) -> None:
    request = TerminateWorkflowExecutionRequest.FromString(message.terminate)
    terminate_run(decision, request.reason, None, request.identity)


_RECEIVE: dict[str, Callable[[Decision, notes.Message], None]] = {
    "signal": _receive_signal,
    "cancel": _receive_cancel,
    "terminate": _receive_terminate,
    "child_closed": write_child_closed,
}
# Kinds whose keys are kept. The others cannot be applied twice: a run is closed once, and a child
# is pending until its end is known.
_KEYED = frozenset({"signal", "cancel"})


def _settle_child(decision: Decision, message: notes.Message, cause: int, run_id: str) -> None:
    child = decision.state.children.get(message.sender_event_id)
    if child is None or child.run_id:
        return
    if cause:
        write_start_failed(decision, child, cause)
    else:
        write_started(decision, child, run_id)
    tasks.ensure_task(decision)


def _settle_external(decision: Decision, message: notes.Message, cause: int) -> None:
    state, initiated_id = decision.state, message.sender_event_id
    if message.WhichOneof("kind") == "signal":
        initiated = state.external_signals.get(initiated_id)
        write = _write_signal_failed if cause else _write_signaled
    else:
        initiated = state.external_cancels.get(initiated_id)
        write = _write_cancel_failed if cause else _write_cancel_requested
    if initiated is not None:
        decision.append(write(decision, HistoryEvent.FromString(initiated), cause))
        tasks.ensure_task(decision)


def _refusal(state: RunState, message: notes.Message, context: Context) -> int:
    # A workflow may not address itself, whatever the run id says.
    if message.sender_workflow_id == state.workflow_id:
        return NOT_FOUND
    kind = message.WhichOneof("kind")
    if kind == "cancel":
        if not state.running:
            return _DELIVERED
    elif not state.running:
        return NOT_FOUND
    elif kind == "signal" and state.signal_count >= context.limits.signals_max:
        return _SIGNAL_LIMIT
    if message.first_run_id and message.first_run_id != state.first_run_id:
        return NOT_FOUND
    if message.child_workflow_only and not _is_child(state, message):
        return NOT_FOUND
    return _DELIVERED


def _is_child(state: RunState, message: notes.Message) -> bool:
    return (state.parent_workflow_id, state.parent_run_id) == (
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
