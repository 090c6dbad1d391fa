"""Exceptions to failures of the protocol and back, whichever SDK made them.

Writing: an error that came over the wire is passed on as it came; an ApplicationError keeps its
type, details and delay; cancellation is a cancelled failure; any other exception becomes an
application failure named by its class. Causes are chained by Python's rules. Reading makes the
classes of `errors.py`: the class follows the kind of the failure, and for the ends of tasks and
children the kind of its cause. Tracebacks become text and stay text.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from temporalio.api.common.v1 import Payloads
from temporalio.api.failure.v1 import Failure as FailureMessage

from polyrhythm.base.durations import parse_span
from polyrhythm.sdk import errors
from polyrhythm.sdk.retry import Strategy, has_no_attempt, next_delay_s, to_policy
from polyrhythm.sdk.values import Converter

SOURCE = "PolyrhythmPython"
# The engine cuts deeper chains; Python's own can be endless by mistake.
CAUSES_MAX = 20
# Frames of one traceback: the innermost, where it happened.
FRAMES_MAX = 50
NANOS = 1_000_000_000
DELAY_NS_MIN = 1_000_000
ENCODED = "Encoded failure"


def to_failure(error: BaseException, converter: Converter) -> FailureMessage:
    """Return the failure that says what an exception says. Details that cannot be written are
    replaced by a text, so that the failure itself is never lost.
    """
    failure = FailureMessage()
    _fill(failure, error, converter, CAUSES_MAX)
    return failure


def _fill(failure: FailureMessage, error: BaseException, converter: Converter, depth: int) -> None:
    if isinstance(error, errors.FailureError) and error.failure is not None:
        failure.CopyFrom(error.failure)
        return
    failure.source = SOURCE
    failure.message = _message(error)
    if error.__traceback__ is not None:
        failure.stack_trace = "".join(traceback.format_tb(error.__traceback__, -FRAMES_MAX))
    _fill_info(failure, error, converter)
    below = error.__cause__
    if below is None and not error.__suppress_context__:
        below = error.__context__
    if below is not None and depth > 0:
        _fill(failure.cause, below, converter, depth - 1)


def _message(error: BaseException) -> str:
    if isinstance(error, errors.FailureError):
        return error.message
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - a user's __str__ may raise anything
        return f"{type(error).__name__}, whose text raised {type(broken).__name__}"


def _fill_info(failure: FailureMessage, error: BaseException, converter: Converter) -> None:
    if isinstance(error, errors.ApplicationError):
        _fill_application(failure, error, converter)
    elif isinstance(error, asyncio.CancelledError | errors.Cancelled):
        failure.canceled_failure_info.SetInParent()
        details = error.details if isinstance(error, errors.Cancelled) else ()
        if details:
            failure.canceled_failure_info.details.CopyFrom(_details(details, converter))
    elif isinstance(error, errors.TimedOut):
        failure.timeout_failure_info.timeout_type = error.kind.value  # type: ignore[assignment]
    elif isinstance(error, errors.Terminated):
        failure.terminated_failure_info.SetInParent()
    elif isinstance(error, errors.ServerFailure):
        failure.server_failure_info.non_retryable = not error.retryable
    elif isinstance(error, errors.TaskError):
        task = failure.activity_failure_info
        task.activity_type.name = error.task
        task.activity_id = error.task_id
        task.retry_state = error.retry_state.value  # type: ignore[assignment]
    elif isinstance(error, errors.ChildError):
        info = failure.child_workflow_execution_failure_info
        info.workflow_type.name = error.workflow
        info.workflow_execution.workflow_id = error.workflow_id
        info.workflow_execution.run_id = error.run_id
        info.retry_state = error.retry_state.value  # type: ignore[assignment]
    else:
        failure.application_failure_info.type = type(error).__name__


def _fill_application(
    failure: FailureMessage, error: errors.ApplicationError, converter: Converter
) -> None:
    info = failure.application_failure_info
    info.type = error.type
    info.non_retryable = not error.retryable
    info.category = error.category  # type: ignore[assignment]
    if error.delay_s is not None:
        set_delay(failure, error.delay_s)
    if error.details:
        info.details.CopyFrom(_details(error.details, converter))


def set_delay(failure: FailureMessage, delay_s: float) -> None:
    """Have the service wait so long before the next attempt, whatever its policy says."""
    # A delay of nothing counts as none to the service, which then ends the task.
    delay_ns = max(round(parse_span(delay_s) * NANOS), DELAY_NS_MIN)
    whole, part = divmod(delay_ns, NANOS)
    delay = failure.application_failure_info.next_retry_delay
    delay.seconds = whole
    delay.nanos = part


def apply_retry(
    failure: FailureMessage,
    strategy: Strategy,
    attempt: int,
    error: BaseException,
    random: Callable[[], float],
) -> None:
    """Write into a task's failure what its strategy says of the next attempt: how long to wait, or
    that there is none. Attempts that the service counts itself are left to it.
    """
    if failure.WhichOneof("failure_info") != "application_failure_info":
        return
    delay_s = next_delay_s(strategy, attempt, error, random)
    if delay_s is not None:
        set_delay(failure, delay_s)
    elif attempt != to_policy(strategy).maximum_attempts or has_no_attempt(strategy, error):
        failure.application_failure_info.non_retryable = True


def _details(values: Sequence[Any], converter: Converter) -> Payloads:
    try:
        return converter.encode_values(values)
    except errors.PayloadError as error:
        return converter.encode_values([f"details that cannot be written: {error}"])


def from_failure(failure: FailureMessage, converter: Converter) -> errors.FailureError:
    """Return the error that a failure stands for, with its causes."""
    failure = _readable(failure, converter)
    below = from_failure(failure.cause, converter) if failure.HasField("cause") else None
    kind = failure.WhichOneof("failure_info") or ""
    error = MAKERS.get(kind, _make_other)(failure, below, converter)
    error.failure = failure
    error.__cause__ = below
    return error


def _readable(failure: FailureMessage, converter: Converter) -> FailureMessage:
    """Put back a message and stack that their sender moved into a payload for its codec."""
    if not failure.HasField("encoded_attributes"):
        return failure
    try:
        hidden = converter.decode(failure.encoded_attributes)
    except errors.PayloadError:
        return failure
    if not isinstance(hidden, dict):
        return failure
    shown = FailureMessage()
    shown.CopyFrom(failure)
    shown.message = str(hidden.get("message", failure.message))
    shown.stack_trace = str(hidden.get("stack_trace", failure.stack_trace))
    return shown


def hide_text(failure: FailureMessage, converter: Converter) -> None:
    """Move messages and stacks into payloads, so that a codec encrypts them too."""
    at: FailureMessage | None = failure
    while at is not None:
        if not at.HasField("encoded_attributes"):
            hidden = {"message": at.message, "stack_trace": at.stack_trace}
            at.encoded_attributes.CopyFrom(converter.encode(hidden))
            at.message, at.stack_trace = ENCODED, ""
        at = at.cause if at.HasField("cause") else None


def _later(payloads: Payloads, converter: Converter) -> errors.Details:
    return errors.Details(None, partial(converter.decode_values, payloads))


def _make_application(
    failure: FailureMessage, below: errors.FailureError | None, converter: Converter
) -> errors.FailureError:
    info = failure.application_failure_info
    error: errors.ApplicationError
    name = info.type
    if info.non_retryable:
        error = errors.Permanent(failure.message, type=name)
    elif info.HasField("next_retry_delay"):
        delay = info.next_retry_delay
        error = errors.RetryAfter(
            max(delay.seconds + delay.nanos / NANOS, 0.0), failure.message, type=name
        )
    else:
        error = errors.Failure(failure.message, type=name)
    error.type = name
    error.category = info.category
    error.sent = _later(info.details, converter)
    return error


def _make_cancelled(
    failure: FailureMessage, below: errors.FailureError | None, converter: Converter
) -> errors.FailureError:
    error = errors.Cancelled(failure.message)
    error.sent = _later(failure.canceled_failure_info.details, converter)
    return error


def _make_timed_out(
    failure: FailureMessage, below: errors.FailureError | None, converter: Converter
) -> errors.FailureError:
    info = failure.timeout_failure_info
    error = errors.TimedOut(failure.message, _numbered(errors.TimeoutKind, info.timeout_type))
    error.heartbeat = _later(info.last_heartbeat_details, converter)
    return error


def _make_terminated(
    failure: FailureMessage, below: errors.FailureError | None, converter: Converter
) -> errors.FailureError:
    return errors.Terminated(failure.message)


def _make_server(
    failure: FailureMessage, below: errors.FailureError | None, converter: Converter
) -> errors.FailureError:
    error = errors.ServerFailure(failure.message)
    error.retryable = not failure.server_failure_info.non_retryable
    return error


def _make_task(
    failure: FailureMessage, below: errors.FailureError | None, converter: Converter
) -> errors.FailureError:
    info = failure.activity_failure_info
    kinds: dict[type, type[errors.TaskError]] = {
        errors.TimedOut: errors.TaskTimedOut,
        errors.Cancelled: errors.TaskCancelled,
    }
    kind = kinds.get(type(below), errors.TaskFailed)
    error = kind(failure.message, info.activity_type.name, info.activity_id)
    error.retry_state = _numbered(errors.RetryState, info.retry_state)
    return error


def _make_child(
    failure: FailureMessage, below: errors.FailureError | None, converter: Converter
) -> errors.FailureError:
    info = failure.child_workflow_execution_failure_info
    kinds: dict[type, type[errors.ChildError]] = {
        errors.TimedOut: errors.ChildTimedOut,
        errors.Cancelled: errors.ChildCancelled,
        errors.Terminated: errors.ChildTerminated,
    }
    kind = kinds.get(type(below), errors.ChildFailed)
    run = info.workflow_execution
    error = kind(failure.message, info.workflow_type.name, run.workflow_id, run.run_id)
    error.retry_state = _numbered(errors.RetryState, info.retry_state)
    return error


def _make_nexus(
    failure: FailureMessage, below: errors.FailureError | None, converter: Converter
) -> errors.FailureError:
    return errors.NexusFailed(failure.message)


def _make_other(
    failure: FailureMessage, below: errors.FailureError | None, converter: Converter
) -> errors.FailureError:
    """A reset, or a kind that this release does not know."""
    return errors.FailureError(failure.message)


def _numbered(kinds: Any, number: int) -> Any:
    """The member of that number; one that a later protocol added is unknown."""
    try:
        return kinds(number)
    except ValueError:
        return kinds.UNKNOWN


Make = Callable[
    [FailureMessage, "errors.FailureError | None", Converter],
    errors.FailureError,
]
MAKERS: dict[str, Make] = {
    "application_failure_info": _make_application,
    "timeout_failure_info": _make_timed_out,
    "canceled_failure_info": _make_cancelled,
    "terminated_failure_info": _make_terminated,
    "server_failure_info": _make_server,
    "activity_failure_info": _make_task,
    "child_workflow_execution_failure_info": _make_child,
    "nexus_operation_execution_failure_info": _make_nexus,
    "nexus_handler_failure_info": _make_nexus,
}
