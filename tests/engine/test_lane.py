"""The lane's turn: nothing leaves before its commit, a failed commit loses and doubles nothing."""

from __future__ import annotations

import pytest
import temporalio.api.workflowservice.v1 as ws

from engine.rig import (
    Rig,
    activity,
    complete,
    completed_request,
    poll_activity_request,
    poll_request,
    signal_request,
    start_request,
    timer,
)
from polyrhythm.base.errors import LaneLost, NotFound, StoreError, Unavailable


class Failing:
    """Fails the next commits: before or after they are written."""

    def __init__(self) -> None:
        self.before = 0
        self.after = 0

    def before_commit(self, _batch: object) -> None:
        if self.before:
            self.before -= 1
            raise StoreError("planned")

    def after_commit(self, _batch: object) -> None:
        if self.after:
            self.after -= 1
            raise StoreError("planned")


def test_a_workflow_of_one_activity() -> None:
    rig = Rig()
    rig.call(start_request())
    rig.run_commands(activity("a"))
    task = rig.call(poll_activity_request())
    rig.call(
        ws.RespondActivityTaskCompletedRequest(namespace="default", task_token=task.task_token)
    )
    rig.run_commands(complete())
    assert rig.events() == [
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_COMPLETED",
        "ACTIVITY_TASK_SCHEDULED",
        "ACTIVITY_TASK_STARTED",
        "ACTIVITY_TASK_COMPLETED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_COMPLETED",
        "WORKFLOW_EXECUTION_COMPLETED",
    ]


def test_an_offer_meets_a_parked_poll_in_the_same_commit() -> None:
    rig = Rig()
    poll = rig.submit(poll_request())
    rig.turn()
    assert not poll.done
    rig.call(start_request())
    assert poll.value.started_event_id == 3
    run = rig.store.load_run(1, 0)
    assert run is not None
    assert [row.event_count for row in run.log] == [3]


def test_an_answer_waits_for_its_commit() -> None:
    rig = Rig()
    reply = rig.submit(start_request())
    progress = rig.lane.begin(rig.now_ns)
    while rig.lane.decide(progress):
        pass
    assert not reply.done
    rig.lane.commit(progress)
    assert not reply.done
    rig.lane.perform(progress)
    assert reply.value.started


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_failed_commit_of_a_start(when: str) -> None:
    faults = Failing()
    rig = Rig(faults=faults)
    setattr(faults, when, 1)
    with pytest.raises(Unavailable):
        rig.call(start_request())
    rig.turn()
    again = rig.call(start_request())
    assert again.started
    assert rig.poll().started_event_id == 3
    assert rig.store.run_key_last() >= 1
    assert rig.events().count("WORKFLOW_EXECUTION_STARTED") == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_failed_commit_of_a_poll_hands_the_task_out_once(when: str) -> None:
    faults = Failing()
    rig = Rig(faults=faults)
    rig.call(start_request())
    setattr(faults, when, 1)
    with pytest.raises(Unavailable):
        rig.poll()
    rig.turn()
    if when == "before":
        assert rig.poll().attempt == 1
    else:
        # The start is in the log and its worker was never told: the task has to time out.
        reply = rig.submit(poll_request())
        rig.turn()
        assert not reply.done
        rig.advance(11)
        assert reply.value.attempt == 2


def test_a_crash_loses_no_work_and_no_timer() -> None:
    rig = Rig()
    rig.call(start_request("w"))
    rig.run_commands(timer("t", 60), activity("a", "other"))
    rig.call(start_request("v"))
    rig.crash()
    assert rig.poll().workflow_execution.workflow_id == "v"
    assert rig.call(poll_activity_request("other")).activity_id == "a"
    rig.crash()
    rig.advance(61)
    assert "TIMER_FIRED" in rig.events("w")


def test_a_lost_lane_refuses_everything() -> None:
    rig = Rig()
    rig.call(start_request())
    waiting = rig.submit(poll_request("nobody"))
    rig.turn()
    rig.store.claim_lane(0, "another", "")
    with pytest.raises(Unavailable):
        rig.call(signal_request())
    assert rig.lane.lost
    assert isinstance(waiting.error, Unavailable)
    late = rig.submit(signal_request())
    assert isinstance(late.error, Unavailable)


def test_our_own_fault_answers_and_leaves_the_state_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    rig.call(start_request())
    handlers = "polyrhythm.core.decide.signal.write_signal"

    def broken(decision: object, *_: object) -> None:
        raise AssertionError("planned")

    with monkeypatch.context() as patch:
        patch.setattr(handlers, broken)
        with pytest.raises(Exception, match="internal error"):
            rig.call(signal_request())
    rig.call(signal_request())
    assert rig.events().count("WORKFLOW_EXECUTION_SIGNALED") == 1


def test_a_history_long_poll_is_answered_by_the_commit_that_changes_the_run() -> None:
    rig = Rig()
    rig.call(start_request())
    request = ws.GetWorkflowExecutionHistoryRequest(namespace="default", wait_new_event=True)
    request.execution.workflow_id = "w"
    first = rig.call(request)
    assert [event.event_id for event in first.history.events] == [1, 2]
    request.next_page_token = first.next_page_token
    reply = rig.submit(request)
    rig.turn()
    assert not reply.done
    rig.call(signal_request())
    assert [event.event_id for event in reply.value.history.events] == [3]
    reply = rig.submit(request)
    rig.advance(0)
    assert reply.done
    request.next_page_token = reply.value.next_page_token
    reply = rig.submit(request)
    rig.turn()
    rig.advance(21)
    assert not reply.value.history.events
    assert reply.value.next_page_token


def test_a_deleted_run_is_gone_for_its_waiters() -> None:
    rig = Rig()
    rig.call(start_request())
    request = ws.GetWorkflowExecutionHistoryRequest(namespace="default", wait_new_event=True)
    request.execution.workflow_id = "w"
    request.history_event_filter_type = 2  # type: ignore[assignment]
    waiting = rig.submit(request)
    rig.turn()
    delete = ws.DeleteWorkflowExecutionRequest(namespace="default")
    delete.workflow_execution.workflow_id = "w"
    rig.call(delete)
    assert isinstance(waiting.error, NotFound)
    with pytest.raises(NotFound):
        rig.events()


def test_a_stale_token_is_refused_after_a_crash() -> None:
    rig = Rig()
    rig.call(start_request())
    token = rig.poll().task_token
    rig.call(completed_request(token, timer("t", 5)))
    rig.crash()
    with pytest.raises(NotFound, match="Workflow task not found"):
        rig.call(completed_request(token, complete()))


def test_a_lane_lost_error_is_a_store_error() -> None:
    assert issubclass(LaneLost, StoreError)


def test_every_decision_of_a_commit_counts_as_a_transition() -> None:
    def count(rig: Rig) -> int:
        request = ws.DescribeWorkflowExecutionRequest(namespace="default")
        request.execution.workflow_id = "w"
        told = rig.call(request).workflow_execution_info.state_transition_count
        return int(told)

    rig = Rig()
    rig.submit(poll_request("q"), 60)
    rig.turn()
    rig.call(start_request())
    assert count(rig) == 2
    rig.crash()
    assert count(rig) == 2
