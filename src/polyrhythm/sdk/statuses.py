"""From a gRPC status to the error it was made from: by its detail, then by its code.

Details carry what callers ask for (the run that is already started, the failure of a query); they
are parsed for the errors that have such fields.
"""

from __future__ import annotations

from google.protobuf.any_pb2 import Any as AnyMessage
from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope
from temporalio.api.errordetails.v1 import (
    ActivityExecutionAlreadyStartedFailure,
    NamespaceNotFoundFailure,
    QueryFailedFailure,
    ResourceExhaustedFailure,
    WorkflowExecutionAlreadyStartedFailure,
)

from polyrhythm.base import errors

# By the number of the status code.
BY_CODE: dict[int, type[errors.PolyrhythmError]] = {
    3: errors.InvalidArgument,
    4: errors.DeadlineExceeded,
    5: errors.NotFound,
    6: errors.AlreadyExists,
    7: errors.PermissionDenied,
    9: errors.FailedPrecondition,
    10: errors.Aborted,
    12: errors.Unimplemented,
    14: errors.Unavailable,
    15: errors.DataLoss,
    16: errors.PermissionDenied,
}
EXHAUSTED = 8
CAUSE_PREFIX = "RESOURCE_EXHAUSTED_CAUSE_"
SCOPE_PREFIX = "RESOURCE_EXHAUSTED_SCOPE_"


def error_of_status(code: int, message: str, detail: AnyMessage) -> errors.PolyrhythmError:
    """Return the error that a status code, its message and its first detail stand for."""
    name = detail.type_url.rpartition(".")[2]
    match name:
        case "WorkflowExecutionAlreadyStartedFailure":
            started = WorkflowExecutionAlreadyStartedFailure.FromString(detail.value)
            return errors.AlreadyStarted(message, started.start_request_id, started.run_id, "")
        case "ActivityExecutionAlreadyStartedFailure":
            known = ActivityExecutionAlreadyStartedFailure.FromString(detail.value)
            return errors.ActivityAlreadyStarted(message, known.start_request_id, known.run_id)
        case "QueryFailedFailure":
            failed = QueryFailedFailure.FromString(detail.value)
            return errors.QueryFailed(message, failed.failure.SerializeToString())
        case "NamespaceAlreadyExistsFailure":
            return errors.NamespaceAlreadyExists(message)
        case "NamespaceNotFoundFailure":
            return errors.NamespaceNotFound(
                NamespaceNotFoundFailure.FromString(detail.value).namespace
            )
        case "WorkflowNotReadyFailure":
            return errors.WorkflowNotReady(message)
    if code == EXHAUSTED:
        exhausted = ResourceExhaustedFailure()
        if name == "ResourceExhaustedFailure":
            exhausted.ParseFromString(detail.value)
        cause = ResourceExhaustedCause.Name(exhausted.cause).removeprefix(CAUSE_PREFIX)
        scope = ResourceExhaustedScope.Name(exhausted.scope).removeprefix(SCOPE_PREFIX)
        return errors.ResourceExhausted(message, cause, scope)
    return BY_CODE.get(code, errors.PolyrhythmError)(message)
