"""Child workflows: started by a verb, with a wait for the start and a wait for the result.

An id that was not given is drawn from the run's random numbers, so that a replay finds it again.
A child that is cancelled before it has started is asked once it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.enums.v1 import command_type_pb2 as commands
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.sdk.definitions import Cancellation, ChildOptions, WorkflowDefinition
from polyrhythm.sdk.intercept.calls import CallKind
from polyrhythm.sdk.loop.external import CancelExternal
from polyrhythm.sdk.loop.futures import DurableFuture
from polyrhythm.sdk.loop.origin import find_place
from polyrhythm.sdk.loop.outbox import Made
from polyrhythm.sdk.loop.passing import announce, fill_header
from polyrhythm.sdk.retry import to_policy

if TYPE_CHECKING:
    from polyrhythm.sdk.loop.context import Context

# What the service calls the causes why a child was not started.
START_FAILURES = {
    1: "a workflow with this id runs already",
    2: "the namespace of the child was not found",
}


class ChildRun:
    """One child, from its command to its end."""

    __slots__ = (
        "asked", "cancellation", "context", "event_id", "id", "made", "name", "result",
        "result_type", "run_id", "started",
    )  # fmt: skip

    def __init__(
        self, context: Context, definition: WorkflowDefinition, options: ChildOptions
    ) -> None:
        self.context = context
        self.id = options.id or str(context.uuid())
        self.name = definition.name
        self.result_type = definition.signature.result
        self.cancellation = options.cancellation
        self.event_id = 0
        self.run_id = ""
        self.asked = False
        self.made: Made
        self.started: DurableFuture[str] = context.loop.new_future(None)
        self.result: DurableFuture[Any] = context.loop.new_future(self.cancel)

    def record(self, event: HistoryEvent) -> bool:
        """Take the event the command was written as."""
        attributes = event.start_child_workflow_execution_initiated_event_attributes
        if attributes.workflow_id != self.id or attributes.workflow_type.name != self.name:
            return False
        self.event_id = event.event_id
        self.context.by_event[event.event_id] = self
        return True

    def cancel(self) -> bool:
        """Ask the child to end; whether the wait for its result ends now."""
        context = self.context
        if context.closed or self.made.dropped:
            return True
        if not self.event_id:
            context.open_children.drop(self.made)
            self.started.cancel()
            return True
        if self.cancellation is Cancellation.ABANDON:
            return True
        if not self.asked:
            self.asked = True
            if self.run_id:
                self.ask()
        return self.cancellation is Cancellation.ASK

    def ask(self) -> None:
        """Send the request to cancel."""
        context = self.context
        context.check_writable("cancelling a child")
        request = CancelExternal(context, self.id, "", child=True)
        request.send("", find_place())
        if self.cancellation is Cancellation.WAIT_ASKED:
            request.future.add_done_callback(lambda _: self.stop_waiting())

    def stop_waiting(self) -> None:
        """End the wait for the result: the child was told."""
        if not self.result.done():
            self.result.end_cancelled()


def start_child(
    context: Context, definition: WorkflowDefinition, options: ChildOptions, args: Sequence[Any]
) -> ChildRun:
    """Make the command; return the child. Raises PayloadError."""
    context.check_writable(f"child workflow {definition.name}")
    settings = context.settings
    call = announce(context, CallKind.CHILD, definition.name, args, options.id)
    args = args if call is None else call.args
    payloads = settings.converter.encode_all(args, definition.signature)
    run = ChildRun(context, definition, options)
    command = Command(command_type=commands.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION)
    attributes = command.start_child_workflow_execution_command_attributes
    attributes.namespace = settings.namespace
    attributes.workflow_id = run.id
    attributes.workflow_type.name = definition.name
    attributes.task_queue.name = options.queue or definition.options.queue or context.queue
    attributes.input.CopyFrom(payloads)
    parent_close: Any = options.parent_close.value
    id_reuse: Any = options.id_reuse.value
    attributes.parent_close_policy = parent_close
    attributes.workflow_id_reuse_policy = id_reuse
    attributes.cron_schedule = options.cron
    declared = definition.options
    spans = (
        (
            attributes.workflow_execution_timeout,
            options.execution_timeout_s or declared.execution_timeout_s,
        ),
        (attributes.workflow_run_timeout, options.run_timeout_s or declared.run_timeout_s),
        (attributes.workflow_task_timeout, options.task_timeout_s or declared.task_timeout_s),
    )
    for span, seconds in spans:
        if seconds:
            span.FromNanoseconds(round(seconds * 1_000_000_000))
    retry = options.retry or declared.retry
    if retry is not None:
        attributes.retry_policy.CopyFrom(to_policy(retry))
    for name, value in options.memo.items():
        attributes.memo.fields[name].CopyFrom(settings.converter.encode(value))
    for name, value in options.search_attributes.items():
        field = attributes.search_attributes.indexed_fields[name]
        field.CopyFrom(context.encode_attribute(value))
    fill_header(context, attributes.header, call)
    context.fill_summary(command, options.summary)
    run.made = Made(command, run, find_place())
    context.open_children.add(run.made)
    return run


def on_child_start_failed(context: Context, event: HistoryEvent) -> None:
    """Fail both waits: the child never ran."""
    attributes = event.start_child_workflow_execution_failed_event_attributes
    child = _take(context, attributes.initiated_event_id)
    if child is None:
        return
    why = START_FAILURES.get(attributes.cause, "the child could not be started")
    cause = Failure(message=why)
    cause.application_failure_info.type = "WorkflowAlreadyStarted" if attributes.cause == 1 else ""
    cause.application_failure_info.non_retryable = True
    error = _error_of(child, cause, 0)
    for future in (child.started, child.result):
        if not future.done():
            future.let_fail(error)


def on_child_started(context: Context, event: HistoryEvent) -> None:
    """Resolve the wait for the start; pass on a cancellation that came before it."""
    attributes = event.child_workflow_execution_started_event_attributes
    child: ChildRun | None = context.by_event.get(attributes.initiated_event_id)
    if child is None:
        return
    child.run_id = attributes.workflow_execution.run_id
    if not child.started.done():
        child.started.set_result(child.run_id)
    if child.asked:
        child.ask()


def on_child_completed(context: Context, event: HistoryEvent) -> None:
    """Resolve the wait for the result."""
    attributes = event.child_workflow_execution_completed_event_attributes
    child = _take(context, attributes.initiated_event_id)
    if child is None or child.result.done():
        return
    try:
        value = context.settings.converter.decode_result(attributes.result, child.result_type)
    except Exception as error:  # noqa: BLE001 - a payload of somebody else's
        child.result.let_fail(error)
    else:
        child.result.set_result(value)


def on_child_failed(context: Context, event: HistoryEvent) -> None:
    """Resolve the wait with what the child failed with."""
    attributes = event.child_workflow_execution_failed_event_attributes
    _fail(context, attributes.initiated_event_id, attributes.failure, attributes.retry_state)


def on_child_timed_out(context: Context, event: HistoryEvent) -> None:
    """Resolve the wait with a timeout."""
    attributes = event.child_workflow_execution_timed_out_event_attributes
    cause = Failure(message="the child took longer than it was given")
    cause.timeout_failure_info.timeout_type = TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
    _fail(context, attributes.initiated_event_id, cause, attributes.retry_state)


def on_child_terminated(context: Context, event: HistoryEvent) -> None:
    """Resolve the wait with a termination."""
    attributes = event.child_workflow_execution_terminated_event_attributes
    cause = Failure(message="the child was terminated")
    cause.terminated_failure_info.SetInParent()
    _fail(context, attributes.initiated_event_id, cause, 0)


def on_child_cancelled(context: Context, event: HistoryEvent) -> None:
    """Resolve the wait with a cancellation: ours, or somebody else's as an error."""
    attributes = event.child_workflow_execution_canceled_event_attributes
    child: ChildRun | None = context.by_event.get(attributes.initiated_event_id)
    if child is not None and child.asked:
        _take(context, attributes.initiated_event_id)
        child.stop_waiting()
        return
    cause = Failure(message="the child was cancelled")
    cause.canceled_failure_info.SetInParent()
    if attributes.HasField("details"):
        cause.canceled_failure_info.details.CopyFrom(attributes.details)
    _fail(context, attributes.initiated_event_id, cause, 0)


def _take(context: Context, event_id: int) -> ChildRun | None:
    """Return the child that an event ends."""
    child: ChildRun | None = context.take_event(event_id)
    if child is not None:
        context.open_children.leave()
    return child


def _fail(context: Context, event_id: int, cause: Failure, retry_state: Any) -> None:
    child = _take(context, event_id)
    if child is not None and not child.result.done():
        child.result.let_fail(_error_of(child, cause, retry_state))


def _error_of(child: ChildRun, cause: Failure, retry_state: Any) -> BaseException:
    failure = Failure(message="Child Workflow execution failed")
    failure.cause.CopyFrom(cause)
    info = failure.child_workflow_execution_failure_info
    info.namespace = child.context.settings.namespace
    info.workflow_execution.workflow_id = child.id
    info.workflow_execution.run_id = child.run_id
    info.workflow_type.name = child.name
    info.initiated_event_id = child.event_id
    info.retry_state = retry_state
    return child.context.from_failure(failure)
