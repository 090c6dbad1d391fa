"""Starts and signals: defaults that are filled in, and refusals the corpus does not record."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import json_format
from temporalio.api.workflowservice.v1 import (
    SignalWithStartWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
)

from polyrhythm.base.errors import Unimplemented
from service.fakes import Fixture

MINIMUM: dict[str, Any] = {
    "namespace": "default",
    "workflow_id": "w",
    "workflow_type": {"name": "t"},
    "task_queue": {"name": "q"},
}
LINK = {"workflow_event": {"namespace": "default", "workflow_id": "w", "run_id": "r"}}


def start(**fields: Any) -> StartWorkflowExecutionRequest:
    return json_format.ParseDict({**MINIMUM, **fields}, StartWorkflowExecutionRequest())


def signal_with_start(**fields: Any) -> SignalWithStartWorkflowExecutionRequest:
    body = {**MINIMUM, "signal_name": "s", **fields}
    return json_format.ParseDict(body, SignalWithStartWorkflowExecutionRequest())


def test_defaults_of_a_start() -> None:
    fixture = Fixture()
    assert fixture.call(start(retry_policy={})).error is None
    request = json_format.MessageToDict(fixture.engine.last, preserving_proto_field_name=True)
    assert request == {
        **MINIMUM,
        "task_queue": {"name": "q", "kind": "TASK_QUEUE_KIND_NORMAL"},
        "request_id": "fresh-id",
        "workflow_id_reuse_policy": "WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE",
        "workflow_id_conflict_policy": "WORKFLOW_ID_CONFLICT_POLICY_FAIL",
        "retry_policy": {
            "initial_interval": "1s",
            "backoff_coefficient": 2.0,
            "maximum_interval": "100s",
        },
    }


def test_defaults_of_a_signal_with_start() -> None:
    fixture = Fixture()
    assert fixture.call(signal_with_start()).error is None
    policies = (
        fixture.engine.last.workflow_id_reuse_policy,
        fixture.engine.last.workflow_id_conflict_policy,
    )
    assert policies == (1, 2)
    assert not fixture.engine.last.HasField("retry_policy")


def test_terminate_if_running_becomes_its_successors() -> None:
    fixture = Fixture()
    fixture.call(start(workflow_id_reuse_policy=4))
    last = fixture.engine.last
    assert (last.workflow_id_reuse_policy, last.workflow_id_conflict_policy) == (1, 3)


def test_a_duration_beyond_reason_is_cut() -> None:
    fixture = Fixture()
    request = start()
    request.workflow_run_timeout.seconds = 2**62
    fixture.call(request)
    assert fixture.engine.last.workflow_run_timeout.seconds == 100 * 365 * 24 * 3600


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"workflow_id": "x" * 1001}, "WorkflowId length exceeds limit."),
        ({"workflow_type": {}}, "WorkflowType is not set on request."),
        ({"task_queue": None}, "taskQueue is not set"),
        ({"task_queue": {}}, "missing task queue name"),
        (
            {"task_queue": {"name": "temporal-sys-per-ns-tq"}},
            "cannot use internal per-namespace task queue:temporal-sys-per-ns-tq",
        ),
        (
            {"task_queue": {"name": "q", "kind": 2, "normal_name": "x" * 1001}},
            "taskQueue length exceeds limit",
        ),
        (
            {"retry_policy": {"backoff_coefficient": 0.5}},
            "BackoffCoefficient cannot be less than 1 on retry policy.",
        ),
        (
            {"retry_policy": {"backoff_coefficient": "NaN"}},
            "BackoffCoefficient cannot be less than 1 on retry policy.",
        ),
        (
            {"retry_policy": {"maximum_attempts": -1}},
            "MaximumAttempts cannot be negative on retry policy.",
        ),
        ({"priority": {"priority_key": -1}}, "priority key can't be negative"),
        ({"priority": {"fairness_weight": -1}}, "must be greater than zero"),
        (
            {"on_conflict_options": {"attach_completion_callbacks": True}},
            "attaching request ID is required for attaching completion callbacks",
        ),
        (
            {"links": [LINK] * 11},
            "cannot attach more than 10 links per request, got 11",
        ),
        ({"links": [{}]}, "unsupported link variant"),
        (
            {"links": [{"workflow_event": {"namespace": "n", "workflow_id": "w"}}]},
            "workflow event link must not have an empty run ID field",
        ),
        ({"links": [{"batch_job": {}}]}, "batch job link must not have an empty job ID"),
        (
            {"search_attributes": {"indexed_fields": {"ExecutionStatus": {"data": "IngiIg=="}}}},
            "ExecutionStatus attribute can't be set in SearchAttributes",
        ),
        (
            {"search_attributes": {"indexed_fields": {"BuildIds": {"data": "MQ=="}}}},
            "invalid value for search attribute BuildIds of type KeywordList: 1",
        ),
        ({"input": {"payloads": [{"data": "eHh4" * 800_000}]}}, "Blob data size exceeds limit."),
    ],
)
def test_refusals(fields: dict[str, Any], message: str) -> None:
    body = {name: value for name, value in {**MINIMUM, **fields}.items() if value is not None}
    request = json_format.ParseDict(body, StartWorkflowExecutionRequest())
    assert Fixture().refusal(request) == message


def test_mixed_signs_in_a_duration() -> None:
    request = start()
    request.workflow_task_timeout.seconds, request.workflow_task_timeout.nanos = 1, -1
    assert Fixture().refusal(request) == (
        "An invalid WorkflowTaskTimeoutSeconds is set on request. cause: duration has seconds and "
        "nanos with different signs"
    )


@pytest.mark.parametrize("name", ["TIMEOUT_TYPE_HEARTBEAT", "StartToClose", "Heartbeat"])
def test_timeout_types_in_both_spellings(name: str) -> None:
    policy = {"non_retryable_error_types": ["TemporalTimeout:" + name, "Anything"]}
    assert Fixture().call(start(retry_policy=policy)).error is None


def test_a_policy_of_one_attempt_is_not_looked_into() -> None:
    policy = {"maximum_attempts": 1, "backoff_coefficient": 0.1}
    assert Fixture().call(start(retry_policy=policy)).error is None


@pytest.mark.parametrize(
    "fields",
    [
        {"completion_callbacks": [{"nexus": {"url": "http://x"}}]},
    ],
)
def test_what_is_not_built_is_refused_by_name(fields: dict[str, Any]) -> None:
    reply = Fixture().call(start(**fields))
    assert isinstance(reply.error, Unimplemented)


@pytest.mark.parametrize("make", [start, signal_with_start])
@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("a b c", "invalid CronSchedule."),
        ("TZ=Nowhere * * * * *", "invalid CronSchedule."),
        ("0 0 30 2 *", "invalid CronSchedule, no time can be found to satisfy the schedule"),
    ],
)
def test_cron_schedules_that_cannot_be(make: Any, schedule: str, message: str) -> None:
    assert Fixture().refusal(make(cron_schedule=schedule)) == message


def test_a_cron_schedule_is_looked_at_early_by_a_start_and_late_with_a_signal() -> None:
    request: dict[str, Any] = {"cron_schedule": "x", "workflow_type": {}}
    assert Fixture().refusal(start(**request)) == "invalid CronSchedule."
    assert Fixture().refusal(signal_with_start(**request)) == "WorkflowType is not set on request."


@pytest.mark.parametrize(
    "schedule", ["@every 5s", "*/5 * * * mon-fri", "CRON_TZ=Asia/Tokyo @daily"]
)
def test_cron_schedules(schedule: str) -> None:
    fixture = Fixture()
    assert fixture.call(start(cron_schedule=schedule)).error is None
    assert fixture.engine.last.cron_schedule == schedule


@pytest.mark.parametrize("text", ["\0", "a\0b", "é" * 500, "𝄞" * 250])
def test_odd_ids_pass(text: str) -> None:
    fixture = Fixture()
    assert fixture.call(start(workflow_id=text, request_id=text)).error is None
    assert fixture.engine.last.workflow_id == text


@pytest.mark.parametrize(
    "run_id",
    [
        "11111111-2222-4333-8444-555555555555",
        "{11111111-2222-4333-8444-555555555555}",
        "urn:uuid:11111111-2222-4333-8444-555555555555",
        "11111111222243338444555555555555",
        "",
    ],
)
def test_spellings_of_run_ids(run_id: str) -> None:
    execution = {"workflow_id": "w", "run_id": run_id}
    body = {"namespace": "default", "workflow_execution": execution, "signal_name": "s"}
    assert (
        Fixture().call(json_format.ParseDict(body, SignalWorkflowExecutionRequest())).error is None
    )


def test_a_signal_gets_no_request_id() -> None:
    fixture = Fixture()
    body = {
        "namespace": "default",
        "workflow_execution": {"workflow_id": "w"},
        "signal_name": "s",
    }
    fixture.call(json_format.ParseDict(body, SignalWorkflowExecutionRequest()))
    assert fixture.engine.last.request_id == ""


def test_nothing_starts_in_a_deprecated_namespace() -> None:
    fixture = Fixture()
    fixture.engine.namespaces.state = 2
    for request in (start(), signal_with_start()):
        assert fixture.refusal(request) == (
            "Namespace has invalid state: Deprecated. Must be Registered."
        )
