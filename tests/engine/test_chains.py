"""Chains through the lane: the next run is there with the close, whatever fails."""

from __future__ import annotations

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType, HistoryEventFilterType, WorkflowExecutionStatus

from engine.rig import Rig, complete, poll_request, signal_request, start_request
from polyrhythm.base.errors import StoreError

_RUNNING = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING


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


def continue_as_new() -> Command:
    kind = CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION
    command = Command(command_type=kind)
    command.continue_as_new_workflow_execution_command_attributes.SetInParent()
    return command


def describe(rig: Rig, run_id: str = "") -> ws.DescribeWorkflowExecutionResponse:
    request = ws.DescribeWorkflowExecutionRequest(namespace="default")
    request.execution.workflow_id, request.execution.run_id = "w", run_id
    return rig.call(request)


def status(rig: Rig, run_id: str = "") -> int:
    return describe(rig, run_id).workflow_execution_info.status


def test_the_next_run_is_the_newest_of_its_id() -> None:
    rig = Rig()
    first = rig.call(start_request()).run_id
    rig.run_commands(continue_as_new())
    info = describe(rig).workflow_execution_info
    assert (info.status, info.first_run_id) == (_RUNNING, first)
    assert info.execution.run_id != first
    assert rig.events() == ["WORKFLOW_EXECUTION_STARTED"]
    rig.call(signal_request())
    waiting = rig.submit(poll_request())
    rig.advance(1)
    assert waiting.value.workflow_execution.run_id == info.execution.run_id
    rig.call(
        ws.RespondWorkflowTaskCompletedRequest(
            namespace="default", task_token=waiting.value.task_token, commands=[complete()]
        )
    )
    assert rig.events()[1] == "WORKFLOW_EXECUTION_SIGNALED"
    assert status(rig) == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED
    assert status(rig, first) == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW


def test_who_waits_for_the_end_of_a_run_learns_of_the_next() -> None:
    rig = Rig()
    rig.call(start_request())
    request = ws.GetWorkflowExecutionHistoryRequest(namespace="default", wait_new_event=True)
    request.execution.workflow_id = "w"
    request.history_event_filter_type = HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT
    waiting = rig.submit(request)
    rig.turn()
    rig.run_commands(continue_as_new())
    (closed,) = waiting.value.history.events
    attributes = closed.workflow_execution_continued_as_new_event_attributes
    assert status(rig, attributes.new_execution_run_id) == _RUNNING


def test_a_chain_outlives_crashes_and_commits_that_fail() -> None:
    for failure in ("before", "after", "crash"):
        faults = Failing()
        rig = Rig(faults=faults)
        rig.call(start_request())
        task = rig.poll()
        request = ws.RespondWorkflowTaskCompletedRequest(
            namespace="default", task_token=task.task_token, commands=[continue_as_new()]
        )
        if failure != "crash":
            setattr(faults, failure, 1)
        rig.submit(request)
        rig.turn()
        if failure == "before":
            # Nothing happened: the worker answers again.
            rig.turn()
            rig.call(request)
        if failure == "crash":
            rig.crash()
        while rig.lane.busy:
            rig.turn()
        waiting = rig.submit(poll_request())
        rig.advance(1)
        assert waiting.value.attempt == 1, failure
        assert waiting.value.workflow_execution != task.workflow_execution
        assert rig.events() == [
            "WORKFLOW_EXECUTION_STARTED",
            "WORKFLOW_TASK_SCHEDULED",
            "WORKFLOW_TASK_STARTED",
        ]


def test_a_cron_workflow_goes_round() -> None:
    rig = Rig()
    request = start_request()
    request.cron_schedule = "@every 60s"
    rig.call(request)
    runs = set()
    for _ in range(3):
        waiting = rig.submit(poll_request())
        rig.advance(60)
        runs.add(waiting.value.workflow_execution.run_id)
        rig.call(
            ws.RespondWorkflowTaskCompletedRequest(
                namespace="default", task_token=waiting.value.task_token, commands=[complete()]
            )
        )
    assert len(runs) == 3
    terminate = ws.TerminateWorkflowExecutionRequest(namespace="default")
    terminate.workflow_execution.workflow_id = "w"
    rig.call(terminate)
    assert status(rig) == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED
