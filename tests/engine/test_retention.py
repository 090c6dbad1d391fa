"""Closed runs are deleted when their namespace keeps them no longer, a few in each turn."""

from __future__ import annotations

import pytest
import temporalio.api.workflowservice.v1 as ws

from engine.rig import Rig, complete, start_request
from polyrhythm.base.errors import NotFound, StoreError
from polyrhythm.base.limits import DAY_NS, MINUTE_NS, SECOND_NS, Limits
from polyrhythm.stores.port import Batch, RunFilter

DAY_S = DAY_NS // SECOND_NS


def close(rig: Rig, *workflow_ids: str) -> None:
    for workflow_id in workflow_ids:
        rig.call(start_request(workflow_id))
        rig.run_commands(complete())


def kept(rig: Rig) -> list[str]:
    return sorted(row.workflow_id for row in rig.store.list_runs(RunFilter(1)))


def describe(rig: Rig, workflow_id: str) -> ws.DescribeWorkflowExecutionResponse:
    request = ws.DescribeWorkflowExecutionRequest(namespace="default")
    request.execution.workflow_id = workflow_id
    return rig.call(request)


def test_closed_runs_go_after_a_day_and_open_ones_stay() -> None:
    rig = Rig()
    close(rig, "old")
    rig.call(start_request("open", "other"))
    rig.advance(3600)
    close(rig, "young")
    rig.advance(DAY_S - 3600 - 1)
    assert kept(rig) == ["old", "open", "young"]
    rig.advance(1 + rig.limits.retention_scan_ns / SECOND_NS)
    assert kept(rig) == ["open", "young"]
    with pytest.raises(NotFound, match="workflow not found for ID: old"):
        describe(rig, "old")
    rig.advance(3600)
    assert kept(rig) == ["open"]
    assert rig.store.tables.logs.keys() == {2}


def test_each_turn_deletes_a_few_the_earliest_closed_first() -> None:
    rig = Rig(Limits(retention_runs_max=3))
    for number in range(8):
        close(rig, f"w{number}")
        rig.now_ns += SECOND_NS
    rig.now_ns += 2 * DAY_NS
    left = []
    while kept(rig):
        assert rig.lane.next_ns() <= rig.now_ns
        rig.turn()
        left.append(kept(rig))
    assert left == [["w3", "w4", "w5", "w6", "w7"], ["w6", "w7"], []]
    rig.turn()
    assert rig.lane.next_ns() > rig.now_ns


def test_the_lane_wakes_by_itself_to_look() -> None:
    rig = Rig()
    rig.turn()
    assert 0 < rig.lane.next_ns() - rig.now_ns <= rig.limits.retention_scan_ns == 5 * MINUTE_NS


def test_a_new_run_of_an_id_outlives_its_predecessor() -> None:
    rig = Rig()
    close(rig, "w")
    rig.advance(DAY_S - 10)
    again = start_request("w", "other")
    again.request_id = "another"
    rig.call(again)
    rig.advance(3600)
    assert describe(rig, "w").workflow_execution_info.status == 1
    assert len(kept(rig)) == 1


def test_retention_is_the_namespace_s_own_and_may_change() -> None:
    rig = Rig()
    request = ws.RegisterNamespaceRequest(namespace="brief")
    request.workflow_execution_retention_period.seconds = 3600
    rig.call(request)
    close(rig, "w")
    change = ws.UpdateNamespaceRequest(namespace="default")
    change.config.workflow_execution_retention_ttl.seconds = 10 * DAY_S
    rig.call(change)
    rig.advance(5 * DAY_S)
    assert kept(rig) == ["w"]
    change.config.workflow_execution_retention_ttl.seconds = 3600
    rig.call(change)
    rig.advance(600)
    assert kept(rig) == []


def test_a_deletion_that_was_not_committed_is_made_again() -> None:
    class OneFault:
        armed = False

        def before_commit(self, batch: Batch) -> None:
            if self.armed and batch.deleted_runs:
                self.armed = False
                raise StoreError("a full disk")

        def after_commit(self, batch: Batch) -> None:
            pass

    fault = OneFault()
    rig = Rig(faults=fault)
    close(rig, "w")
    fault.armed = True
    rig.now_ns += 2 * DAY_NS
    rig.turn()
    assert kept(rig) == ["w"]
    assert describe(rig, "w").workflow_execution_info.status == 2
    rig.advance(600)
    assert kept(rig) == []


def test_many_namespaces_are_looked_at_a_stretch_a_turn() -> None:
    rig = Rig()
    for number in range(150):
        request = ws.RegisterNamespaceRequest(namespace=f"space-{number}")
        request.workflow_execution_retention_period.seconds = 3600
        rig.call(request)
    close(rig, "w")
    rig.advance(2 * DAY_S)
    assert rig.lane.next_ns() <= rig.now_ns
    rig.turn()
    assert rig.lane.next_ns() > rig.now_ns
    assert kept(rig) == []
