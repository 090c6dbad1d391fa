"""Batch operations over a real lane: every run is handled once, whatever happens half way."""

from __future__ import annotations

from typing import Any

import pytest
import temporalio.api.workflowservice.v1 as ws
from temporalio.api.batch.v1 import (
    BatchOperationDeletion,
    BatchOperationReset,
    BatchOperationResetActivities,
    BatchOperationSignal,
    BatchOperationTermination,
)
from temporalio.api.common.v1 import ResetOptions
from temporalio.api.enums.v1 import BatchOperationState, BatchOperationType

from engine.rig import (
    Rig,
    activity,
    complete,
    completed_request,
    signal_request,
    start_request,
    timer,
)
from polyrhythm.base.errors import AlreadyStarted, NotFound, ResourceExhausted
from polyrhythm.base.limits import Limits
from polyrhythm.core.decide import signal as signals
from polyrhythm.engine.calls import BeginBatch
from polyrhythm.engine.filter import RunFilter
from polyrhythm.engine.filter_bytes import decode_filter, encode_filter
from polyrhythm.stores.sqlite.store import SqliteStore

RUNNING = BatchOperationState.BATCH_OPERATION_STATE_RUNNING
COMPLETED = BatchOperationState.BATCH_OPERATION_STATE_COMPLETED
FAILED = BatchOperationState.BATCH_OPERATION_STATE_FAILED
SIGNAL = {"signal_operation": BatchOperationSignal(signal="batched", identity="op")}
TERMINATE = {"termination_operation": BatchOperationTermination(identity="op")}


def begin(*listed: str, job_id: str = "job", open_only: bool = True, **fields: Any) -> BeginBatch:
    """A job over these workflows, or over all runs when none is named."""
    fields = fields or SIGNAL
    request = ws.StartBatchOperationRequest(
        namespace="default", job_id=job_id, reason="why", **fields
    )
    kind = BatchOperationType.BATCH_OPERATION_TYPE_SIGNAL
    for workflow_id in listed:
        request.executions.add(workflow_id=workflow_id)
    wanted = None if listed else RunFilter(1, statuses=[1] if open_only else None)
    return BeginBatch(request, kind, "op", wanted)


def describe(rig: Rig, job_id: str = "job") -> Any:
    return rig.call(ws.DescribeBatchOperationRequest(namespace="default", job_id=job_id))


def populate(rig: Rig, count: int) -> list[str]:
    names = [f"w{number}" for number in range(count)]
    for name in names:
        rig.submit(start_request(name))
    rig.turn()
    return names


def batched(rig: Rig, name: str) -> int:
    """How many signals of jobs a workflow has got."""
    request = ws.GetWorkflowExecutionHistoryRequest(namespace="default")
    request.execution.workflow_id = name
    events = rig.call(request).history.events
    return sum(
        event.workflow_execution_signaled_event_attributes.signal_name == "batched"
        for event in events
    )


def finish(rig: Rig, turns: int = 400) -> Any:
    for _ in range(turns):
        found = describe(rig)
        if found.state != RUNNING:
            return found
        rig.advance(0.1)
    raise AssertionError("the job is never over")


def counts(found: Any) -> tuple[int, int, int]:
    return (
        found.total_operation_count,
        found.complete_operation_count,
        found.failure_operation_count,
    )


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    if request.param == "memory":
        return None
    return SqliteStore(tmp_path / "batch.db")


def test_all_runs_of_a_query_are_handled_once_in_bounded_steps(store):
    rig = Rig(Limits(batch_step_runs=3, batch_step_rows=5), store=store)
    names = populate(rig, 20)
    rig.call(begin())
    late = "late"
    rig.call(start_request(late))
    first = describe(rig)
    assert (first.state, first.total_operation_count) == (RUNNING, 20)
    assert 0 < first.complete_operation_count <= 3
    assert counts(finish(rig)) == (20, 20, 0)
    assert [batched(rig, name) for name in names] == [1] * 20
    assert batched(rig, late) == 0


@pytest.mark.parametrize("snapshot_rows", [1, 256])
def test_a_crash_half_way_neither_loses_nor_repeats_a_run(snapshot_rows):
    rig = Rig(Limits(batch_step_runs=2, snapshot_rows=snapshot_rows))
    names = populate(rig, 9)
    rig.call(begin())
    for _ in range(8):
        rig.advance(0.01)
        rig.crash()
    assert counts(finish(rig)) == (9, 9, 0)
    assert [batched(rig, name) for name in names] == [1] * 9


def test_operations_are_spread_over_time_at_the_rate_that_is_asked_for():
    rig = Rig()
    populate(rig, 10)
    rig.call(begin(max_operations_per_second=2, **SIGNAL))
    done = []
    for _ in range(4):
        rig.advance(0.5)
        done.append(describe(rig).complete_operation_count)
    assert done == [1, 2, 3, 4]


def test_a_list_of_executions_counts_what_is_closed_or_unknown_as_done():
    rig = Rig()
    populate(rig, 2)
    token = rig.poll().task_token
    rig.call(completed_request(token, complete()))
    rig.call(begin("w0", "w1", "nobody"))
    assert counts(finish(rig)) == (3, 3, 0)
    assert (batched(rig, "w0"), batched(rig, "w1")) == (0, 1)


def test_runs_that_end_under_the_job_s_hands_are_met_once(store):
    # Terminated runs move to another place of a list: a walk by key does not meet them again.
    rig = Rig(Limits(batch_step_runs=2), store=store)
    populate(rig, 7)
    for _ in range(7):
        rig.run_commands(timer("t", 1000))
    first_task = BatchOperationReset(identity="op", reset_type=1)
    rig.call(begin(open_only=False, reset_operation=first_task))
    assert counts(finish(rig)) == (7, 7, 0)
    runs = rig.store.list_runs(RunFilter(1))
    assert len(runs) == 14
    assert sum(not row.close_ns for row in runs) == 7


def test_runs_are_reset_to_where_they_met_a_build():
    rig = Rig()
    populate(rig, 2)
    for build_id in ("good", "bad"):
        for _ in range(2):
            answer = completed_request(rig.poll().task_token)
            answer.worker_version_stamp.build_id = build_id
            rig.call(answer)
        for name in ("w0", "w1"):
            rig.call(signal_request(name))
    token = rig.poll().task_token
    rig.call(completed_request(token, complete()))
    options = ResetOptions(build_id="bad", reset_reapply_exclude_types=[1])
    rig.call(begin("w0", reset_operation=BatchOperationReset(identity="op", options=options)))
    assert counts(finish(rig)) == (1, 1, 0)
    # Up to the signal before the first task of that build, which comes anew.
    assert rig.events("w0")[4:8] == [
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_FAILED",
    ]
    options.build_id = "unknown"
    rig.call(begin("w1", job_id="second", reset_operation=BatchOperationReset(options=options)))
    rig.advance(1)
    assert counts(describe(rig, "second")) == (1, 0, 1)


def test_deletions_leave_nothing(store):
    rig = Rig(Limits(batch_step_runs=2), store=store)
    populate(rig, 5)
    rig.call(begin(open_only=False, deletion_operation=BatchOperationDeletion(identity="op")))
    assert counts(finish(rig)) == (5, 5, 0)
    assert rig.store.list_runs(RunFilter(1)) == []


def test_a_reset_of_activities_leaves_out_what_the_call_for_one_run_does_not_know():
    # Their numbers of attempts start anew in any case.
    rig = Rig()
    rig.call(start_request("w0"))
    rig.run_commands(activity("a"))
    asked = BatchOperationResetActivities(
        identity="op", match_all=True, reset_attempts=True, reset_heartbeat=True
    )
    rig.call(begin("w0", reset_activities_operation=asked))
    assert counts(finish(rig)) == (1, 1, 0)


def test_a_stopped_job_does_nothing_more():
    rig = Rig(Limits(batch_step_runs=1))
    names = populate(rig, 6)
    rig.call(begin(**TERMINATE))
    rig.advance(0.1)
    done = describe(rig).complete_operation_count
    assert 0 < done < 6
    stop = ws.StopBatchOperationRequest(namespace="default", job_id="job", reason="enough")
    rig.call(stop)
    rig.advance(10)
    found = describe(rig)
    assert (found.state, counts(found)) == (FAILED, (6, done, 0))
    assert found.HasField("close_time")
    assert len(rig.store.list_runs(RunFilter(1, statuses=[1]))) == len(names) - done
    with pytest.raises(NotFound, match="already completed"):
        rig.call(stop)


def test_one_job_of_a_namespace_is_at_work_and_a_job_id_is_used_once():
    rig = Rig()
    populate(rig, 1)
    rig.call(begin())
    with pytest.raises(ResourceExhausted):
        rig.call(begin(job_id="second"))
    assert finish(rig).state == COMPLETED
    with pytest.raises(AlreadyStarted, match="reject duplicate"):
        rig.call(begin())
    rig.call(begin(job_id="second"))
    with pytest.raises(NotFound, match="workflow not found for ID: third"):
        describe(rig, "third")


def test_a_run_that_cannot_take_it_now_is_tried_again_behind_the_others(monkeypatch):
    rig = Rig()
    names = populate(rig, 3)
    check = signals.check_signal
    refusals = []

    def closing(state: Any, context: Any) -> None:
        if state.workflow_id == "w0" and len(refusals) < 3:
            refusals.append(context.now_ns)
            raise ResourceExhausted("workflow is closing", "BUSY_WORKFLOW")
        check(state, context)

    monkeypatch.setattr(signals, "check_signal", closing)
    rig.call(begin())
    assert counts(finish(rig)) == (3, 3, 0)
    assert len(refusals) == 3
    assert refusals[2] - refusals[1] >= 1_000_000_000
    assert [batched(rig, name) for name in names] == [1] * 3


def test_a_run_that_never_takes_it_fails_in_the_end(monkeypatch):
    rig = Rig()
    populate(rig, 2)

    def busy(state: Any, context: Any) -> None:
        raise ResourceExhausted("workflow is closing", "BUSY_WORKFLOW")

    monkeypatch.setattr(signals, "check_signal", busy)
    rig.call(begin())
    assert counts(finish(rig, 1000)) == (2, 0, 2)


def test_our_own_fault_with_one_run_fails_that_one_alone(monkeypatch):
    rig = Rig()
    names = populate(rig, 3)
    check = signals.check_signal

    def broken(state: Any, context: Any) -> None:
        assert state.workflow_id != "w1"
        check(state, context)

    monkeypatch.setattr(signals, "check_signal", broken)
    rig.call(begin())
    assert counts(finish(rig)) == (3, 2, 1)
    monkeypatch.undo()
    assert [batched(rig, name) for name in names] == [1, 0, 1]
    rig.call(signal_request("w1"))


def test_a_job_is_deleted_after_its_namespace_s_retention():
    rig = Rig()
    populate(rig, 1)
    rig.call(begin())
    finish(rig)
    rig.advance(2 * 24 * 3600)
    with pytest.raises(NotFound):
        describe(rig)


def test_a_filter_comes_back_from_its_bytes():
    wanted = RunFilter(3, workflow_ids=["a", "b"], excluded_statuses=[1], start_ns_min=5)
    assert decode_filter(encode_filter(wanted)) == wanted
