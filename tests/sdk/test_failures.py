"""Exceptions cross to failures and back, and the official SDK's converter agrees about them."""

import asyncio

import pytest
from temporalio import exceptions as official
from temporalio.api.enums.v1 import RetryState as RetryStateNumber
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.failure.v1 import Failure as FailureMessage
from temporalio.converter import DefaultFailureConverter, DefaultPayloadConverter

from polyrhythm.sdk import errors
from polyrhythm.sdk.failures import apply_retry, from_failure, hide_text, to_failure
from polyrhythm.sdk.retry import ByError, Fixed, Retry
from polyrhythm.sdk.values import Converter

CONVERTER = Converter()
OFFICIAL = DefaultFailureConverter()
PAYLOADS = DefaultPayloadConverter()


def sent(error: BaseException) -> FailureMessage:
    """The failure of an exception as it arrives on the other side."""
    return FailureMessage.FromString(to_failure(error, CONVERTER).SerializeToString())


def read_by_official(error: BaseException) -> BaseException:
    return OFFICIAL.from_failure(sent(error), PAYLOADS)


def written_by_official(error: BaseException) -> errors.FailureError:
    failure = FailureMessage()
    OFFICIAL.to_failure(error, PAYLOADS, failure)
    return from_failure(failure, CONVERTER)


class SoldOut(Exception):
    pass


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as caught:  # noqa: BLE001
        return caught


def test_any_exception_is_known_by_its_class_on_the_other_side():
    error = raised(SoldOut("no seats"), raised(KeyError("LH1")))
    back = from_failure(sent(error), CONVERTER)
    assert isinstance(back, errors.Failure)
    assert (back.type, back.message) == ("SoldOut", "no seats")
    assert "in raised" in back.failure.stack_trace
    assert isinstance(back.cause, errors.Failure)
    assert (back.cause.type, back.cause.message) == ("KeyError", "'LH1'")
    theirs = read_by_official(error)
    assert isinstance(theirs, official.ApplicationError)
    assert (theirs.type, theirs.message, theirs.non_retryable) == ("SoldOut", "no seats", False)
    assert theirs.__cause__.type == "KeyError"


def test_what_was_raised_on_purpose_keeps_type_details_and_delay():
    permanent = errors.Permanent("declined", {"code": 7}, "x", type="CardDeclined")
    back = from_failure(sent(permanent), CONVERTER)
    assert isinstance(back, errors.Permanent)
    assert (back.type, back.details, str(back)) == (
        "CardDeclined",
        ({"code": 7}, "x"),
        "CardDeclined: declined",
    )
    assert back.sent.decode(dict[str, float]) == ({"code": 7.0}, "x")
    theirs = read_by_official(permanent)
    assert (theirs.type, theirs.non_retryable, theirs.details[0]) == (
        "CardDeclined",
        True,
        {"code": 7},
    )
    later = from_failure(sent(errors.RetryAfter("1.5s", "busy")), CONVERTER)
    assert isinstance(later, errors.RetryAfter)
    assert later.delay_s == 1.5
    assert read_by_official(later).next_retry_delay.total_seconds() == 1.5


def test_failures_of_the_official_sdk_become_our_errors():
    error = official.ApplicationError("no", {"a": 1}, type="Declined", non_retryable=True)
    ours = written_by_official(error)
    assert isinstance(ours, errors.Permanent)
    assert (ours.type, ours.details) == ("Declined", ({"a": 1},))
    assert isinstance(written_by_official(official.CancelledError("stop")), errors.Cancelled)
    assert isinstance(written_by_official(official.TerminatedError("bye")), errors.Terminated)
    server = written_by_official(official.ServerError("lost", non_retryable=True))
    assert isinstance(server, errors.ServerFailure)
    assert not server.retryable
    untyped = written_by_official(official.ApplicationError("plain"))
    assert (untyped.type, str(untyped)) == ("", "plain")


def task_failure(cause: FailureMessage) -> FailureMessage:
    failure = FailureMessage(message="Activity task failed")
    failure.activity_failure_info.activity_type.name = "charge"
    failure.activity_failure_info.activity_id = "4"
    failure.activity_failure_info.retry_state = (
        RetryStateNumber.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED
    )
    failure.cause.CopyFrom(cause)
    return failure


def timeout_failure() -> FailureMessage:
    failure = FailureMessage(message="activity timeout")
    failure.timeout_failure_info.timeout_type = TimeoutType.TIMEOUT_TYPE_HEARTBEAT
    details = CONVERTER.encode_values([41])
    failure.timeout_failure_info.last_heartbeat_details.CopyFrom(details)
    return failure


def cancelled_failure() -> FailureMessage:
    return to_failure(asyncio.CancelledError("by request"), CONVERTER)


def test_the_end_of_a_task_is_told_by_its_cause():
    failed = from_failure(task_failure(to_failure(SoldOut("no"), CONVERTER)), CONVERTER)
    assert isinstance(failed, errors.TaskFailed)
    assert (failed.task, failed.task_id, failed.type) == ("charge", "4", "SoldOut")
    assert failed.retry_state is errors.RetryState.ATTEMPTS_USED_UP
    assert str(failed) == "task charge: SoldOut: no"
    late = from_failure(task_failure(timeout_failure()), CONVERTER)
    assert isinstance(late, errors.TaskTimedOut)
    assert late.kind is errors.TimeoutKind.HEARTBEAT
    assert late.heartbeat.values == (41,)
    assert late.heartbeat.decode(float) == (41.0,)
    stopped = from_failure(task_failure(cancelled_failure()), CONVERTER)
    assert isinstance(stopped, errors.TaskCancelled)


CHILD_ENDS = {
    errors.ChildFailed: lambda: to_failure(SoldOut("no"), CONVERTER),
    errors.ChildTimedOut: timeout_failure,
    errors.ChildCancelled: cancelled_failure,
    errors.ChildTerminated: lambda: to_failure(errors.Terminated("bye"), CONVERTER),
}


@pytest.mark.parametrize("kind", CHILD_ENDS)
def test_the_end_of_a_child_is_told_by_its_cause(kind):
    failure = FailureMessage(message="Child Workflow execution failed")
    info = failure.child_workflow_execution_failure_info
    info.workflow_type.name = "ship"
    info.workflow_execution.workflow_id = "s-1"
    failure.cause.CopyFrom(CHILD_ENDS[kind]())
    error = from_failure(failure, CONVERTER)
    assert type(error) is kind
    assert (error.workflow, error.workflow_id) == ("ship", "s-1")
    assert str(error).startswith("child ship 's-1': ")


def test_what_came_over_the_wire_is_passed_on_unchanged():
    failure = task_failure(to_failure(SoldOut("no"), CONVERTER))
    assert to_failure(from_failure(failure, CONVERTER), CONVERTER) == failure
    wrapped = raised(ValueError("around"), from_failure(failure, CONVERTER))
    assert to_failure(wrapped, CONVERTER).cause == failure


def test_errors_made_here_are_read_by_the_official_sdk():
    assert isinstance(read_by_official(asyncio.CancelledError()), official.CancelledError)
    assert isinstance(
        read_by_official(errors.TimedOut("late", errors.TimeoutKind.START_TO_CLOSE)),
        official.TimeoutError,
    )
    assert isinstance(
        read_by_official(errors.TaskFailed("x", "charge", "1")), official.ActivityError
    )
    child = errors.ChildFailed("x", "ship", "s-1")
    assert isinstance(read_by_official(child), official.ChildWorkflowError)
    assert isinstance(read_by_official(errors.ServerFailure("x")), official.ServerError)


def test_a_failure_is_never_lost_to_its_own_parts():
    class Rude(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    assert to_failure(Rude(), CONVERTER).message == "Rude, whose text raised RuntimeError"
    odd = from_failure(to_failure(errors.Failure("x", object()), CONVERTER), CONVERTER)
    assert "details that cannot be written" in odd.details[0]
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    depth, at = 0, to_failure(first, CONVERTER)
    while at.HasField("cause"):
        at, depth = at.cause, depth + 1
    assert depth == 20


def test_kinds_that_a_later_protocol_adds_are_still_errors():
    failure = FailureMessage(message="reset")
    failure.reset_workflow_failure_info.SetInParent()
    assert type(from_failure(failure, CONVERTER)) is errors.FailureError
    failure = task_failure(FailureMessage(message="x"))
    failure.activity_failure_info.retry_state = 99
    assert from_failure(failure, CONVERTER).retry_state is errors.RetryState.UNKNOWN
    nexus = FailureMessage(message="n")
    nexus.nexus_operation_execution_failure_info.operation = "op"
    assert isinstance(from_failure(nexus, CONVERTER), errors.NexusFailed)


def test_texts_can_be_hidden_for_a_codec_as_the_official_sdk_does():
    failure = to_failure(raised(SoldOut("secret"), raised(KeyError("k"))), CONVERTER)
    hide_text(failure, CONVERTER)
    assert failure.message == failure.cause.message == "Encoded failure"
    assert failure.stack_trace == ""
    assert from_failure(failure, CONVERTER).message == "secret"
    theirs = OFFICIAL.from_failure(failure, PAYLOADS)
    assert theirs.message == "secret"
    assert theirs.__cause__.message == "'k'"
    hidden = FailureMessage()
    DefaultFailureConverter(encode_common_attributes=True).to_failure(
        official.ApplicationError("theirs", type="T"), PAYLOADS, hidden
    )
    assert from_failure(hidden, CONVERTER).message == "theirs"


@pytest.mark.parametrize(
    ("strategy", "attempt", "error", "delay_s", "final"),
    [
        (Fixed("5s"), 1, SoldOut(), 5, False),
        (Retry(max_attempts=3), 3, SoldOut(), 0, False),  # the service counts attempts itself
        (Retry(max_attempts=3), 2, SoldOut(), 2, False),
        (Retry(final=(SoldOut,)), 1, SoldOut(), 0, True),
        (Retry(), 1, errors.Permanent(), 0, True),
        (Fixed("5s"), 1, errors.RetryAfter("1m"), 60, False),
        (ByError({SoldOut: Fixed("1s", 2)}), 2, SoldOut(), 0, True),
        (ByError({SoldOut: None}), 1, SoldOut(), 0, True),
    ],
    ids=str,
)
def test_a_strategy_writes_its_answer_into_the_failure(strategy, attempt, error, delay_s, final):
    failure = to_failure(error, CONVERTER)
    apply_retry(failure, strategy, attempt, error, lambda: 0.0)
    info = failure.application_failure_info
    assert info.next_retry_delay.ToTimedelta().total_seconds() == delay_s
    assert info.non_retryable is final
