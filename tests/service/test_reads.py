"""Reads: lists and their pages, namespaces, histories, what the server says of itself."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import json_format
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    GetClusterInfoRequest,
    GetSearchAttributesRequest,
    GetSystemInfoRequest,
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryReverseRequest,
    ListClosedWorkflowExecutionsRequest,
    ListNamespacesRequest,
    ListOpenWorkflowExecutionsRequest,
    ListWorkflowExecutionsRequest,
    RegisterNamespaceRequest,
    TerminateWorkflowExecutionRequest,
    UpdateNamespaceRequest,
    UpdateNamespaceResponse,
)

from polyrhythm.api.notes import HistoryToken
from polyrhythm.base.errors import NamespaceNotFound, Unimplemented
from polyrhythm.engine.calls import CountRuns, ListRuns, RunPage
from service.fakes import Fixture

SECOND_NS = 1_000_000_000


def test_pages_of_a_list() -> None:
    fixture = Fixture()
    first = fixture.call(ListWorkflowExecutionsRequest(namespace="default", page_size=2))
    assert isinstance(fixture.engine.last, ListRuns)
    assert (fixture.engine.last.filter.limit, fixture.engine.last.filter.after) == (2, None)
    info = WorkflowExecutionInfo(task_queue="q")
    fixture.engine.replies[0].resolve(RunPage([info], (0, 5, 7)))
    assert list(first.value.executions) == [info]
    token = first.value.next_page_token
    second = fixture.call(ListWorkflowExecutionsRequest(namespace="default", next_page_token=token))
    assert fixture.engine.last.filter.after == (0, 5, 7)
    assert fixture.engine.last.filter.limit == 1000
    fixture.engine.replies[1].resolve(RunPage([], None))
    assert second.value.next_page_token == b""
    bad = ListWorkflowExecutionsRequest(namespace="default", next_page_token=b"garbage")
    assert fixture.refusal(bad) == "Invalid NextPageToken."


def test_counts() -> None:
    fixture = Fixture()
    reply = fixture.call(CountWorkflowExecutionsRequest(namespace="default", query=""))
    assert isinstance(fixture.engine.last, CountRuns)
    fixture.engine.replies[0].resolve(3)
    assert reply.value.count == 3
    grouped = CountWorkflowExecutionsRequest(namespace="default", query="GROUP BY ExecutionStatus")
    reply = fixture.call(grouped)
    assert fixture.engine.last.by_status
    fixture.engine.replies[-1].resolve({1: 2, 7: 3})
    assert reply.value.count == 5
    assert [(g.count, [v.data for v in g.group_values]) for g in reply.value.groups] == [
        (2, [b'"Running"']),
        (3, [b'"TimedOut"']),
    ]
    assert dict(reply.value.groups[0].group_values[0].metadata) == {
        "encoding": b"json/plain",
        "type": b"Keyword",
    }
    listed = ListWorkflowExecutionsRequest(namespace="default", query="GROUP BY ExecutionStatus")
    assert fixture.refusal(listed) == (
        "invalid query: operation is not supported: 'GROUP BY' clause"
    )


def older(kind: Any, **fields: Any) -> Any:
    return json_format.ParseDict({"namespace": "default", **fields}, kind())


def test_the_older_lists() -> None:
    fixture = Fixture()
    times = {"earliest_time": "1970-01-01T00:00:01Z", "latest_time": "1970-01-01T00:00:02Z"}
    fixture.call(
        older(
            ListOpenWorkflowExecutionsRequest,
            start_time_filter=times,
            type_filter={"name": "t"},
        )
    )
    runs = fixture.engine.last.filter
    assert (runs.statuses, runs.workflow_types) == ([1], ["t"])
    assert (runs.start_ns_min, runs.start_ns_max) == (SECOND_NS, 2 * SECOND_NS)
    fixture.call(
        older(
            ListClosedWorkflowExecutionsRequest,
            start_time_filter=times,
            status_filter={"status": 3},
        )
    )
    runs = fixture.engine.last.filter
    assert (runs.statuses, runs.excluded_statuses) == ([3], [1])
    assert (runs.close_ns_min, runs.close_ns_max) == (SECOND_NS, 2 * SECOND_NS)
    fixture.call(older(ListClosedWorkflowExecutionsRequest, execution_filter={"workflow_id": "w"}))
    assert fixture.engine.last.filter.workflow_ids == ["w"]


def test_refusals_of_the_older_lists() -> None:
    fixture = Fixture()
    backwards = {"earliest_time": "1970-01-01T00:00:02Z", "latest_time": "1970-01-01T00:00:01Z"}
    for kind in (ListOpenWorkflowExecutionsRequest, ListClosedWorkflowExecutionsRequest):
        assert fixture.refusal(older(kind, start_time_filter=backwards)) == (
            "EarliestTime in StartTimeFilter should not be larger than LatestTime."
        )
    running = older(ListClosedWorkflowExecutionsRequest, status_filter={"status": 1})
    assert fixture.refusal(running) == ("StatusFilter must be specified and must be not Running.")


@pytest.mark.parametrize(("asked", "given"), [(0, 256), (-5, 256), (7, 7), (257, 256)])
def test_pages_of_histories(asked: int, given: int) -> None:
    fixture = Fixture()
    execution = WorkflowExecution(workflow_id="w")
    for kind in (
        GetWorkflowExecutionHistoryRequest,
        GetWorkflowExecutionHistoryReverseRequest,
    ):
        fixture.call(kind(namespace="default", execution=execution, maximum_page_size=asked))
        assert fixture.engine.last.maximum_page_size == given


@pytest.mark.parametrize("token", [b"garbage", HistoryToken(run_id="r").SerializeToString()])
def test_bad_history_tokens(token: bytes) -> None:
    request = GetWorkflowExecutionHistoryRequest(namespace="default", next_page_token=token)
    request.execution.workflow_id = "w"
    assert Fixture().refusal(request) == "Invalid NextPageToken."


def test_namespaces_are_described_by_name_or_id() -> None:
    fixture = Fixture()
    by_name = fixture.call(DescribeNamespaceRequest(namespace="default")).value
    by_id = fixture.call(DescribeNamespaceRequest(id="id-of-default")).value
    assert by_name == by_id
    assert by_name.namespace_info.capabilities.eager_workflow_start
    assert by_name.namespace_info.capabilities.sync_update
    assert by_name.namespace_info.capabilities.worker_heartbeats
    assert by_name.namespace_info.capabilities.poller_autoscaling
    assert not by_name.namespace_info.capabilities.workflow_pause
    assert by_name.namespace_info.limits.blob_size_limit_error == 2 * 1024 * 1024
    assert isinstance(
        fixture.call(DescribeNamespaceRequest(namespace="none")).error, NamespaceNotFound
    )
    assert isinstance(fixture.call(DescribeNamespaceRequest(id="none")).error, NamespaceNotFound)


def test_pages_of_namespaces() -> None:
    fixture = Fixture()
    first = fixture.call(ListNamespacesRequest(page_size=1)).value
    assert [n.namespace_info.name for n in first.namespaces] == ["default"]
    token = first.next_page_token
    second = fixture.call(ListNamespacesRequest(page_size=1, next_page_token=token)).value
    assert [n.namespace_info.name for n in second.namespaces] == ["other"]
    assert second.next_page_token == b""
    assert fixture.refusal(ListNamespacesRequest(next_page_token=b"x")) == "Invalid NextPageToken."


def test_registering_and_changing_namespaces() -> None:
    fixture = Fixture()
    day = {"namespace": "new", "workflow_execution_retention_period": "86400s"}
    fixture.call(json_format.ParseDict(day, RegisterNamespaceRequest()))
    assert fixture.engine.submitted[0][0].key == 0
    short = {"namespace": "default", "config": {"workflow_execution_retention_ttl": "3599s"}}
    refused = fixture.refusal(json_format.ParseDict(short, UpdateNamespaceRequest()))
    assert refused == "A valid retention period is not set on request."
    reply = fixture.call(UpdateNamespaceRequest(namespace="default"))
    fixture.engine.replies[-1].resolve(UpdateNamespaceResponse().SerializeToString())
    assert reply.value.namespace_info.capabilities.eager_workflow_start


def test_what_the_server_says_of_itself() -> None:
    fixture = Fixture()
    info = fixture.call(GetSystemInfoRequest(), deadline_ns=0).value
    assert info.server_version == "1.31.2"
    assert {field.name for field, _ in info.capabilities.ListFields()} == {
        "signal_and_query_header",
        "internal_error_differentiation",
        "activity_failure_include_heartbeat",
        "supports_schedules",
        "encoded_failure_attributes",
        "upsert_memo",
        "eager_workflow_start",
        "sdk_metadata",
        "build_id_based_versioning",
        "count_group_by_execution_status",
    }
    cluster = fixture.call(GetClusterInfoRequest()).value
    assert (cluster.cluster_name, cluster.history_shard_count) == ("active", 1)
    keys = fixture.call(GetSearchAttributesRequest()).value.keys
    listed = fixture.call(ListSearchAttributesRequest(namespace="default")).value
    assert dict(listed.system_attributes).items() <= dict(keys).items()
    assert len(keys) == len(listed.system_attributes) + 28
    assert keys["WorkflowId"] == 2
    assert not listed.custom_attributes


def test_a_user_who_terminates_is_named() -> None:
    fixture = Fixture()
    request = TerminateWorkflowExecutionRequest(namespace="default")
    request.workflow_execution.workflow_id = "w"
    fixture.call(request)
    last = fixture.engine.last
    assert (last.reason, last.identity) == ("terminated by user via frontend", "frontend-service")


def test_descriptions_of_queues() -> None:
    fixture = Fixture()
    body: dict[str, Any] = {"namespace": "default", "task_queue": {"name": "/_sys/q/1"}}
    fixture.call(json_format.ParseDict(body, DescribeTaskQueueRequest()))
    assert fixture.engine.last.task_queue_type == 1
    assert list(fixture.engine.last.task_queue_types) == [1, 2]
    enhanced = json_format.ParseDict({**body, "api_mode": 1}, DescribeTaskQueueRequest())
    assert fixture.refusal(enhanced) == ("task queue name cannot start with reserved prefix /_sys/")
    enhanced.task_queue.name = "q"
    fixture.call(enhanced)
    enhanced.report_task_reachability = True
    assert isinstance(fixture.call(enhanced).error, Unimplemented)
    enhanced.task_queue.kind = 2
    assert fixture.refusal(enhanced).startswith("Enhanced DescribeTaskQueue is not valid")
