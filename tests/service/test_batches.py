"""What a batch operation means before it begins: refused, or narrowed to the runs it can change."""

from __future__ import annotations

from typing import Any

import pytest
import temporalio.api.workflowservice.v1 as ws
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.batch.v1 import (
    BatchOperationSignal,
    BatchOperationTermination,
    BatchOperationUnpauseActivities,
    BatchOperationUpdateWorkflowExecutionOptions,
)
from temporalio.api.workflow.v1 import WorkflowExecutionOptions

from polyrhythm.access.identity import anonymous
from polyrhythm.base.conditions import Compare, conjuncts
from polyrhythm.base.errors import InvalidArgument
from service.fakes import MINUTE_NS, NOW_NS, Fixture

METHOD = "/temporal.api.workflowservice.v1.WorkflowService/StartBatchOperation"
TERMINATE = {"termination_operation": BatchOperationTermination(identity="op")}


def begin(fixture: Fixture, **fields: Any) -> Any:
    request = ws.StartBatchOperationRequest(
        namespace="default", job_id="job", reason="why", **fields
    )
    return fixture.service.call(METHOD, request, anonymous(), NOW_NS + MINUTE_NS)


def submitted(fixture: Fixture) -> Any:
    [(_, begun, _)] = fixture.engine.submitted
    return begun


def test_operations_on_open_runs_do_not_mean_closed_ones():
    fixture = Fixture()
    begin(fixture, visibility_query="WorkflowType = 'a' OR WorkflowType = 'b'", **TERMINATE)
    assert Compare("status", "=", 1) in conjuncts(submitted(fixture).filter.condition)


def test_activities_of_a_type_are_unpaused_where_the_query_holds_too():
    fixture = Fixture()
    unpause = BatchOperationUnpauseActivities(identity="op", type="it's")
    begin(fixture, visibility_query="WorkflowId = 'x'", unpause_activities_operation=unpause)
    told = repr(submitted(fixture).filter)
    assert "property:activitytype=it's" in told.lower()
    assert "'x'" in told


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"visibility_query": "Nobody = 1", **TERMINATE}, "Nobody"),
        ({"visibility_query": "WorkflowId = 'x') OR (1 = 1", **TERMINATE}, "syntax error"),
        ({"visibility_query": "WorkflowId = 'x' ORDER BY StartTime", **TERMINATE}, "condition"),
        (
            {"visibility_query": "WorkflowId = 'x'", "signal_operation": BatchOperationSignal()},
            "must provide signal name",
        ),
        (
            {
                "visibility_query": "WorkflowId = 'x'",
                "update_workflow_options_operation": BatchOperationUpdateWorkflowExecutionOptions(
                    workflow_execution_options=WorkflowExecutionOptions(),
                    update_mask=FieldMask(paths=["nothing"]),
                ),
            },
            "invalid path",
        ),
    ],
)
def test_what_could_succeed_for_no_run_is_refused(fields, words):
    fixture = Fixture()
    reply = begin(fixture, **fields)
    assert isinstance(reply.error, InvalidArgument)
    assert words in reply.error.message
    assert not fixture.engine.submitted


def test_a_query_and_a_list_at_once_are_refused():
    fixture = Fixture()
    request = ws.StartBatchOperationRequest(
        namespace="default", job_id="j", reason="r", visibility_query="WorkflowId = 'x'"
    )
    request.termination_operation.identity = "op"
    request.executions.add(workflow_id="w")
    reply = fixture.service.call(METHOD, request, anonymous(), NOW_NS + MINUTE_NS)
    assert isinstance(reply.error, InvalidArgument)
