"""Owes again what a run has asked of others and not heard of: a reset has copied the question.

The base run's messages are its own; the run that was made of it knows of them only what the
copied events say, and the server too sends them anew.
"""

from __future__ import annotations

from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    RequestCancelWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
)

from polyrhythm.api import notes
from polyrhythm.core.closing import SERVICE_IDENTITY
from polyrhythm.core.decision import Decision


def owe_again(decision: Decision) -> None:
    """Owe a message for every external signal, external cancel and unstarted child."""
    state = decision.state
    for data in state.external_signals.values():
        decision.owe(_signal_message(HistoryEvent.FromString(data)))
    for data in state.external_cancels.values():
        decision.owe(_cancel_message(HistoryEvent.FromString(data)))
    for child in state.children.values():
        if not child.run_id:
            message = notes.Message(workflow_id=child.workflow_id)
            message.sender_event_id = child.initiated_event_id
            message.start_child.SetInParent()
            decision.owe(message)


def _signal_message(event: HistoryEvent) -> notes.Message:
    initiated = event.signal_external_workflow_execution_initiated_event_attributes
    request = SignalWorkflowExecutionRequest()
    request.signal_name = initiated.signal_name
    request.identity = SERVICE_IDENTITY
    if initiated.HasField("input"):
        request.input.CopyFrom(initiated.input)
    if initiated.HasField("header"):
        request.header.CopyFrom(initiated.header)
    message = notes.Message(signal=request.SerializeToString())
    message.workflow_id = initiated.workflow_execution.workflow_id
    message.run_id = initiated.workflow_execution.run_id
    message.child_workflow_only = initiated.child_workflow_only
    message.sender_event_id = event.event_id
    return message


def _cancel_message(event: HistoryEvent) -> notes.Message:
    initiated = event.request_cancel_external_workflow_execution_initiated_event_attributes
    request = RequestCancelWorkflowExecutionRequest()
    request.identity = SERVICE_IDENTITY
    request.reason = initiated.reason
    message = notes.Message(cancel=request.SerializeToString())
    message.workflow_id = initiated.workflow_execution.workflow_id
    message.run_id = initiated.workflow_execution.run_id
    message.child_workflow_only = initiated.child_workflow_only
    message.sender_event_id = event.event_id
    return message
