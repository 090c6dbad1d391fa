"""The one table from our errors to statuses, as `google.rpc.Status` for every transport.

gRPC sends it in its trailers, HTTP as JSON: code, message and details are the same. Classes are
looked up along their bases, so a new error class is answered as its parent until it has a row.
Anything that is no `PolyrhythmError` is our own fault and tells the caller nothing of its insides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status
from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope
from temporalio.api.errordetails.v1 import (
    ActivityExecutionAlreadyStartedFailure,
    MultiOperationExecutionFailure,
    NamespaceAlreadyExistsFailure,
    NamespaceNotFoundFailure,
    NotFoundFailure,
    PermissionDeniedFailure,
    QueryFailedFailure,
    ResourceExhaustedFailure,
    WorkflowExecutionAlreadyStartedFailure,
    WorkflowNotReadyFailure,
)
from temporalio.api.failure.v1 import Failure, MultiOperationExecutionAborted

from polyrhythm.base import errors

INTERNAL_MESSAGE = "something went wrong, please retry"


@dataclass(slots=True)
class Row:
    """How a class of errors is answered. `detail` builds its one detail message, or None."""

    code_name: str
    detail: Callable[[Any], Message] | None = None


def status_of(error: BaseException) -> Status:
    """Return the status a caller gets for an error."""
    if not isinstance(error, errors.PolyrhythmError):
        return Status(code=Code.Value("INTERNAL"), message=INTERNAL_MESSAGE)
    row = _row_of(type(error))
    status = Status(code=Code.Value(code_name_of(error)), message=error.message)
    if row.detail is not None:
        status.details.add().Pack(row.detail(error))
    return status


def code_name_of(error: BaseException) -> str:
    """Return the name of a status's code, as gRPC spells it."""
    if not isinstance(error, errors.PolyrhythmError):
        return "INTERNAL"
    if isinstance(error, errors.OperationsFailed):
        return _code_of_operations(error)
    return _row_of(type(error)).code_name


def _row_of(kind: type[BaseException]) -> Row:
    for base in kind.__mro__:
        if base in ROWS:
            return ROWS[base]
    return Row("INTERNAL")


def _already_started(error: errors.AlreadyStarted) -> Message:
    return WorkflowExecutionAlreadyStartedFailure(
        start_request_id=error.start_request_id, run_id=error.run_id
    )


def _activity_already_started(error: errors.ActivityAlreadyStarted) -> Message:
    return ActivityExecutionAlreadyStartedFailure(
        start_request_id=error.start_request_id, run_id=error.run_id
    )


def _not_found(error: errors.NotFound) -> Message:
    return NotFoundFailure(
        current_cluster=error.current_cluster, active_cluster=error.active_cluster
    )


def _query_failed(error: errors.QueryFailed) -> Message:
    if not error.failure:
        return QueryFailedFailure()
    return QueryFailedFailure(failure=Failure.FromString(error.failure))


def _operations_failed(error: errors.OperationsFailed) -> Message:
    failure = MultiOperationExecutionFailure()
    for outcome in error.outcomes:
        operation = failure.statuses.add()
        if outcome is not None:
            status = status_of(outcome)
            operation.code, operation.message = status.code, status.message
            operation.details.extend(status.details)
    return failure


def _code_of_operations(error: errors.OperationsFailed) -> str:
    # The first operation that failed by itself speaks for all of them.
    for outcome in error.outcomes:
        if outcome is not None and not isinstance(outcome, errors.OperationAborted):
            return code_name_of(outcome)
    return "ABORTED"


def _resource_exhausted(error: errors.ResourceExhausted) -> Message:
    cause = "RESOURCE_EXHAUSTED_CAUSE_" + error.cause.removeprefix("RESOURCE_EXHAUSTED_CAUSE_")
    scope = "RESOURCE_EXHAUSTED_SCOPE_" + error.scope.removeprefix("RESOURCE_EXHAUSTED_SCOPE_")
    return ResourceExhaustedFailure(
        cause=ResourceExhaustedCause.Value(cause), scope=ResourceExhaustedScope.Value(scope)
    )


ROWS: dict[type[BaseException], Row] = {
    errors.InvalidArgument: Row("INVALID_ARGUMENT"),
    errors.RunTooLarge: Row("INVALID_ARGUMENT"),
    errors.NotFound: Row("NOT_FOUND", _not_found),
    errors.NamespaceNotFound: Row(
        "NOT_FOUND", lambda error: NamespaceNotFoundFailure(namespace=error.namespace)
    ),
    errors.NamespaceAlreadyExists: Row("ALREADY_EXISTS", lambda _: NamespaceAlreadyExistsFailure()),
    errors.AlreadyStarted: Row("ALREADY_EXISTS", _already_started),
    errors.ActivityAlreadyStarted: Row("ALREADY_EXISTS", _activity_already_started),
    errors.AlreadyExists: Row("ALREADY_EXISTS"),
    errors.FailedPrecondition: Row("FAILED_PRECONDITION"),
    errors.WorkflowNotReady: Row("FAILED_PRECONDITION", lambda _: WorkflowNotReadyFailure()),
    errors.QueryFailed: Row("INVALID_ARGUMENT", _query_failed),
    errors.ResourceExhausted: Row("RESOURCE_EXHAUSTED", _resource_exhausted),
    errors.PermissionDenied: Row(
        "PERMISSION_DENIED", lambda error: PermissionDeniedFailure(reason=error.reason)
    ),
    errors.Unimplemented: Row("UNIMPLEMENTED"),
    errors.Unavailable: Row("UNAVAILABLE"),
    errors.DeadlineExceeded: Row("DEADLINE_EXCEEDED"),
    errors.Aborted: Row("ABORTED"),
    errors.OperationAborted: Row("ABORTED", lambda _: MultiOperationExecutionAborted()),
    errors.OperationsFailed: Row("", _operations_failed),
    # Never UNAVAILABLE, which the Temporal server says here: clients would retry for ever what
    # cannot get better by itself.
    errors.DataLoss: Row("DATA_LOSS"),
    # A store that cannot write or read now may do so later: nothing was done.
    errors.StoreError: Row("UNAVAILABLE"),
    errors.PolyrhythmError: Row("INTERNAL"),
}
