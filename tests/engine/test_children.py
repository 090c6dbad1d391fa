"""Children through the lane: one commit for parent and child; no crash loses or doubles."""

from __future__ import annotations

import pytest
import temporalio.api.workflowservice.v1 as ws
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import (
    CommandType,
    ParentClosePolicy,
    WorkflowExecutionStatus,
    WorkflowIdReusePolicy,
)
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import WorkflowExecutionInfo

from engine.rig import Rig, complete, completed_request, poll_request, signal_request, start_request
from polyrhythm.base.errors import NotFound, StoreError
from polyrhythm.engine.calls import ListRuns
from polyrhythm.stores.port import RunFilter

TERMINATE = ParentClosePolicy.PARENT_CLOSE_POLICY_TERMINATE
CANCEL = ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL
ABANDON = ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON
REPLACE = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING
REJECT = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
RUNNING = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
TERMINATED = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED


class Crashing:
    """Fails commits before or after they are written."""

    def __init__(self) -> None:
        self.before = self.after = 0

    def before_commit(self, _batch: object) -> None:
        if self.before:
            self.before -= 1
            raise StoreError("planned")

    def after_commit(self, _batch: object) -> None:
        if self.after:
            self.after -= 1
            raise StoreError("planned")


def child(workflow_id: str = "kid", queue: str = "kids", **fields: object) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION)
    attributes = command.start_child_workflow_execution_command_attributes
    attributes.workflow_id = workflow_id
    attributes.workflow_type.name = "kid-type"
    attributes.task_queue.name = queue
    for name, value in fields.items():
        setattr(attributes, name, value)
    return command


def family(rig: Rig, **fields: object) -> None:
    """Workflow `w` with a running child `kid`, both waiting for workers."""
    rig.call(start_request())
    rig.run_commands(child(**fields))


def events_of(rig: Rig, workflow_id: str) -> list[HistoryEvent]:
    request = ws.GetWorkflowExecutionHistoryRequest(namespace="default")
    request.execution.workflow_id = workflow_id
    return list(rig.call(request).history.events)


def describe(rig: Rig, workflow_id: str) -> ws.DescribeWorkflowExecutionResponse:
    request = ws.DescribeWorkflowExecutionRequest(namespace="default")
    request.execution.workflow_id = workflow_id
    return rig.call(request)


def status(rig: Rig, workflow_id: str) -> int:
    return describe(rig, workflow_id).workflow_execution_info.status


def terminate(rig: Rig, workflow_id: str = "w") -> None:
    request = ws.TerminateWorkflowExecutionRequest(namespace="default")
    request.workflow_execution.workflow_id = workflow_id
    rig.call(request)


def listed(rig: Rig, workflow_id: str) -> WorkflowExecutionInfo:
    (info,) = rig.call(ListRuns(RunFilter(1, workflow_ids=[workflow_id]))).infos
    return info


def owing(rig: Rig) -> list[int]:
    return rig.store.scan_owing(0, 100)


def test_a_child_lives_and_its_parent_is_told() -> None:
    rig = Rig()
    family(rig)
    assert rig.events()[4:] == [
        "START_CHILD_WORKFLOW_EXECUTION_INITIATED",
        "CHILD_WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_TASK_SCHEDULED",
    ]
    (pending,) = describe(rig, "w").pending_children
    info = describe(rig, "kid").workflow_execution_info
    parent = describe(rig, "w").workflow_execution_info
    assert pending.run_id == info.execution.run_id
    assert info.parent_execution == info.root_execution == parent.execution
    assert listed(rig, "kid").parent_execution == parent.execution
    assert listed(rig, "kid").root_execution == parent.execution
    assert listed(rig, "w").root_execution == parent.execution
    assert not listed(rig, "w").HasField("parent_execution")
    rig.run_commands(complete(), queue="kids")
    rig.run_commands(complete())
    assert rig.events()[7:] == [
        "CHILD_WORKFLOW_EXECUTION_COMPLETED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_COMPLETED",
        "WORKFLOW_EXECUTION_COMPLETED",
    ]
    assert owing(rig) == []


def test_one_commit_starts_the_child_and_tells_the_parent() -> None:
    rig = Rig()
    rig.call(start_request())
    task = rig.poll()
    before = rig.store.run_key_last()
    rig.call(completed_request(task.task_token, child()))
    assert rig.store.run_key_last() == before + 1
    row = rig.store.load_row(rig.store.find_current(1, 1, "w"))
    assert row is not None
    assert row.owes == 0


def test_a_worker_that_waits_gets_the_child_in_the_same_turn() -> None:
    rig = Rig()
    rig.call(start_request())
    task = rig.poll()
    waiting = rig.submit(poll_request("kids"))
    rig.turn()
    rig.call(completed_request(task.task_token, child()))
    assert waiting.done
    assert waiting.value.workflow_execution.workflow_id == "kid"


def test_an_id_that_is_taken() -> None:
    rig = Rig()
    rig.call(start_request("kid", "elsewhere"))
    family(rig)
    failed = events_of(rig, "w")[5].start_child_workflow_execution_failed_event_attributes
    assert (failed.cause, failed.workflow_id, failed.initiated_event_id) == (1, "kid", 5)
    assert not describe(rig, "w").pending_children
    assert status(rig, "kid") == RUNNING


def test_reuse_policies_of_children() -> None:
    rig = Rig()
    rig.call(start_request("kid", "elsewhere"))
    old = describe(rig, "kid").workflow_execution_info.execution.run_id
    family(rig, workflow_id_reuse_policy=REPLACE)
    assert rig.events()[5] == "CHILD_WORKFLOW_EXECUTION_STARTED"
    request = ws.DescribeWorkflowExecutionRequest(namespace="default")
    request.execution.workflow_id, request.execution.run_id = "kid", old
    assert rig.call(request).workflow_execution_info.status == TERMINATED
    rig.run_commands(complete(), queue="kids")
    rig.run_commands(child(workflow_id_reuse_policy=REJECT))
    assert "START_CHILD_WORKFLOW_EXECUTION_FAILED" in rig.events()


def test_a_workflow_is_not_its_own_child() -> None:
    rig = Rig()
    rig.call(start_request())
    rig.run_commands(child("w"), child("w", workflow_id_reuse_policy=REPLACE))
    assert rig.events().count("START_CHILD_WORKFLOW_EXECUTION_FAILED") == 2
    assert status(rig, "w") == RUNNING


def test_the_same_child_twice_in_one_completion() -> None:
    rig = Rig()
    rig.call(start_request())
    rig.run_commands(child(), child())
    assert rig.events()[4:] == [
        "START_CHILD_WORKFLOW_EXECUTION_INITIATED",
        "START_CHILD_WORKFLOW_EXECUTION_INITIATED",
        "CHILD_WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_TASK_SCHEDULED",
        "START_CHILD_WORKFLOW_EXECUTION_FAILED",
    ]


@pytest.mark.parametrize(
    ("policy", "last"),
    [
        (TERMINATE, "WORKFLOW_EXECUTION_TERMINATED"),
        (CANCEL, "WORKFLOW_EXECUTION_CANCEL_REQUESTED"),
        (ABANDON, "WORKFLOW_TASK_SCHEDULED"),
    ],
)
def test_parent_close_policies(policy: int, last: str) -> None:
    rig = Rig()
    family(rig, parent_close_policy=policy)
    rig.run_commands(complete())
    assert rig.events("kid")[-1] == last
    assert owing(rig) == []


def test_a_policy_goes_down_the_whole_family() -> None:
    rig = Rig()
    family(rig)
    rig.run_commands(child("grandkid", "grandkids"), queue="kids")
    terminate(rig)
    assert [status(rig, each) for each in ("w", "kid", "grandkid")] == [TERMINATED] * 3
    assert owing(rig) == []


def test_a_close_in_the_same_task_starts_no_child() -> None:
    rig = Rig()
    rig.call(start_request())
    rig.run_commands(child(), child("kept", parent_close_policy=ABANDON), complete())
    for workflow_id in ("kid", "kept"):
        with pytest.raises(NotFound):
            describe(rig, workflow_id)
    assert owing(rig) == []


def test_news_of_a_child_waits_for_the_end_of_a_task() -> None:
    rig = Rig()
    family(rig)
    task = rig.poll()
    rig.run_commands(complete(), queue="kids")
    rig.call(signal_request())
    rig.call(completed_request(task.task_token))
    assert rig.events()[8:] == [
        "WORKFLOW_TASK_COMPLETED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "CHILD_WORKFLOW_EXECUTION_COMPLETED",
        "WORKFLOW_TASK_SCHEDULED",
    ]
    closed = events_of(rig, "w")[10].child_workflow_execution_completed_event_attributes
    assert (closed.initiated_event_id, closed.started_event_id) == (5, 6)


def test_a_deleted_parent_ends_its_children_and_a_deleted_child_is_told() -> None:
    rig = Rig()
    rig.call(start_request())
    rig.run_commands(child(), child("other"))
    request = ws.DeleteWorkflowExecutionRequest(namespace="default")
    request.workflow_execution.workflow_id = "other"
    rig.call(request)
    assert rig.events()[-1] == "CHILD_WORKFLOW_EXECUTION_TERMINATED"
    request.workflow_execution.workflow_id = "w"
    rig.call(request)
    assert status(rig, "kid") == TERMINATED


@pytest.mark.parametrize("written", [False, True])
def test_a_commit_that_fails_loses_and_doubles_nothing(written: bool) -> None:
    faults = Crashing()
    rig = Rig(faults=faults)
    rig.call(start_request())
    task = rig.poll()
    faults.before, faults.after = not written, written
    reply = rig.submit(completed_request(task.task_token, child()))
    rig.turn()
    assert reply.error is not None
    rig.turn()
    if not written:
        rig.call(completed_request(task.task_token, child()))
    assert rig.events().count("CHILD_WORKFLOW_EXECUTION_STARTED") == 1
    task = rig.poll("kids")
    faults.before, faults.after = not written, written
    ending = completed_request(task.task_token, complete())
    reply = rig.submit(ending)
    rig.turn()
    assert reply.error is not None
    rig.turn()
    if not written:
        rig.call(ending)
    assert rig.events().count("CHILD_WORKFLOW_EXECUTION_COMPLETED") == 1


def cut(rig: Rig, request: object) -> None:
    """Commit a call's own decision and crash before anything that it causes."""
    reply = rig.submit(request)
    progress = rig.lane.begin(rig.now_ns)
    desk = progress.desk
    call = rig.lane.memory.inbox.popleft()
    rig.lane._decide_call(desk, call)
    desk.turn.causes.clear()
    progress.batch = desk.turn.batch(rig.lane.owner.lane, rig.lane.owner.epoch)
    rig.lane.commit(progress)
    assert not reply.done
    assert owing(rig)
    rig.crash()


def test_a_crash_before_the_start_of_a_child() -> None:
    rig = Rig()
    rig.call(start_request())
    cut(rig, completed_request(rig.poll().task_token, child()))
    assert rig.events()[5:] == ["CHILD_WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED"]
    assert status(rig, "kid") == RUNNING
    assert owing(rig) == []


def test_a_crash_before_a_parent_is_told() -> None:
    rig = Rig()
    family(rig)
    cut(rig, completed_request(rig.poll("kids").task_token, complete()))
    assert rig.events()[7:] == ["CHILD_WORKFLOW_EXECUTION_COMPLETED"]
    assert owing(rig) == []
    rig.crash()
    assert rig.events()[7:] == ["CHILD_WORKFLOW_EXECUTION_COMPLETED"]


def test_a_crash_before_a_policy_is_done() -> None:
    rig = Rig()
    family(rig)
    cut(rig, completed_request(rig.poll().task_token, complete()))
    assert status(rig, "kid") == TERMINATED
    assert owing(rig) == []


def test_a_large_result_reaches_the_parent() -> None:
    rig = Rig()
    family(rig)
    command = complete()
    result = command.complete_workflow_execution_command_attributes.result
    result.payloads.add().data = b"x" * 200_000
    rig.run_commands(command, queue="kids")
    closed = events_of(rig, "w")[7].child_workflow_execution_completed_event_attributes
    assert len(closed.result.payloads[0].data) == 200_000


def test_a_chain_has_the_parent_of_its_first_run() -> None:
    rig = Rig()
    rig.call(start_request())
    rig.run_commands(child(), child("other"))
    again = Command(command_type=CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION)
    again.continue_as_new_workflow_execution_command_attributes.SetInParent()
    rig.run_commands(again, queue="kids")
    rig.run_commands(again, queue="kids")
    first = {info.workflow_id: info.run_id for info in describe(rig, "w").pending_children}
    rig.advance(2)
    second = describe(rig, "kid").workflow_execution_info
    assert second.execution.run_id != second.first_run_id == first["kid"]
    assert second.parent_execution == describe(rig, "w").workflow_execution_info.execution
    terminate(rig, "kid")
    told = events_of(rig, "w")[-1].child_workflow_execution_terminated_event_attributes
    assert told.workflow_execution == second.execution
    terminate(rig)
    assert status(rig, "other") == TERMINATED
    assert rig.events("other")[-1] == "WORKFLOW_EXECUTION_TERMINATED"
    assert owing(rig) == []


def test_a_child_counts_its_changes_once() -> None:
    rig = Rig()
    family(rig)
    rig.call(signal_request("kid"))
    told = describe(rig, "kid").workflow_execution_info
    # Started, signalled: a Temporal server says 3, since it starts a child in two steps.
    assert told.state_transition_count == 2
