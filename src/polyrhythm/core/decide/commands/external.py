"""SignalExternalWorkflowExecution and RequestCancelExternalWorkflowExecution.

Each writes its Initiated event and owes a message to the other run (`core.decide.message`); the
answer comes as an event of its own. Both stay within the run's namespace, the server's default.
"""

from __future__ import annotations

import re

from temporalio.api.command.v1 import (
    Command,
    RequestCancelExternalWorkflowExecutionCommandAttributes,
    SignalExternalWorkflowExecutionCommandAttributes,
)
from temporalio.api.enums.v1 import WorkflowTaskFailedCause as Cause
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.workflowservice.v1 import (
    RequestCancelWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
)

from polyrhythm.api import notes
from polyrhythm.base.errors import NamespaceNotFound
from polyrhythm.core.closing import SERVICE_IDENTITY
from polyrhythm.core.context import Context
from polyrhythm.core.decide.commands.record import CommandRefused, Completion
from polyrhythm.core.decision import Decision

_BAD_SIGNAL = Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES
_BAD_CANCEL = (
    Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES
)
_MANY_SIGNALS = Cause.WORKFLOW_TASK_FAILED_CAUSE_PENDING_SIGNALS_LIMIT_EXCEEDED
_MANY_CANCELS = Cause.WORKFLOW_TASK_FAILED_CAUSE_PENDING_REQUEST_CANCEL_LIMIT_EXCEEDED
CROSSING = "cross namespace commands are not allowed"
# The spellings of a UUID that the server's parser takes.
_UUID = re.compile(
    r"(urn:uuid:)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}|[0-9a-f]{32}",
    re.IGNORECASE,
)


def decide_signal_external(completion: Completion, command: Command) -> None:
    """Owe a signal to another run. Raises NamespaceNotFound for an unknown namespace."""
    attributes = command.signal_external_workflow_execution_command_attributes
    decision = completion.decision
    crossing = crosses_namespace(attributes.namespace, decision.context)
    _check_signal(command, crossing, decision)
    target = attributes.execution
    event = completion.new_event(
        event_types.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, command
    )
    initiated = event.signal_external_workflow_execution_initiated_event_attributes
    initiated.workflow_task_completed_event_id = completion.completed_event_id
    initiated.namespace = attributes.namespace
    initiated.namespace_id = decision.context.namespace.namespace_id
    initiated.workflow_execution.workflow_id = target.workflow_id
    initiated.workflow_execution.run_id = target.run_id
    initiated.signal_name = attributes.signal_name
    initiated.control = attributes.control
    initiated.child_workflow_only = attributes.child_workflow_only
    request = SignalWorkflowExecutionRequest()
    request.signal_name = attributes.signal_name
    request.identity = SERVICE_IDENTITY
    if attributes.HasField("input"):
        initiated.input.CopyFrom(attributes.input)
        request.input.CopyFrom(attributes.input)
    if attributes.HasField("header"):
        initiated.header.CopyFrom(attributes.header)
        request.header.CopyFrom(attributes.header)
    decision.append(event)
    message = notes.Message(signal=request.SerializeToString())
    message.child_workflow_only = attributes.child_workflow_only
    _address(message, target.workflow_id, target.run_id, event.event_id)
    decision.owe(message)


def decide_cancel_external(completion: Completion, command: Command) -> None:
    """Owe a cancel request to another run. Raises NamespaceNotFound for an unknown namespace."""
    attributes = command.request_cancel_external_workflow_execution_command_attributes
    decision = completion.decision
    crossing = crosses_namespace(attributes.namespace, decision.context)
    _check_cancel(command, crossing, completion)
    event = completion.new_event(
        event_types.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, command
    )
    initiated = event.request_cancel_external_workflow_execution_initiated_event_attributes
    initiated.workflow_task_completed_event_id = completion.completed_event_id
    initiated.namespace = attributes.namespace
    initiated.namespace_id = decision.context.namespace.namespace_id
    initiated.workflow_execution.workflow_id = attributes.workflow_id
    initiated.workflow_execution.run_id = attributes.run_id
    initiated.control = attributes.control
    initiated.child_workflow_only = attributes.child_workflow_only
    initiated.reason = attributes.reason
    decision.append(event)
    request = RequestCancelWorkflowExecutionRequest()
    request.identity = SERVICE_IDENTITY
    request.reason = attributes.reason
    message = notes.Message(cancel=request.SerializeToString())
    message.child_workflow_only = attributes.child_workflow_only
    _address(message, attributes.workflow_id, attributes.run_id, event.event_id)
    decision.owe(message)


def _address(message: notes.Message, workflow_id: str, run_id: str, event_id: int) -> None:
    message.workflow_id = workflow_id
    message.run_id = run_id
    message.sender_event_id = event_id


def crosses_namespace(namespace: str, context: Context) -> bool:
    """Whether a command leaves the run's namespace. Raises NamespaceNotFound."""
    if not namespace or namespace == context.namespace.name:
        return False
    if namespace not in context.other_namespaces:
        raise NamespaceNotFound(namespace)
    return True


def _check_signal(command: Command, crossing: bool, decision: Decision) -> None:
    name = "SignalExternalWorkflowExecutionCommand"
    limits = decision.context.limits
    if not command.HasField("signal_external_workflow_execution_command_attributes"):
        raise CommandRefused(_BAD_SIGNAL, f"{name}Attributes is not set on {name}.")
    attributes = command.signal_external_workflow_execution_command_attributes
    if not attributes.HasField("execution"):
        raise CommandRefused(_BAD_SIGNAL, f"Execution is not set on {name}.")
    problem = CROSSING if crossing else _signal_problem(attributes, name, limits.id_bytes_max)
    if problem:
        raise CommandRefused(_BAD_SIGNAL, problem)
    pending = len(decision.state.external_signals)
    if pending >= limits.pending_signals_max:
        raise CommandRefused(
            _MANY_SIGNALS,
            f"the number of pending signals to external workflows, {pending}, has reached the"
            f" per-workflow limit of {limits.pending_signals_max}",
        )
    if attributes.input.ByteSize() > limits.blob_bytes_max:
        raise CommandRefused(
            _BAD_SIGNAL,
            "SignalExternalWorkflowExecutionCommandAttributes.Input exceeds size limit.",
            terminates=True,
        )


def _signal_problem(
    attributes: SignalExternalWorkflowExecutionCommandAttributes, name: str, limit: int
) -> str:
    namespace, target = attributes.namespace, attributes.execution.workflow_id
    run, signal = attributes.execution.run_id, attributes.signal_name
    tail = f"RunId={run} SignalName={signal}"
    size = len(target.encode())
    if not target:
        return f"WorkflowId is not set on {name}. Namespace={namespace} {tail}"
    if size > limit:
        return (
            f"WorkflowId on {name} exceeds length limit. WorkflowId={target} Length={size}"
            f" Limit={limit} Namespace={namespace} {tail}"
        )
    if run and not _UUID.fullmatch(run):
        return f"Invalid RunId set on {name}. WorkflowId={target} Namespace={namespace} {tail}"
    if not signal:
        return (
            f"SignalName is not set on {name}."
            f" WorkflowId={target} Namespace={namespace} RunId={run}"
        )
    return ""


def _check_cancel(command: Command, crossing: bool, completion: Completion) -> None:
    name = "RequestCancelExternalWorkflowExecutionCommand"
    decision = completion.decision
    limits = decision.context.limits
    if not command.HasField("request_cancel_external_workflow_execution_command_attributes"):
        raise CommandRefused(_BAD_CANCEL, f"{name}Attributes is not set on {name}.")
    attributes = command.request_cancel_external_workflow_execution_command_attributes
    problem = CROSSING if crossing else _cancel_problem(attributes, name, limits.id_bytes_max)
    if not problem and attributes.workflow_id in completion.started_children:
        problem = (
            "Start and RequestCancel for child workflow is not allowed in same workflow task."
            f" WorkflowId={attributes.workflow_id} RunId={attributes.run_id}"
            f" Namespace={attributes.namespace}"
        )
    if problem:
        raise CommandRefused(_BAD_CANCEL, problem)
    pending = len(decision.state.external_cancels)
    if pending >= limits.pending_cancels_max:
        raise CommandRefused(
            _MANY_CANCELS,
            f"the number of pending requests to cancel external workflows, {pending}, has reached"
            f" the per-workflow limit of {limits.pending_cancels_max}",
        )


def _cancel_problem(
    attributes: RequestCancelExternalWorkflowExecutionCommandAttributes, name: str, limit: int
) -> str:
    namespace, target, run = attributes.namespace, attributes.workflow_id, attributes.run_id
    size = len(target.encode())
    if not target:
        return f"WorkflowId is not set on {name}. Namespace={namespace} RunId={run}"
    if size > limit:
        return (
            f"WorkflowId on {name} exceeds length limit. WorkflowId={target} Length={size}"
            f" Limit={limit} RunId={run} Namespace={namespace}"
        )
    if run and not _UUID.fullmatch(run):
        return f"Invalid RunId set on {name}. WorkflowId={target} RunId={run} Namespace={namespace}"
    return ""
