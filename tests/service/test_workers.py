"""Lists of workers: which a query means, their pages, and what is refused."""

from __future__ import annotations

import pytest
from google.protobuf import json_format
from temporalio.api.worker.v1 import WorkerHeartbeat
from temporalio.api.workflowservice.v1 import ListWorkersRequest, ListWorkersResponse

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.service.worker_query import matches, parse_worker_query
from service.fakes import Fixture

WORKERS = [
    json_format.ParseDict(body, WorkerHeartbeat())
    for body in (
        {
            "worker_instance_key": "k1",
            "worker_identity": "7@one",
            "host_info": {"host_name": "one", "process_id": "7", "worker_grouping_key": "g"},
            "task_queue": "orders",
            "deployment_version": {"deployment_name": "shop", "build_id": "v1"},
            "sdk_name": "temporal-python",
            "sdk_version": "1.31.0",
            "status": "WORKER_STATUS_RUNNING",
            "start_time": "2026-01-02T03:04:05Z",
            "heartbeat_time": "2026-01-02T04:00:00Z",
        },
        {"worker_instance_key": "k2", "task_queue": "o'brien", "status": 2},
        {"worker_instance_key": "k3", "task_queue": "orders-2", "sdk_name": "temporal-go"},
    )
]


def found(query: str) -> str:
    condition = parse_worker_query(query)
    assert condition is not None
    return " ".join(w.worker_instance_key for w in WORKERS if matches(condition, w))


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("TaskQueue = 'orders'", "k1"),
        ("TaskQueue != 'orders'", "k2 k3"),
        ("TaskQueue STARTS_WITH 'ord'", "k1 k3"),
        ("TaskQueue not starts_with 'ord'", "k2"),
        ("TaskQueue = 'o\\'brien'", "k2"),
        ("WorkerInstanceKey = 'k1' OR SdkName = 'temporal-go'", "k1 k3"),
        ("(TaskQueue = 'orders' OR SdkName = 'temporal-go') AND SdkVersion = '1.31.0'", "k1"),
        ("HostName = 'one' AND WorkerIdentity = '7@one'", "k1"),
        ("DeploymentName = 'shop' AND BuildId = 'v1'", "k1"),
        ("BuildId IS NULL", "k2 k3"),
        ("BuildId IS NOT NULL", "k1"),
        ("WorkerStatus = 'Running'", "k1"),
        ("Status = 'ShuttingDown'", "k2"),
        ("Status = 'Unspecified'", "k3"),
        ("StartTime = '2026-01-02T03:04:05Z'", "k1"),
        ("StartTime = 1767323045000000000", "k1"),
        ("StartTime > '2026-01-01T00:00:00Z'", "k1"),
        ("StartTime < '2026-01-01T00:00:00Z'", "k2 k3"),
        ("StartTime != '2026-01-02T03:04:05Z'", "k2 k3"),
        ("HeartbeatTime >= '2026-01-02T05:00:00+01:00'", "k1"),
        ("HeartbeatTime <= '2026-01-02T04:00:00Z'", "k1 k2 k3"),
        ("HeartbeatTime IS NULL", "k2 k3"),
        ("StartTime BETWEEN '2026-01-01T00:00:00Z' AND '2027-01-01T00:00:00Z'", "k1"),
        ("StartTime NOT BETWEEN '2025-01-01T00:00:00Z' AND '2025-02-01T00:00:00Z'", "k1"),
    ],
)
def test_queries(query: str, wanted: str) -> None:
    assert found(query) == wanted


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("where TaskQueue = 'x'", "invalid filter: where TaskQueue = 'x'"),
        ("TaskQueue =", "malformed query: syntax error at position"),
        ("TaskQueue = 'x' LIMIT 3", "operation is not supported: 'limit' clause"),
        ("ORDER BY TaskQueue", "operation is not supported: 'where' clause is missing"),
        ("NOT TaskQueue = 'x'", "operation is not supported: 'not' expression"),
        ("f(TaskQueue)", "operation is not supported: function expression"),
        ("1", "operation is not supported: expression of type *sqlparser.SQLVal"),
        ("TaskQueue", "incomplete expression"),
        ("Nothing = 'x'", "unknown or unsupported worker heartbeat search field: Nothing"),
        ("TaskQueue = 'x' OR Nothing = 'x'", "unknown or unsupported worker heartbeat search"),
        ("Nothing IS NULL", "unknown or unsupported worker heartbeat search field: Nothing"),
        ("TaskQueue IS TRUE", "only IS NULL and IS NOT NULL are supported"),
        ("'x' = 'x'", "invalid filter name: 'x'"),
        ("TaskQueue IN ('x')", "invalid value: ('x')"),
        ("TaskQueue = ''", "TaskQueue cannot be empty"),
        ("TaskQueue = 3", "invalid value for TaskQueue: value 3 is not a string value"),
        ("TaskQueue > 'x'", "operation > is not supported for TaskQueue column"),
        ("StartTime starts_with '2'", "StartTime: '2' is no time"),
        ("StartTime starts_with 2", "operation starts_with is not supported"),
        ("TaskQueue BETWEEN 'a' AND 'b'", "unknown or unsupported column name: TaskQueue"),
    ],
)
def test_what_no_worker_could_match_is_refused(query: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parse_worker_query(query)
    assert words in refused.value.message


def listed(size: int = 0, token: bytes = b"", query: str = "") -> ListWorkersResponse:
    fixture = Fixture()
    request = ListWorkersRequest(namespace="default", page_size=size, next_page_token=token)
    request.query = query
    reply = fixture.call(request)
    fixture.engine.replies[-1].resolve(WORKERS)
    answer = reply.value
    assert isinstance(answer, ListWorkersResponse)
    return answer


def test_pages_of_workers() -> None:
    first = listed(2)
    assert [one.worker_instance_key for one in first.workers] == ["k1", "k2"]
    assert first.workers_info[0].worker_heartbeat == WORKERS[0]
    info = first.workers[0]
    assert (info.host_name, info.process_id, info.worker_grouping_key) == ("one", "7", "g")
    assert (info.deployment_version.build_id, info.start_time.seconds) == ("v1", 1767323045)
    second = listed(2, first.next_page_token)
    assert [one.worker_instance_key for one in second.workers] == ["k3"]
    assert not second.next_page_token
    assert len(listed().workers) == 3
    assert len(listed(query="Status = 'Running'").workers) == 1
    refused = ListWorkersRequest(namespace="default", next_page_token=b"\xff")
    assert Fixture().refusal(refused) == "invalid next_page_token"
