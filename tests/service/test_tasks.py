"""Calls of workers: deadlines of polls, and answers that are too large to keep."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueRequest,
    PollWorkflowTaskQueueRequest,
    RecordActivityTaskHeartbeatByIdRequest,
    RecordActivityTaskHeartbeatRequest,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedByIdRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskCompletedResponse,
    RespondActivityTaskFailedByIdRequest,
    RespondActivityTaskFailedRequest,
    RespondActivityTaskFailedResponse,
    RespondQueryTaskCompletedRequest,
    RespondWorkflowTaskFailedRequest,
)

from polyrhythm.base.errors import FailedPrecondition, NotFound, PermissionDenied
from service.fakes import NOW_NS, Fixture, task_token

SECOND_NS = 1_000_000_000
LARGE = Payloads(payloads=[Payload(data=b"x" * (2 * 1024 * 1024))])
POLLS = [PollWorkflowTaskQueueRequest, PollActivityTaskQueueRequest]


def poll(kind: Any, **fields: Any) -> Any:
    return kind(namespace="default", task_queue=TaskQueue(name="q"), **fields)


@pytest.mark.parametrize("kind", POLLS)
def test_deadlines_of_polls(kind: Any) -> None:
    fixture = Fixture()
    assert fixture.refusal(poll(kind), 0) == "Context timeout is not set."
    late = fixture.call(poll(kind), NOW_NS + 2 * SECOND_NS - 1)
    assert isinstance(late.error, FailedPrecondition)
    assert str(late.error) == "Context timeout is too short."
    assert fixture.call(poll(kind), NOW_NS + 2 * SECOND_NS).error is None
    assert fixture.engine.last.task_queue.kind == 1


@pytest.mark.parametrize("kind", POLLS)
def test_versions_that_do_not_fit(kind: Any) -> None:
    fixture = Fixture()
    request = poll(kind, identity="x" * 1001)
    assert fixture.refusal(request) == "Identity length exceeds limit."
    request = poll(kind)
    request.worker_version_capabilities.use_versioning = True
    assert isinstance(fixture.call(request).error, PermissionDenied)
    request = poll(kind)
    request.deployment_options.worker_versioning_mode = 2
    assert fixture.refusal(request) == (
        "Both deployment name and build id must be set when versioning is enabled."
    )
    request.deployment_options.deployment_name = "a.b"
    request.deployment_options.build_id = "1"
    assert fixture.refusal(request) == "worker deployment name cannot contain '.'"
    request.deployment_options.deployment_name = "a"
    request.task_queue.kind = 2
    assert fixture.refusal(request).startswith("NormalName must be set on sticky queue")


def test_an_oversize_result_fails_the_activity_and_the_call_succeeds() -> None:
    fixture = Fixture()
    token = task_token(activity_id="a")
    reply = fixture.call(
        RespondActivityTaskCompletedRequest(task_token=token, result=LARGE, identity="me")
    )
    failed = fixture.engine.last
    assert isinstance(failed, RespondActivityTaskFailedRequest)
    assert (failed.task_token, failed.identity) == (token, "me")
    assert failed.failure.message == "Complete result exceeds size limit."
    assert failed.failure.server_failure_info.non_retryable
    assert not reply.done
    fixture.engine.replies[0].resolve(RespondActivityTaskFailedResponse())
    assert reply.value == RespondActivityTaskCompletedResponse()


def test_an_oversize_heartbeat_stops_the_worker() -> None:
    fixture = Fixture()
    by_token = RecordActivityTaskHeartbeatRequest(task_token=task_token(), details=LARGE)
    by_id = RecordActivityTaskHeartbeatByIdRequest(
        namespace="default", workflow_id="w", activity_id="a", details=LARGE
    )
    for request in (by_token, by_id):
        reply = fixture.call(request)
        assert fixture.engine.last.failure.message == "Heartbeat details exceed size limit."
        fixture.engine.replies[-1].resolve(RespondActivityTaskFailedResponse())
        assert reply.value.cancel_requested


def test_errors_of_the_engine_pass_through() -> None:
    fixture = Fixture()
    reply = fixture.call(RespondActivityTaskCanceledRequest(task_token=task_token(), details=LARGE))
    assert fixture.engine.last.failure.message == "Cancel details exceed size limit."
    error = NotFound("gone")
    fixture.engine.replies[0].fail(error)
    assert reply.error is error


def test_a_waiting_transport_is_woken_once() -> None:
    fixture = Fixture()
    reply = fixture.call(RespondActivityTaskCompletedRequest(task_token=task_token(), result=LARGE))
    woken: list[int] = []
    reply.wake = lambda: woken.append(1)
    fixture.engine.replies[0].resolve(RespondActivityTaskFailedResponse())
    fixture.engine.replies[0].resolve(RespondActivityTaskFailedResponse())
    assert woken == [1]


@pytest.mark.parametrize("by_id", [False, True])
def test_oversize_failures_are_cut(by_id: bool) -> None:
    fixture = Fixture()
    failure = Failure(
        message="m" * 3_000_000,
        application_failure_info=ApplicationFailureInfo(type="T", non_retryable=True),
    )
    failure.cause.message = "cause"
    if by_id:
        request: Any = RespondActivityTaskFailedByIdRequest(
            namespace="default", workflow_id="w", activity_id="a", failure=failure
        )
    else:
        request = RespondActivityTaskFailedRequest(task_token=task_token(), failure=failure)
    request.last_heartbeat_details.CopyFrom(LARGE)
    reply = fixture.call(request)
    kept = fixture.engine.last
    assert not kept.HasField("last_heartbeat_details")
    assert kept.failure.message == "Failure exceeds size limit."
    assert kept.failure.server_failure_info.non_retryable
    cut = kept.failure.cause
    assert (cut.application_failure_info.type, cut.application_failure_info.non_retryable) == (
        "T",
        True,
    )
    assert 500_000 < len(cut.message) < 512 * 1024
    assert not cut.HasField("cause")
    fixture.engine.replies[0].resolve(RespondActivityTaskFailedResponse())
    assert [failure.message for failure in reply.value.failures] == [
        "Heartbeat details exceed size limit.",
        "Failure exceeds size limit.",
    ]


def test_a_cut_never_splits_a_character() -> None:
    fixture = Fixture()
    failure = Failure(message="𝄞" * 700_000)
    fixture.call(RespondWorkflowTaskFailedRequest(task_token=task_token(), failure=failure))
    cut = fixture.engine.last.failure.cause
    assert set(cut.message) == {"𝄞"}
    assert len(cut.message.encode()) <= 512 * 1024


def test_failures_need_application_info() -> None:
    request = RespondActivityTaskFailedRequest(task_token=task_token())
    assert Fixture().call(request).error is None
    request.failure.message = "no info"
    assert Fixture().refusal(request) == "Failure must have ApplicationFailureInfo."


def test_an_oversize_query_answer_becomes_a_failed_query() -> None:
    fixture = Fixture()
    token = task_token(task_queue="q", query_id="1")
    request = RespondQueryTaskCompletedRequest(task_token=token, query_result=LARGE)
    request.completed_type = 1
    fixture.call(request)
    last = fixture.engine.last
    assert (last.completed_type, last.error_message) == (2, "Blob data size exceeds limit.")
    assert not last.HasField("query_result")


def test_by_id_calls_need_an_activity_id_and_a_run_id_that_is_one() -> None:
    fixture = Fixture()
    request = RespondActivityTaskCompletedByIdRequest(namespace="default", activity_id="a")
    request.run_id = "x"
    assert fixture.refusal(request) == "RunId is not valid UUID."
    request = RespondActivityTaskCompletedByIdRequest(namespace="default", workflow_id="w")
    assert fixture.refusal(request) == "ActivityId is not set on request."
