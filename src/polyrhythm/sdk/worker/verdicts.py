"""What becomes of an attempt: the request that answers it, from how its function ended.

Pure: no calls, no waiting. The delay of a retry is computed here, where the error is known, and
travels inside the failure; so a strategy works on every service.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure as FailureMessage
from temporalio.api.workflowservice.v1 import (
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest,
)

from polyrhythm.sdk.errors import Failure
from polyrhythm.sdk.failures import apply_retry, to_failure
from polyrhythm.sdk.worker.attempt import Attempt, CompletesLater, FailedElsewhere, StopReason

# Why an attempt that was told to stop is not cancelled for good: another one follows.
RETRIED = {
    StopReason.PAUSED: "TaskPaused",
    StopReason.RESET: "TaskReset",
    StopReason.STOPPING: "WorkerStopped",
}
SILENT = frozenset((StopReason.GONE, StopReason.TIMED_OUT))


@dataclass(slots=True)
class Verdict:
    """A call that answers an attempt."""

    method: str
    request: Message


def verdict_on_result(attempt: Attempt, result: Payload, identity: str) -> Verdict:
    """Answer for a function that has returned."""
    # Field by field: by keyword it takes twice as long.
    request = RespondActivityTaskCompletedRequest()
    request.namespace = attempt.info.namespace
    request.task_token = attempt.info.token
    request.identity = identity
    request.result.payloads.append(result)
    return Verdict("RespondActivityTaskCompleted", request)


def verdict_on_error(attempt: Attempt, error: BaseException, identity: str) -> Verdict | None:
    """Answer for a function that has raised; None when nobody waits for an answer."""
    reason = attempt.stop_reason
    if reason in SILENT or isinstance(error, CompletesLater):
        return None
    if isinstance(error, asyncio.CancelledError):
        if reason is StopReason.CANCELLED:
            request = RespondActivityTaskCanceledRequest(
                namespace=attempt.info.namespace, task_token=attempt.info.token, identity=identity
            )
            return Verdict("RespondActivityTaskCanceled", request)
        # A function may raise it on its own: that is a failure like any other.
        text = reason.value if reason is not None else "it cancelled itself"
        kind = RETRIED.get(reason, "Cancelled") if reason is not None else "Cancelled"
        error = Failure(f"the attempt was ended: {text}", type=kind)
    return _failed(attempt, error, identity)


def _failed(attempt: Attempt, error: BaseException, identity: str) -> Verdict:
    request = RespondActivityTaskFailedRequest(
        namespace=attempt.info.namespace, task_token=attempt.info.token, identity=identity
    )
    request.failure.CopyFrom(failure_of(attempt, error))
    if attempt.unsent is not None:
        request.last_heartbeat_details.CopyFrom(attempt.unsent)
    return Verdict("RespondActivityTaskFailed", request)


def failure_of(attempt: Attempt, error: BaseException) -> FailureMessage:
    """Return the failure of an attempt, with what the retry strategy makes of it."""
    if isinstance(error, FailedElsewhere):
        return error.failure
    failure = to_failure(error, attempt.converter)
    if attempt.strategy is not None:
        apply_retry(failure, attempt.strategy, attempt.info.attempt, error, random.random)
    return failure
