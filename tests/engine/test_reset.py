"""ResetWorkflowExecution through the lane: one commit, three runs, children that do not notice."""

from __future__ import annotations

import pytest
import temporalio.api.workflowservice.v1 as ws
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType

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
from polyrhythm.base.errors import InvalidArgument, NotFound, StoreError, Unavailable


class Failing:
    """Fails commits while told to."""

    failing = False

    def before_commit(self, _batch: object) -> None:
        if self.failing:
            raise StoreError("planned")

    def after_commit(self, _batch: object) -> None:
        pass


def reset_request(event_id: int, run_id: str = "", workflow_id: str = "w", request_id: str = "r"):
    request = ws.ResetWorkflowExecutionRequest(
        namespace="default",
        workflow_task_finish_event_id=event_id,
        reason="redo",
        request_id=request_id,
    )
    request.workflow_execution.workflow_id = workflow_id
    request.workflow_execution.run_id = run_id
    return request


def child(workflow_id: str = "c") -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION)
    attributes = command.start_child_workflow_execution_command_attributes
    attributes.workflow_id = workflow_id
    attributes.workflow_type.name = "type"
    attributes.task_queue.name = "cq"
    return command


def describe(rig: Rig, run_id: str = "", workflow_id: str = "w"):
    request = ws.DescribeWorkflowExecutionRequest(namespace="default")
    request.execution.workflow_id = workflow_id
    request.execution.run_id = run_id
    return rig.call(request)


def last_events(rig: Rig, count: int, workflow_id: str = "w") -> list[str]:
    return rig.events(workflow_id)[-count:]


def test_a_closed_run_goes_on_after_a_crash_too() -> None:
    rig = Rig()
    run_id = rig.call(start_request()).run_id
    rig.run_commands(timer("t", 100))
    rig.call(signal_request())
    rig.run_commands(complete())
    new_id = rig.call(reset_request(4)).run_id
    rig.crash()
    assert last_events(rig, 3) == [
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_TASK_SCHEDULED",
    ]
    assert describe(rig, run_id).workflow_extended_info.reset_run_id == new_id
    assert describe(rig).workflow_execution_info.first_run_id == run_id
    # The new run's log stands alone.
    request = ws.DeleteWorkflowExecutionRequest(namespace="default")
    request.workflow_execution.workflow_id = "w"
    request.workflow_execution.run_id = run_id
    rig.call(request)
    rig.crash()
    rig.run_commands(complete())
    assert last_events(rig, 1) == ["WORKFLOW_EXECUTION_COMPLETED"]


def test_an_open_run_ends_and_a_waiting_worker_gets_the_new_one() -> None:
    rig = Rig()
    run_id = rig.call(start_request()).run_id
    rig.run_commands(timer("t", 1))
    poll = rig.submit(poll_request())
    rig.turn()
    new_id = rig.call(reset_request(4)).run_id
    task = poll.value
    assert task.workflow_execution.run_id == new_id
    assert len(task.history.events) == 6
    assert task.previous_started_event_id == 0
    status = describe(rig, run_id).workflow_execution_info.status
    assert status == 5
    rig.advance(2)
    rig.call(completed_request(task.task_token, complete()))
    assert last_events(rig, 1) == ["WORKFLOW_EXECUTION_COMPLETED"]


def test_points_that_several_decisions_of_one_commit_divide() -> None:
    rig = Rig()
    polls = [rig.submit(poll_request()) for _ in range(2)]
    rig.turn()
    rig.call(start_request())
    # Start and Started were one commit; the reset run of event 3 is one commit with its task.
    new_id = rig.call(reset_request(3)).run_id
    assert polls[1].value.workflow_execution.run_id == new_id
    assert rig.events()[2:] == [
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
    ]
    rig.crash()
    for event_id in (2, 5):
        with pytest.raises(InvalidArgument, match="must be at the boundary"):
            rig.call(reset_request(event_id))
    assert rig.call(reset_request(6)).run_id != new_id


def test_signals_and_resets_of_one_turn() -> None:
    rig = Rig()
    rig.call(start_request())
    signals = [rig.submit(signal_request(name=name)) for name in "ab"]
    replies = [rig.submit(reset_request(4)), rig.submit(reset_request(3, request_id="other"))]
    rig.turn()
    assert all(reply.error is None for reply in (*signals, *replies))
    assert rig.events()[2:] == [
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_TASK_SCHEDULED",
    ]
    assert describe(rig).workflow_execution_info.execution.run_id == replies[1].value.run_id


def test_pending_activities_are_handed_out_again() -> None:
    rig = Rig()
    rig.call(start_request())
    rig.run_commands(activity("a"))
    first = rig.call(poll_activity_request())
    rig.call(signal_request())
    rig.poll()
    new_id = rig.call(reset_request(8)).run_id
    again = rig.call(poll_activity_request())
    assert again.workflow_execution.run_id == new_id
    assert again.attempt == 1
    answer = ws.RespondActivityTaskCompletedRequest(namespace="default")
    answer.task_token = first.task_token
    with pytest.raises(NotFound):
        rig.call(answer)
    answer.task_token = again.task_token
    rig.call(answer)
    assert rig.events().count("ACTIVITY_TASK_COMPLETED") == 1


def test_an_older_run_is_reset_and_the_current_one_ends() -> None:
    rig = Rig()
    run_id = rig.call(start_request()).run_id
    rig.run_commands(complete())
    request = start_request()
    request.request_id = "second"
    second_id = rig.call(request).run_id
    new_id = rig.call(reset_request(4, run_id)).run_id
    assert describe(rig).workflow_execution_info.execution.run_id == new_id
    ended = describe(rig, second_id)
    assert ended.workflow_execution_info.status == 5
    assert not ended.workflow_extended_info.reset_run_id
    assert describe(rig, run_id).workflow_extended_info.reset_run_id == new_id


def test_nothing_is_changed_by_a_refusal_or_a_failed_commit() -> None:
    faults = Failing()
    rig = Rig(faults=faults)
    rig.call(start_request())
    rig.poll()
    before = rig.events()
    with pytest.raises(InvalidArgument):
        rig.call(reset_request(2))
    with pytest.raises(NotFound):
        rig.call(reset_request(3, "11111111-2222-4333-8444-555555555555"))
    faults.failing = True
    with pytest.raises(Unavailable):
        rig.call(reset_request(3))
    faults.failing = False
    rig.turn()
    assert rig.events() == before
    assert describe(rig).workflow_execution_info.status == 1


def test_the_start_s_request_id_answers_with_the_current_run() -> None:
    rig = Rig()
    rig.call(start_request())
    rig.poll()
    new_id = rig.call(reset_request(3)).run_id
    assert rig.call(reset_request(3, request_id="start-w")).run_id == new_id
    assert rig.call(start_request()).run_id == new_id


def test_a_child_tells_the_run_that_its_parent_was_reset_to() -> None:
    rig = Rig()
    rig.call(start_request())
    rig.run_commands(child())
    rig.call(signal_request())
    assert "CHILD_WORKFLOW_EXECUTION_STARTED" in rig.events()
    rig.poll()
    events = rig.events()
    rig.call(reset_request(len(events)))
    assert describe(rig, workflow_id="c").workflow_execution_info.status == 1
    rig.run_commands(complete(), queue="cq")
    assert "CHILD_WORKFLOW_EXECUTION_COMPLETED" in rig.events()


def test_a_reset_behind_the_start_of_a_child_finds_it_again() -> None:
    rig = Rig()
    rig.call(start_request())
    task = rig.poll()
    request = completed_request(task.task_token, child())
    request.force_create_new_workflow_task = True
    rig.call(request)
    started = describe(rig, workflow_id="c").workflow_execution_info.execution.run_id
    names = rig.events()
    initiated = names.index("START_CHILD_WORKFLOW_EXECUTION_INITIATED") + 1
    assert names[initiated] == "WORKFLOW_TASK_SCHEDULED"
    rig.call(reset_request(initiated + 2))
    found = describe(rig, workflow_id="c").workflow_execution_info
    assert (found.execution.run_id, found.status) == (started, 1)
    assert rig.events().count("CHILD_WORKFLOW_EXECUTION_STARTED") == 1
    rig.run_commands(complete(), queue="cq")
    assert last_events(rig, 2)[-1] == "CHILD_WORKFLOW_EXECUTION_COMPLETED"
