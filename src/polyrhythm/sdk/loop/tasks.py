"""Tasks: scheduled by a call, resolved by the end of the last attempt.

A command is copied from a template of its definition and options; only the id and the input change
(2.4 us, against 9.9 us for building it anew). Cancelling the wait asks the attempt to stop, and
ends the wait at once, at the task's end, or without asking, as the options say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import command_type_pb2 as commands
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.sdk.definitions import Cancellation, TaskDefinition, TaskOptions
from polyrhythm.sdk.intercept.calls import CallKind
from polyrhythm.sdk.loop.futures import DurableFuture
from polyrhythm.sdk.loop.origin import find_place
from polyrhythm.sdk.loop.outbox import Made
from polyrhythm.sdk.loop.passing import announce, fill_header
from polyrhythm.sdk.retry import to_policy
from polyrhythm.sdk.retry_wire import put_priority, put_strategy

if TYPE_CHECKING:
    from polyrhythm.sdk.loop.context import Context

# Of a task that names no timeout: an attempt whose worker died is made again after this.
TASK_TIMEOUT_S = 600.0
# Options made in a call are new ones each time; past this the templates are forgotten.
TEMPLATES_MAX = 512


class TaskRun:
    """One task of a run, from its command to its end."""

    __slots__ = ("cancellation", "context", "event_id", "future", "id", "made", "name", "result")

    def __init__(self, context: Context, definition: TaskDefinition, options: TaskOptions) -> None:
        self.context = context
        self.id = context.next_id("task")
        self.name = definition.name
        self.result = definition.signature.result
        self.cancellation = options.cancellation
        self.event_id = 0
        self.made: Made
        self.future: DurableFuture[Any] = context.loop.new_future(self.cancel)

    def record(self, event: HistoryEvent) -> bool:
        """Take the event the command was written as."""
        attributes = event.activity_task_scheduled_event_attributes
        if attributes.activity_id != self.id or attributes.activity_type.name != self.name:
            return False
        self.event_id = event.event_id
        self.context.by_event[event.event_id] = self
        # It names its owner, which would keep both.
        del self.made
        return True

    def cancel(self) -> bool:
        """Ask for the end of the task; whether the wait ends now."""
        context = self.context
        if context.closed:
            return True
        if not self.event_id:
            # No event yet: the command has not left, since whatever left is matched before code
            # runs again.
            context.open_tasks.drop(self.made)
            return True
        if self.cancellation is Cancellation.ABANDON:
            return True
        context.check_writable("cancelling a task")
        command = Command(command_type=commands.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK)
        attributes = command.request_cancel_activity_task_command_attributes
        attributes.scheduled_event_id = self.event_id
        context.outbox.add(command, TaskCancel(self), find_place())
        if self.cancellation is Cancellation.WAIT:
            self.future.on_cancel = _keep_waiting
            return False
        return True


class TaskCancel:
    """The request to cancel one task."""

    __slots__ = ("run",)

    def __init__(self, run: TaskRun) -> None:
        self.run = run

    def record(self, event: HistoryEvent) -> bool:
        """Take the event the command was written as."""
        attributes = event.activity_task_cancel_requested_event_attributes
        return attributes.scheduled_event_id == self.run.event_id


def schedule_task(
    context: Context, definition: TaskDefinition, options: TaskOptions, args: Sequence[Any]
) -> DurableFuture[Any]:
    """Make the command; return what its result arrives in. Raises PayloadError."""
    context.check_writable(f"task {definition.name}()")
    call = announce(context, CallKind.TASK, definition.name, args)
    args = args if call is None else call.args
    payloads = context.settings.converter.encode_all(args, definition.signature)
    run = TaskRun(context, definition, options)
    command = Command()
    command.CopyFrom(_template(context, definition, options))
    attributes = command.schedule_activity_task_command_attributes
    attributes.activity_id = run.id
    attributes.input.CopyFrom(payloads)
    if call is not None or context.settings.header is not None:
        fill_header(context, attributes.header, call)
    run.made = Made(command, run, find_place())
    context.open_tasks.add(run.made)
    return run.future


def _template(context: Context, definition: TaskDefinition, options: TaskOptions) -> Command:
    templates = context.settings.templates
    key = (id(definition), id(options))
    kept = templates.get(key)
    if kept is not None:
        return kept[2]
    command = Command(command_type=commands.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK)
    attributes = command.schedule_activity_task_command_attributes
    attributes.activity_type.name = definition.name
    attributes.task_queue.name = options.queue or context.settings.queue
    spans = (
        (attributes.start_to_close_timeout, options.timeout_s),
        (attributes.schedule_to_close_timeout, options.deadline_s),
        (attributes.schedule_to_start_timeout, options.pickup_s),
        (attributes.heartbeat_timeout, options.heartbeat_s),
    )
    for span, seconds in spans:
        if seconds:
            span.FromNanoseconds(round(seconds * 1_000_000_000))
    if not options.timeout_s and not options.deadline_s:
        attributes.start_to_close_timeout.FromSeconds(int(TASK_TIMEOUT_S))
    if options.retry is not None:
        attributes.retry_policy.CopyFrom(to_policy(options.retry))
        put_strategy(attributes.header.fields, options.retry, context.settings.converter)
    put_priority(attributes, options)
    context.fill_summary(command, options.summary)
    if len(templates) >= TEMPLATES_MAX:
        templates.clear()
    # The key is two addresses: both objects are kept with it, so that they stay theirs.
    templates[key] = (definition, options, command)
    return command


def on_task_completed(context: Context, event: HistoryEvent) -> None:
    """Resolve a task with its result."""
    attributes = event.activity_task_completed_event_attributes
    run = _take(context, attributes)
    if run is None or run.future.done():
        return
    try:
        value = context.settings.converter.decode_result(attributes.result, run.result)
    except Exception as error:  # noqa: BLE001 - a user's type may raise anything
        run.future.let_fail(error)
    else:
        run.future.set_result(value)
    # A future and what it waited for are not to keep each other alive: there is one of them a task.
    run.future.on_cancel = None


def on_task_failed(context: Context, event: HistoryEvent) -> None:
    """Resolve a task whose last attempt raised."""
    attributes = event.activity_task_failed_event_attributes
    _fail(context, attributes, attributes.failure)


def on_task_timed_out(context: Context, event: HistoryEvent) -> None:
    """Resolve a task that took too long."""
    attributes = event.activity_task_timed_out_event_attributes
    _fail(context, attributes, attributes.failure)


def on_task_cancelled(context: Context, event: HistoryEvent) -> None:
    """Resolve a task that has ended because it was asked to."""
    attributes = event.activity_task_canceled_event_attributes
    run = _take(context, attributes)
    if run is None or run.future.done():
        return
    if run.future.on_cancel is _keep_waiting:
        run.future.end_cancelled()
        return
    cause = Failure(message="cancelled")
    cause.canceled_failure_info.SetInParent()
    if attributes.HasField("details"):
        cause.canceled_failure_info.details.CopyFrom(attributes.details)
    run.future.let_fail(_error_of(run, attributes, cause))


def _take(context: Context, attributes: Any) -> TaskRun | None:
    """Return the task that an event ends."""
    run: TaskRun | None = context.take_event(attributes.scheduled_event_id)
    if run is not None:
        context.open_tasks.leave()
    return run


def _fail(context: Context, attributes: Any, failure: Failure) -> None:
    run = _take(context, attributes)
    if run is not None and not run.future.done():
        run.future.let_fail(_error_of(run, attributes, failure))


def _error_of(run: TaskRun, attributes: Any, cause: Failure) -> BaseException:
    """Return what the user catches: the task's error around what happened to it."""
    failure = Failure(message="Activity task failed")
    failure.cause.CopyFrom(cause)
    info = failure.activity_failure_info
    info.scheduled_event_id = run.event_id
    info.started_event_id = attributes.started_event_id
    info.identity = getattr(attributes, "identity", "")
    info.activity_type.name = run.name
    info.activity_id = run.id
    state: Any = getattr(attributes, "retry_state", 0)
    info.retry_state = state
    return run.context.from_failure(failure)


def _keep_waiting() -> bool:
    return False
