"""Requests of our own service that make no sense are refused with what is wrong with them."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message
from temporalio.api.workflowservice.v1 import StartActivityExecutionRequest

from polyrhythm.api import service as api
from service.fakes import Fixture

BUCKET = {"key": "k", "count": 1.0, "per_ns": 1_000_000_000, "burst": 1}
LEASE = {"key": "k", "holder": "h", "limit": 1, "ttl_ns": 1}


@pytest.mark.parametrize(
    ("request_class", "fields", "saying"),
    [
        (api.GetRunAtRequest, {}, "WorkflowId is not set"),
        (api.GetRunAtRequest, {"workflow_id": "w", "time_ns": -1}, "must not be negative"),
        (api.GetRunAtRequest, {"workflow_id": "w", "time_ns": 1, "event_id": 1}, "not both"),
        (api.ReadLogRequest, {"after_position": -1}, "must not be negative"),
        (api.ReadLogRequest, {"limit": 1001}, "0 to 1000"),
        (api.GetProjectionRequest, {}, "name is empty"),
        (api.DeleteProjectionRequest, {"name": "x" * 1001}, "more than 1000 bytes"),
        (api.PutProjectionRequest, {"name": "p", "expected_position": 2}, "never goes back"),
        (api.PutProjectionRequest, {"name": "p", "body": bytes(3_000_000)}, "the most is"),
        (api.ReservePermitRequest, BUCKET | {"key": ""}, "1 to 1000 bytes"),
        (api.ReservePermitRequest, BUCKET | {"count": 0.0}, "count must be"),
        (api.ReservePermitRequest, BUCKET | {"count": float("nan")}, "count must be"),
        (api.ReservePermitRequest, BUCKET | {"per_ns": 0}, "per_ns must be"),
        (api.ReservePermitRequest, BUCKET | {"count": 1e-9}, "one token may take"),
        (api.ReservePermitRequest, BUCKET | {"burst": 0}, "burst must be"),
        (api.AcquireLeaseRequest, LEASE | {"holder": ""}, "a holder has"),
        (api.AcquireLeaseRequest, LEASE | {"limit": 0}, "limit must be"),
        (api.AcquireLeaseRequest, LEASE | {"ttl_ns": -1}, "ttl_ns must be"),
        (api.ReleaseLeaseRequest, {"key": "k"}, "a holder has"),
        (api.StartTasksRequest, {}, "no tasks to start"),
        (api.StartTasksRequest, {"tasks": [api.TaskStart()] * 101}, "100 tasks at most"),
    ],
)
def test_refused(request_class: type[Message], fields: dict[str, object], saying: str) -> None:
    request = request_class(namespace="default", **fields)
    assert saying in Fixture().refusal(request)


def test_a_namespace_is_needed() -> None:
    assert Fixture().refusal(api.ReadLogRequest()) == "Namespace is empty."


def test_starts_are_checked_one_by_one() -> None:
    sound = StartActivityExecutionRequest(activity_id="a", request_id="r")
    sound.activity_type.name, sound.task_queue.name = "act", "q"
    sound.start_to_close_timeout.seconds = 1
    delayed = StartActivityExecutionRequest()
    delayed.CopyFrom(sound)
    delayed.start_delay.seconds = 1
    fixture, data = Fixture(), sound.SerializeToString()
    given = [
        {"request": data},
        {"request": b"\xff"},
        {"request": b""},
        {"request": data, "due_ns": -1},
        {"request": delayed.SerializeToString(), "due_ns": 1},
    ]
    fixture.call(api.StartTasksRequest(namespace="default", tasks=given))
    first, *others = fixture.engine.submitted[0][1].starts
    assert first[0].namespace == "default"
    assert [str(error) for error in others] == [
        "the start holds no StartActivityExecutionRequest",
        "taskQueue is not set",
        "due_ns of a task is negative",
        "a task is due at a time or after a delay, not both",
    ]
