"""A store without space: the turn in hand is kept, new work is refused, reads and ends go on."""

from __future__ import annotations

import pytest
import temporalio.api.workflowservice.v1 as ws

from engine.rig import (
    Rig,
    complete,
    completed_request,
    poll_request,
    signal_request,
    start_request,
    timer,
)
from polyrhythm.base.errors import ResourceExhausted, StoreFull, Unavailable
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.engine.space import GRACE_NS, LOOK_NS


class Disk:
    """Fails so many commits for lack of space."""

    def __init__(self) -> None:
        self.fails = 0

    def before_commit(self, batch: object) -> None:
        if self.fails:
            self.fails -= 1
            raise StoreFull("no space left for shop.db")

    def after_commit(self, batch: object) -> None:
        pass


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    rig = Rig(faults=Disk())
    rig.call(start_request("before"))
    rig.space = False  # type: ignore[attr-defined]
    monkeypatch.setattr(rig.store, "find_space", lambda: rig.space)  # type: ignore[attr-defined]
    return rig


def terminate_request(workflow_id: str) -> ws.TerminateWorkflowExecutionRequest:
    request = ws.TerminateWorkflowExecutionRequest(namespace="default")
    request.workflow_execution.workflow_id = workflow_id
    return request


def fill(rig: Rig, fails: int = 1) -> None:
    rig.faults.fails = fails
    if fails == 1:
        rig.call(signal_request("before", "in hand"))
    else:
        with pytest.raises(Unavailable):
            rig.call(signal_request("before", "in hand"))


def test_the_turn_that_found_the_disk_full_is_kept(rig: Rig) -> None:
    fill(rig)
    assert rig.events("before").count("WORKFLOW_EXECUTION_SIGNALED") == 1
    with pytest.raises(ResourceExhausted, match="no space left") as caught:
        rig.call(start_request("after"))
    assert caught.value.cause == "PERSISTENCE_STORAGE_LIMIT"
    for request in (signal_request("before"), poll_request()):
        with pytest.raises(ResourceExhausted):
            rig.call(request)


def test_a_completion_is_refused_and_may_come_again(rig: Rig) -> None:
    token = rig.poll().task_token
    fill(rig)
    with pytest.raises(ResourceExhausted):
        rig.call(completed_request(token, complete()))
    rig.space = True  # type: ignore[attr-defined]
    rig.advance(LOOK_NS / SECOND_NS)
    # The signal came while the worker had the task: the completion is refused as ever.
    rig.call(completed_request(token, timer("t", 5)))
    assert rig.events("before")[-4:] == [
        "WORKFLOW_TASK_COMPLETED",
        "TIMER_STARTED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_TASK_SCHEDULED",
    ]


def test_runs_can_be_ended_and_deleted(rig: Rig) -> None:
    fill(rig)
    rig.call(terminate_request("before"))
    assert rig.events("before")[-1] == "WORKFLOW_EXECUTION_TERMINATED"
    request = ws.DeleteWorkflowExecutionRequest(namespace="default")
    request.workflow_execution.workflow_id = "before"
    rig.call(request)
    assert not rig.store.tables.runs


def test_a_turn_without_any_space_is_forgotten_and_its_run_taken_up_later(rig: Rig) -> None:
    fill(rig, fails=2)
    assert "WORKFLOW_EXECUTION_SIGNALED" not in rig.events("before")
    poll = rig.submit(poll_request())
    rig.turn()
    assert isinstance(poll.error, ResourceExhausted)
    rig.space = True  # type: ignore[attr-defined]
    rig.advance(LOOK_NS / SECOND_NS)
    assert rig.poll().workflow_execution.workflow_id == "before"


def test_nothing_falls_due_until_workers_have_had_a_moment(rig: Rig) -> None:
    rig.run_commands(timer("t", 10))
    fill(rig)
    rig.advance(60)
    assert "TIMER_FIRED" not in rig.events("before")
    rig.space = True  # type: ignore[attr-defined]
    rig.advance(LOOK_NS / SECOND_NS)
    assert "TIMER_FIRED" not in rig.events("before")
    assert rig.lane.next_ns() == rig.now_ns + GRACE_NS
    rig.advance(GRACE_NS / SECOND_NS)
    assert "TIMER_FIRED" in rig.events("before")


def test_a_full_lane_looks_for_space_by_itself(rig: Rig) -> None:
    fill(rig)
    rig.advance(0)
    assert rig.lane.next_ns() == rig.now_ns + LOOK_NS
