"""From a gRPC status to the error it was made from: by its detail, then by its code.

Details carry what callers ask for (the run that is already started, the failure of a query); they
are parsed for the errors that have such fields.
"""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope
from temporalio.api.errordetails.v1 import (
    QueryFailedFailure,
    ResourceExhaustedFailure,
    WorkflowExecutionAlreadyStartedFailure,
)

from polyrhythm.base import errors

DETAILS_KEY = "grpc-status-details-bin"
BY_CODE: dict[int, type[errors.PolyrhythmError]] = {
    grpc.StatusCode.INVALID_ARGUMENT.value[0]: errors.InvalidArgument,
    grpc.StatusCode.NOT_FOUND.value[0]: errors.NotFound,
    grpc.StatusCode.ALREADY_EXISTS.value[0]: errors.AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION.value[0]: errors.FailedPrecondition,
    grpc.StatusCode.PERMISSION_DENIED.value[0]: errors.PermissionDenied,
    grpc.StatusCode.UNAUTHENTICATED.value[0]: errors.PermissionDenied,
    grpc.StatusCode.UNIMPLEMENTED.value[0]: errors.Unimplemented,
    grpc.StatusCode.UNAVAILABLE.value[0]: errors.Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED.value[0]: errors.DeadlineExceeded,
    grpc.StatusCode.ABORTED.value[0]: errors.Aborted,
    grpc.StatusCode.DATA_LOSS.value[0]: errors.DataLoss,
}
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
CAUSE_PREFIX = "RESOURCE_EXHAUSTED_CAUSE_"
SCOPE_PREFIX = "RESOURCE_EXHAUSTED_SCOPE_"


def error_of(error: grpc.aio.AioRpcError) -> errors.PolyrhythmError:
    """Return the error of `base.errors` that a refused call stands for."""
    trailers: Any = error.trailing_metadata()
    status = Status()
    for key, value in trailers or ():
        if key == DETAILS_KEY:
            try:
                status = Status.FromString(value)
            except DecodeError:
                break
    detail = status.details[0] if status.details else AnyMessage()
    return error_of_status(error.code().value[0], error.details() or "", detail)


def error_of_status(code: int, message: str, detail: AnyMessage) -> errors.PolyrhythmError:
    """Return the error that a status code, its message and its first detail stand for."""
    name = detail.type_url.rpartition(".")[2]
    match name:
        case "WorkflowExecutionAlreadyStartedFailure":
            started = WorkflowExecutionAlreadyStartedFailure.FromString(detail.value)
            return errors.AlreadyStarted(message, started.start_request_id, started.run_id, "")
        case "QueryFailedFailure":
            failed = QueryFailedFailure.FromString(detail.value)
            return errors.QueryFailed(message, failed.failure.SerializeToString())
        case "NamespaceAlreadyExistsFailure":
            return errors.NamespaceAlreadyExists(message)
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
