"""The status table: every error has a row, with the details that clients look for."""

from __future__ import annotations

import pytest
from google.rpc.code_pb2 import Code
from temporalio.api.errordetails.v1 import (
    MultiOperationExecutionFailure,
    QueryFailedFailure,
    ResourceExhaustedFailure,
    WorkflowExecutionAlreadyStartedFailure,
)
from temporalio.api.failure.v1 import Failure

from polyrhythm.base import errors
from polyrhythm.service.status import INTERNAL_MESSAGE, code_name_of, status_of

SAMPLES = [
    (errors.InvalidArgument("m"), "INVALID_ARGUMENT", ""),
    (errors.RunTooLarge("m"), "INVALID_ARGUMENT", ""),
    (errors.NotFound("m"), "NOT_FOUND", "NotFoundFailure"),
    (errors.NamespaceNotFound("n"), "NOT_FOUND", "NamespaceNotFoundFailure"),
    (errors.NamespaceAlreadyExists("m"), "ALREADY_EXISTS", "NamespaceAlreadyExistsFailure"),
    (
        errors.AlreadyStarted("m", "q", "r", "f"),
        "ALREADY_EXISTS",
        "WorkflowExecutionAlreadyStartedFailure",
    ),
    (
        errors.ActivityAlreadyStarted("m", "q", "r"),
        "ALREADY_EXISTS",
        "ActivityExecutionAlreadyStartedFailure",
    ),
    (errors.AlreadyExists("m"), "ALREADY_EXISTS", ""),
    (errors.FailedPrecondition("m"), "FAILED_PRECONDITION", ""),
    (errors.WorkflowNotReady("m"), "FAILED_PRECONDITION", "WorkflowNotReadyFailure"),
    (errors.QueryFailed("m"), "INVALID_ARGUMENT", "QueryFailedFailure"),
    (
        errors.ResourceExhausted("m", "CONCURRENT_LIMIT"),
        "RESOURCE_EXHAUSTED",
        "ResourceExhaustedFailure",
    ),
    (errors.PermissionDenied("m"), "PERMISSION_DENIED", "PermissionDeniedFailure"),
    (errors.Unimplemented("m"), "UNIMPLEMENTED", ""),
    (errors.Unavailable("m"), "UNAVAILABLE", ""),
    (errors.DeadlineExceeded("m"), "DEADLINE_EXCEEDED", ""),
    (errors.Aborted("m"), "ABORTED", ""),
    (
        errors.OperationsFailed("m", [errors.OperationAborted(), errors.NotFound("n")]),
        "NOT_FOUND",
        "MultiOperationExecutionFailure",
    ),
    (errors.DataLoss("m"), "DATA_LOSS", ""),
    (errors.StoreError("m"), "UNAVAILABLE", ""),
    (errors.StoreFull("m"), "UNAVAILABLE", ""),
    (errors.LaneHeld("m", "a"), "UNAVAILABLE", ""),
    (errors.LaneLost("m"), "UNAVAILABLE", ""),
]


@pytest.mark.parametrize(("error", "code", "detail"), SAMPLES)
def test_row(error: errors.PolyrhythmError, code: str, detail: str) -> None:
    status = status_of(error)
    assert (Code.Name(status.code), code_name_of(error)) == (code, code)
    assert status.message == error.message
    names = [any_.TypeName() for any_ in status.details]
    assert names == ([f"temporal.api.errordetails.v1.{detail}"] if detail else [])


def test_every_error_class_is_sampled() -> None:
    classes = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.PolyrhythmError)
    }
    # Only ever seen inside of OperationsFailed, and with a detail of another kind.
    unsampled = {errors.PolyrhythmError, errors.OperationAborted}
    # Raised where a step runs, in a worker, and told as a failure of the step.
    of_steps = {kind for kind in classes if issubclass(kind, errors.ExecutorError)}
    assert classes - unsampled - of_steps == {type(error) for error, _, _ in SAMPLES}


def test_operations_that_failed_say_so_one_by_one() -> None:
    outcomes: list[errors.PolyrhythmError | None] = [
        None,
        errors.OperationAborted(),
        errors.AlreadyExists("there"),
        errors.NotFound("gone"),
    ]
    status = status_of(errors.OperationsFailed("all", outcomes))
    assert (Code.Name(status.code), status.message) == ("ALREADY_EXISTS", "all")
    failure = MultiOperationExecutionFailure()
    status.details[0].Unpack(failure)
    assert [(each.code, each.message) for each in failure.statuses] == [
        (0, ""),
        (Code.Value("ABORTED"), "Operation was aborted."),
        (Code.Value("ALREADY_EXISTS"), "there"),
        (Code.Value("NOT_FOUND"), "gone"),
    ]
    aborted = failure.statuses[1].details[0].TypeName()
    assert aborted == "temporal.api.failure.v1.MultiOperationExecutionAborted"
    assert code_name_of(errors.OperationsFailed("none", [errors.OperationAborted()])) == "ABORTED"


def test_details_carry_their_fields() -> None:
    started = WorkflowExecutionAlreadyStartedFailure()
    status_of(errors.AlreadyStarted("m", "q", "r", "f")).details[0].Unpack(started)
    assert (started.start_request_id, started.run_id) == ("q", "r")
    failed = QueryFailedFailure()
    body = Failure(message="no").SerializeToString()
    status_of(errors.QueryFailed("m", body)).details[0].Unpack(failed)
    assert failed.failure.message == "no"
    exhausted = ResourceExhaustedFailure()
    error = errors.ResourceExhausted("m", "RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW", "NAMESPACE")
    status_of(error).details[0].Unpack(exhausted)
    assert (exhausted.cause, exhausted.scope) == (5, 1)


def test_our_own_fault_tells_nothing() -> None:
    status = status_of(AssertionError("secret"))
    assert (Code.Name(status.code), status.message) == ("INTERNAL", INTERNAL_MESSAGE)
