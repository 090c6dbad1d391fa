"""How a run ends: with a result, a failure, cancelled, or continued as a new run.

Every Exception that leaves the workflow fails the run, as in any program. Not so what says that the
code is wrong rather than the work: nondeterminism, misuse of the SDK, its own broken assertions.
Those fail the workflow task, which is tried again, so that a corrected program goes on where the
run stands. The command is the last of its workflow task, so that handlers can still answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import command_type_pb2 as commands
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.sdk.definitions import WorkflowDefinition
from polyrhythm.sdk.errors import MisuseError, NondeterminismError
from polyrhythm.sdk.intercept.calls import CallKind, Outbound
from polyrhythm.sdk.loop.origin import OURS, Place, find_place
from polyrhythm.sdk.loop.passing import announce, fill_header
from polyrhythm.sdk.retry import to_policy

if TYPE_CHECKING:
    from polyrhythm.sdk.loop.context import Context

FAILS_TASK = (NondeterminismError, MisuseError)


class Evicted(BaseException):
    """Raised by verbs while a run's live code is dropped: nothing may be started any more."""


class ContinueAsNew(BaseException):
    """Raised by `wf.continue_as_new`; passes through `except Exception`."""

    def __init__(self, options: Continuation, input_: Payloads, place: Place | None) -> None:
        super().__init__("the run continues as a new one")
        self.options = options
        self.input = input_
        self.place = place
        # As interceptors left it.
        self.call: Outbound | None = None


@dataclass(slots=True)
class Continuation:
    """How the next run differs from this one; what is empty stays as it is. Seconds."""

    definition: WorkflowDefinition | None = None
    queue: str = ""
    run_timeout_s: float = 0.0
    task_timeout_s: float = 0.0
    retry: Any = None
    memo: Mapping[str, Any] = field(default_factory=dict)
    search_attributes: Mapping[str, Any] = field(default_factory=dict)


class Ending:
    """The last command of a run; made once the code has come to rest."""

    __slots__ = ("command", "place")

    def __init__(self, command: Command, place: Place | None) -> None:
        self.command = command
        self.place = place

    def record(self, event: HistoryEvent) -> bool:
        """Take the event the command was written as; its type is all there is to compare."""
        return True


def fails_task(error: BaseException) -> bool:
    """Whether an exception says that the code is wrong and not the work."""
    if isinstance(error, AssertionError):
        return _raised_by_us(error.__traceback__)
    return isinstance(error, FAILS_TASK)


def continue_as_new(context: Context, args: Sequence[Any], options: Continuation) -> ContinueAsNew:
    """Return what has to be raised to go on as a new run. Raises PayloadError."""
    context.check_writable("wf.continue_as_new()")
    definition = options.definition or context.definition
    name = definition.name if options.definition else context.type_name
    call = announce(context, CallKind.CONTINUE, name, args, context.workflow_id)
    args = args if call is None else call.args
    payloads = context.settings.converter.encode_all(args, definition.signature)
    wish = ContinueAsNew(options, payloads, find_place())
    wish.call = call
    return wish


def close(context: Context, main: asyncio.Task[Any]) -> None:
    """Make the last command from how the main coroutine ended."""
    if main.cancelled():
        if context.cancel_requested:
            _cancel(context)
        else:
            _fail(context, asyncio.CancelledError("the workflow cancelled itself"))
        return
    error = main.exception()
    if error is None:
        _complete(context, main.result())
    elif isinstance(error, ContinueAsNew):
        _continue(context, error)
    else:
        fail(context, error)


def fail(context: Context, error: BaseException) -> None:
    """Fail the run; or the workflow task, if the error is of that kind."""
    if fails_task(error) or isinstance(error, Evicted):
        context.task_error_found(error)
    else:
        _fail(context, error)


def _complete(context: Context, value: Any) -> None:
    try:
        payloads = context.settings.converter.encode_values((value,))
    except Exception as error:  # noqa: BLE001 - a user's type may raise anything
        fail(context, error)
        return
    command = Command()
    command.command_type = commands.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION
    command.complete_workflow_execution_command_attributes.result.CopyFrom(payloads)
    _end(context, command, None)


def _fail(context: Context, error: BaseException) -> None:
    command = Command(command_type=commands.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION)
    failure = context.to_failure(error)
    command.fail_workflow_execution_command_attributes.failure.CopyFrom(failure)
    _end(context, command, _place_of(error.__traceback__))


def _cancel(context: Context) -> None:
    command = Command(command_type=commands.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION)
    command.cancel_workflow_execution_command_attributes.SetInParent()
    _end(context, command, None)


def _continue(context: Context, wish: ContinueAsNew) -> None:
    command = Command(command_type=commands.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION)
    attributes = command.continue_as_new_workflow_execution_command_attributes
    options, settings = wish.options, context.settings
    definition = options.definition
    attributes.workflow_type.name = definition.name if definition else context.type_name
    attributes.task_queue.name = options.queue or context.queue
    attributes.input.CopyFrom(wish.input)
    if options.run_timeout_s:
        nanos = round(options.run_timeout_s * 1_000_000_000)
        attributes.workflow_run_timeout.FromNanoseconds(nanos)
    if options.task_timeout_s:
        nanos = round(options.task_timeout_s * 1_000_000_000)
        attributes.workflow_task_timeout.FromNanoseconds(nanos)
    if options.retry is not None:
        attributes.retry_policy.CopyFrom(to_policy(options.retry))
    for name, value in options.memo.items():
        attributes.memo.fields[name].CopyFrom(settings.converter.encode(value))
    for name, value in options.search_attributes.items():
        payload = context.encode_attribute(value)
        attributes.search_attributes.indexed_fields[name].CopyFrom(payload)
    fill_header(context, attributes.header, wish.call)
    _end(context, command, wish.place)


def _end(context: Context, command: Command, place: Place | None) -> None:
    context.ended = True
    context.ending = Ending(command, place)


def _raised_by_us(trace: TracebackType | None) -> bool:
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_filename.startswith(OURS)


def _place_of(trace: TracebackType | None) -> Place | None:
    place = None
    while trace is not None:
        place = trace.tb_frame.f_code, trace.tb_lasti
        trace = trace.tb_next
    return place
