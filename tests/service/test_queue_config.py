"""UpdateTaskQueueConfig and UpdateKeyLimits: what is refused, in the server's words."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import json_format
from temporalio.api.workflowservice.v1 import (
    ListTaskQueuePartitionsRequest,
    UpdateTaskQueueConfigRequest,
)

from polyrhythm.api import service as api
from service.fakes import Fixture

RATE = {"rate_limit": {"requests_per_second": 1.0}}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"task_queue_type": 1, "update_queue_rate_limit": RATE},
            "Setting rate limit on workflow task queues is not allowed.",
        ),
        (
            {"task_queue_type": 1, "update_fairness_key_rate_limit_default": RATE},
            "Setting fairness key rate limit on workflow task queues is not allowed.",
        ),
        (
            {"update_queue_rate_limit": {"rate_limit": {"requests_per_second": -1.0}}},
            "RequestsPerSecond for UpdateQueueRateLimit rate limit must be non-negative.",
        ),
        (
            {"update_queue_rate_limit": {**RATE, "reason": "x" * 1001}},
            "UpdateQueueRateLimit.Reason field too long (max 1000 characters).",
        ),
        ({"identity": "x" * 1001}, "Identity field too long (max 1000 characters)."),
        (
            {"set_fairness_weight_overrides": {"": 1}},
            "fairness weight override key must not be empty",
        ),
        ({"set_fairness_weight_overrides": {"x" * 65: 1}}, "fairness key length exceeds limit"),
        (
            {"set_fairness_weight_overrides": {"a": 0}},
            'invalid fairness weight weight for key "a": must be greater than zero',
        ),
        (
            {"set_fairness_weight_overrides": {"a": 1}, "unset_fairness_weight_overrides": ["a"]},
            'fairness weight override key "a" present in both set and unset lists',
        ),
        (
            {"unset_fairness_weight_overrides": [str(n) for n in range(1001)]},
            "too many fairness weight overrides in request: got 1001, maximum 1000",
        ),
        ({"task_queue": "/_sys/q/1"}, "task queue family name cannot have prefix /_sys/ /_sys/q/1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(fields: dict[str, Any], said: str) -> None:
    body = {"namespace": "default", "task_queue": "q", "task_queue_type": 2, **fields}
    request = json_format.ParseDict(body, UpdateTaskQueueConfigRequest())
    assert Fixture().refusal(request) == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"task_queue": ""}, "missing task queue name"),
        ({"task_queue_type": 1}, "rates of keys are of activity task queues alone"),
        ({"set": {"": 1}}, "fairness weight override key must not be empty"),
        ({"set": {"a": -1}}, 'the rate of key "a" must be 0 to 1000000000 a second'),
        ({"set": {"a": float("nan")}}, 'the rate of key "a" must be 0 to 1000000000 a second'),
    ],
)
def test_rates_of_keys_that_make_no_sense_are_refused(fields: dict[str, Any], said: str) -> None:
    body = {"namespace": "default", "task_queue": "q", "task_queue_type": 2, **fields}
    assert Fixture().refusal(api.UpdateKeyLimitsRequest(**body)) == said


def test_a_queue_is_one_partition() -> None:
    request = ListTaskQueuePartitionsRequest(namespace="default")
    request.task_queue.name = "q"
    told = Fixture().call(request).value
    assert [one.key for one in told.activity_task_queue_partitions] == ["q"]
    assert [one.key for one in told.workflow_task_queue_partitions] == ["q"]
