"""Work that a worker inside a process had in hand is given out again when another process takes
the runs up; that of workers elsewhere, and of this process, waits for its timeout."""

from __future__ import annotations

import pytest
import temporalio.api.workflowservice.v1 as ws

from engine.rig import Rig, activity, complete, poll_activity_request, start_request
from engine.test_residents import Scripted, finish, house
from polyrhythm.engine import residents


def silent() -> Scripted:
    """A worker that keeps workflow tasks in hand."""
    worker = Scripted()
    worker.activate = lambda task: None
    return worker


@pytest.fixture
def other_process(monkeypatch):
    """What makes this another process."""
    return lambda: monkeypatch.setattr(residents, "_SEED", "another")


def test_a_workflow_task_of_a_process_that_ended_is_given_out_again(other_process):
    rig = Rig()
    house(rig, silent())
    rig.call(start_request())
    assert rig.events()[-1] == "WORKFLOW_TASK_STARTED"
    other_process()
    rig.crash()
    worker = Scripted([complete()])
    house(rig, worker)
    rig.turn()
    assert [task.attempt for task in worker.tasks] == [2]
    assert "WORKFLOW_TASK_TIMED_OUT" in rig.events()
    assert rig.events()[-1] == "WORKFLOW_EXECUTION_COMPLETED"


def test_a_later_attempt_of_a_workflow_task_too(other_process):
    rig = Rig()
    house(rig, silent())
    rig.call(start_request())
    rig.advance(10)
    other_process()
    rig.crash()
    worker = Scripted([complete()])
    house(rig, worker)
    rig.turn()
    assert [task.attempt for task in worker.tasks] == [3]


def test_an_attempt_of_a_process_that_ended_is_followed_by_the_next(other_process):
    rig = Rig()
    house(rig, Scripted([activity("a"), activity("b")], [], [complete()]))
    rig.call(start_request())
    other_process()
    rig.crash()
    worker = Scripted([], [complete()])
    house(rig, worker)
    rig.turn()
    assert not worker.attempts, "the retry policy has a wait between attempts"
    rig.advance(1)
    assert [(one.activity_id, one.attempt) for one in worker.attempts] == [("a", 2), ("b", 2)]
    finish(rig, worker)
    finish(rig, worker)
    assert rig.events()[-1] == "WORKFLOW_EXECUTION_COMPLETED"


def test_attempts_in_hand_elsewhere_stay_there(other_process):
    rig = Rig()
    rig.call(start_request())
    rig.run_commands(activity("a"))
    polled = rig.call(poll_activity_request())
    other_process()
    rig.crash()
    rig.turn()
    rig.call(
        ws.RespondActivityTaskCompletedRequest(namespace="default", task_token=polled.task_token)
    )
    assert "ACTIVITY_TASK_COMPLETED" in rig.events()


def test_attempts_of_this_process_stay_with_it():
    rig = Rig()
    worker = Scripted([activity("a")], [complete()])
    house(rig, worker)
    rig.call(start_request())
    rig.crash()
    house(rig, worker)
    rig.turn()
    worker.held.clear()
    finish(rig, worker)
    assert rig.events()[-1] == "WORKFLOW_EXECUTION_COMPLETED"
