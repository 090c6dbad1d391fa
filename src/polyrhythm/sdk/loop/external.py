"""Messages to other workflows: signals and requests to cancel, each with a wait for its delivery.

Cancelling the wait takes the message back only as long as it has not left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import command_type_pb2 as commands
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.sdk.definitions import Signature
from polyrhythm.sdk.intercept.calls import CallKind
from polyrhythm.sdk.loop.futures import DurableFuture
from polyrhythm.sdk.loop.origin import Place, find_place
from polyrhythm.sdk.loop.outbox import Made
from polyrhythm.sdk.loop.passing import announce, fill_header

if TYPE_CHECKING:
    from polyrhythm.sdk.loop.context import Context

FAILURES = {
    1: "no workflow with this id runs",
    2: "the namespace was not found",
    3: "the workflow has too many signals",
}


class SignalExternal:
    """One signal to another workflow."""

    __slots__ = ("context", "event_id", "future", "id", "made", "name")

    def __init__(self, context: Context, workflow_id: str, name: str) -> None:
        self.context = context
        self.id = workflow_id
        self.name = name
        self.event_id = 0
        self.made: Made
        self.future: DurableFuture[None] = context.loop.new_future(self.cancel)

    def record(self, event: HistoryEvent) -> bool:
        """Take the event the command was written as."""
        attributes = event.signal_external_workflow_execution_initiated_event_attributes
        if attributes.workflow_execution.workflow_id != self.id:
            return False
        if attributes.signal_name != self.name:
            return False
        self.event_id = event.event_id
        self.context.by_event[event.event_id] = self
        return True

    def cancel(self) -> bool:
        """Take the signal back if it has not left; the wait ends."""
        if not self.event_id and not self.context.closed:
            self.made.dropped = True
        return True


class CancelExternal:
    """One request to cancel another workflow, or a child."""

    __slots__ = ("child", "context", "event_id", "future", "id", "made", "run_id")

    def __init__(self, context: Context, workflow_id: str, run_id: str, child: bool) -> None:
        self.context = context
        self.id = workflow_id
        self.run_id = run_id
        self.child = child
        self.event_id = 0
        self.made: Made
        self.future: DurableFuture[None] = context.loop.new_future(None)

    def send(self, reason: str, place: Place | None) -> None:
        """Make the command."""
        context = self.context
        kind = commands.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION
        command = Command(command_type=kind)
        attributes = command.request_cancel_external_workflow_execution_command_attributes
        attributes.namespace = context.settings.namespace
        attributes.workflow_id = self.id
        attributes.run_id = self.run_id
        attributes.child_workflow_only = self.child
        attributes.reason = reason
        self.made = context.outbox.add(command, self, place)

    def record(self, event: HistoryEvent) -> bool:
        """Take the event the command was written as."""
        attributes = event.request_cancel_external_workflow_execution_initiated_event_attributes
        if attributes.workflow_execution.workflow_id != self.id:
            return False
        self.event_id = event.event_id
        self.context.by_event[event.event_id] = self
        return True


class Target:
    """Which workflow a message goes to; `child`: only to a child of this run."""

    __slots__ = ("child", "id", "run_id")

    def __init__(self, workflow_id: str, run_id: str = "", child: bool = False) -> None:
        self.id = workflow_id
        self.run_id = run_id
        self.child = child


def signal_external(
    context: Context, target: Target, name: str, args: Sequence[Any], signature: Signature
) -> DurableFuture[None]:
    """Send a signal; what is returned is resolved at its delivery. Raises PayloadError."""
    context.check_writable(f"signal {name} to a workflow")
    call = announce(context, CallKind.SIGNAL, name, args, target.id)
    args = args if call is None else call.args
    payloads = context.settings.converter.encode_all(args, signature)
    signal = SignalExternal(context, target.id, name)
    command = Command(command_type=commands.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION)
    attributes = command.signal_external_workflow_execution_command_attributes
    attributes.namespace = context.settings.namespace
    attributes.execution.workflow_id = target.id
    attributes.execution.run_id = target.run_id
    attributes.signal_name = name
    attributes.child_workflow_only = target.child
    attributes.input.CopyFrom(payloads)
    fill_header(context, attributes.header, call)
    signal.made = context.outbox.add(command, signal, find_place())
    return signal.future


def cancel_external(context: Context, target: Target, reason: str) -> DurableFuture[None]:
    """Ask another workflow to end; what is returned is resolved when it was told."""
    context.check_writable("cancelling a workflow")
    request = CancelExternal(context, target.id, target.run_id, target.child)
    request.send(reason, find_place())
    return request.future


def on_signal_delivered(context: Context, event: HistoryEvent) -> None:
    """Resolve the wait for a signal's delivery."""
    attributes = event.external_workflow_execution_signaled_event_attributes
    _deliver(context, attributes.initiated_event_id)


def on_signal_failed(context: Context, event: HistoryEvent) -> None:
    """Fail the wait for a signal's delivery."""
    attributes = event.signal_external_workflow_execution_failed_event_attributes
    _fail(context, attributes.initiated_event_id, attributes.cause, "signal")


def on_cancel_delivered(context: Context, event: HistoryEvent) -> None:
    """Resolve the wait for a request's delivery."""
    attributes = event.external_workflow_execution_cancel_requested_event_attributes
    _deliver(context, attributes.initiated_event_id)


def on_cancel_failed(context: Context, event: HistoryEvent) -> None:
    """Fail the wait for a request's delivery."""
    attributes = event.request_cancel_external_workflow_execution_failed_event_attributes
    _fail(context, attributes.initiated_event_id, attributes.cause, "cancel")


def _deliver(context: Context, event_id: int) -> None:
    message: Any = context.take_event(event_id)
    if message is not None and not message.future.done():
        message.future.set_result(None)


def _fail(context: Context, event_id: int, cause: int, what: str) -> None:
    message: Any = context.take_event(event_id)
    if message is None or message.future.done():
        return
    why = FAILURES.get(cause, "the service refused it")
    failure = Failure(message=f"cannot {what} the workflow {message.id!r}: {why}")
    failure.application_failure_info.type = "ExternalWorkflowNotFound" if cause == 1 else ""
    message.future.let_fail(context.from_failure(failure))
