"""Failures the service makes itself, failures cut to size, and which failures may be retried.

Source: common/failure and common/retrypolicy of the server. The words are part of the protocol:
clients and dashboards match on them.
"""

from __future__ import annotations

from collections.abc import Iterable

from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.failure.v1 import Failure

from polyrhythm.base.limits import FAILURE_CAUSES_MAX

FAILURE_TOO_LARGE = "Failure exceeds size limit."
RESULT_TOO_LARGE = "Complete result exceeds size limit."
DETAILS_TOO_LARGE = "Cancel details exceed size limit."
HEARTBEAT_TOO_LARGE = "Heartbeat details exceed size limit."

# As the server prints them, in messages and in lists of non-retryable types.
TIMEOUT_NAMES: dict[int, str] = {
    TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE: "StartToClose",
    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START: "ScheduleToStart",
    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE: "ScheduleToClose",
    TimeoutType.TIMEOUT_TYPE_HEARTBEAT: "Heartbeat",
}

_RETRYABLE_TIMEOUTS = frozenset(
    {TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE, TimeoutType.TIMEOUT_TYPE_HEARTBEAT}
)


def server_failure(message: str, non_retryable: bool) -> Failure:
    """Return a failure of the service's own making."""
    failure = Failure(message=message)
    failure.server_failure_info.non_retryable = non_retryable
    return failure


def timeout_failure(message: str, timeout: TimeoutType.ValueType) -> Failure:
    """Return the failure of a passed deadline."""
    failure = Failure(message=message, source="Server")
    failure.timeout_failure_info.timeout_type = timeout
    return failure


def oversize_failure(failure: Failure, size_max: int, non_retryable: bool) -> Failure:
    """Return a ServerFailure that stands for one too large, with its beginning as the cause."""
    wrapper = server_failure(FAILURE_TOO_LARGE, non_retryable)
    wrapper.cause.CopyFrom(truncate(failure, size_max))
    return wrapper


def truncate(failure: Failure, size_max: int, causes_max: int = FAILURE_CAUSES_MAX) -> Failure:
    """Return the failure cut to about `size_max` bytes: type, source, message, stack, causes.

    Details and encoded attributes are dropped, as are all kinds of information but an
    application's and the server's own.
    """
    short = Failure()
    left = size_max
    if failure.HasField("application_failure_info"):
        given = failure.application_failure_info
        info = short.application_failure_info
        info.non_retryable = given.non_retryable
        info.type, left = _cut(given.type, left)
        left -= 8
    elif failure.HasField("server_failure_info"):
        short.server_failure_info.non_retryable = failure.server_failure_info.non_retryable
        left -= 4
    short.source, left = _cut(failure.source, left)
    short.message, left = _cut(failure.message, left)
    short.stack_trace, left = _cut(failure.stack_trace, left)
    if failure.HasField("cause") and left > 4 and causes_max > 0:
        short.cause.CopyFrom(truncate(failure.cause, left - 4, causes_max - 1))
    return short


def is_retryable(failure: Failure, non_retryable_types: Iterable[str]) -> bool:
    """Whether a policy may try again after this failure."""
    kind = failure.WhichOneof("failure_info")
    if kind == "application_failure_info":
        info = failure.application_failure_info
        return not info.non_retryable and info.type not in non_retryable_types
    if kind == "timeout_failure_info":
        timeout = failure.timeout_failure_info.timeout_type
        if timeout not in _RETRYABLE_TIMEOUTS:
            return False
        return f"TemporalTimeout:{TIMEOUT_NAMES[timeout]}" not in non_retryable_types
    if kind == "server_failure_info":
        return not failure.server_failure_info.non_retryable
    return kind not in ("terminated_failure_info", "canceled_failure_info")


def _cut(text: str, size_max: int) -> tuple[str, int]:
    # 4 bytes for the field's tag and length, as the server counts.
    data = text.encode()
    if len(data) > size_max:
        data = data[: max(size_max, 0)]
        text = data.decode(errors="ignore")
        data = text.encode()
    return text, size_max - len(data) - (4 if data else 0)
