"""Updates through the lane: who waits for what, what outlives a crash, updates with a start."""

from __future__ import annotations

from typing import Any

import pytest
import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage as Stage
from temporalio.api.enums.v1 import WorkflowIdConflictPolicy
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Acceptance, Rejection, Response

from engine.rig import (
    Rig,
    complete,
    completed_request,
    poll_request,
    signal_request,
    start_request,
    timer,
)
from polyrhythm.base.errors import (
    Aborted,
    AlreadyStarted,
    DeadlineExceeded,
    NotFound,
    OperationAborted,
    OperationsFailed,
    StoreError,
    Unavailable,
    WorkflowNotReady,
)
from polyrhythm.testing.story_updates import name_message

ADMITTED = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED
ACCEPTED = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
COMPLETED = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
UNSPECIFIED = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_UNSPECIFIED
USE_EXISTING = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING


def update_request(
    update_id: str = "u", stage: Any = COMPLETED
) -> ws.UpdateWorkflowExecutionRequest:
    request = ws.UpdateWorkflowExecutionRequest(namespace="default")
    request.workflow_execution.workflow_id = "w"
    request.wait_policy.lifecycle_stage = stage
    request.request.meta.update_id = update_id
    request.request.input.name = "up"
    return request


def poll_update(update_id: str = "u", stage: Any = COMPLETED) -> Any:
    request = ws.PollWorkflowExecutionUpdateRequest(namespace="default")
    request.update_ref.workflow_execution.workflow_id = "w"
    request.update_ref.update_id = update_id
    request.wait_policy.lifecycle_stage = stage
    return request


def multi_request(
    update_id: str = "u", policy: Any = USE_EXISTING
) -> ws.ExecuteMultiOperationRequest:
    start = start_request()
    start.request_id = f"multi-{update_id}"
    start.workflow_id_conflict_policy = policy
    request = ws.ExecuteMultiOperationRequest(namespace="default")
    request.operations.add(start_workflow=start)
    request.operations.add(update_workflow=update_request(update_id))
    return request


def say(update_id: str, *bodies: Any) -> list[Message]:
    messages = []
    for number, body in enumerate(bodies):
        message = Message(id=f"{update_id}/{number}", protocol_instance_id=update_id)
        message.body.Pack(body)
        messages.append(message)
    return messages


def accept() -> Acceptance:
    return Acceptance(
        accepted_request_message_id="u/request", accepted_request_sequencing_event_id=2
    )


def respond(update_id: str = "u") -> Response:
    body = Response()
    body.meta.update_id = update_id
    body.outcome.success.payloads.add().data = b"done"
    return body


def reject() -> Rejection:
    body = Rejection()
    body.failure.message = "no"
    return body


def answer(rig: Rig, token: bytes, *messages: Message, commands: Any = (), **fields: Any) -> Any:
    named = [name_message(each.id) for each in messages if not each.body.Is(Rejection.DESCRIPTOR)]
    request = completed_request(token, *named, *commands)
    request.messages.extend(messages)
    for name, value in fields.items():
        setattr(request, name, value)
    return rig.call(request)


def idle(rig: Rig) -> None:
    rig.call(start_request())
    rig.run_commands(timer("t", 1000))


def waiting(rig: Rig, request: Any, deadline_s: float = 0) -> Any:
    reply = rig.submit(request, deadline_s)
    rig.turn()
    assert not reply.done
    return reply


def test_callers_are_answered_at_the_stage_they_wait_for() -> None:
    rig = Rig()
    idle(rig)
    accepted = waiting(rig, update_request(stage=ACCEPTED))
    completed = waiting(rig, update_request())
    polled = waiting(rig, poll_update())
    assert rig.call(poll_update(stage=UNSPECIFIED)).stage == ADMITTED
    task = rig.poll()
    assert [message.id for message in task.messages] == ["u/request"]
    answer(rig, task.task_token, *say("u", accept()))
    assert (accepted.value.stage, accepted.value.HasField("outcome")) == (ACCEPTED, False)
    assert accepted.value.update_ref.workflow_execution.run_id == task.workflow_execution.run_id
    assert not completed.done
    rig.call(signal_request())
    answer(rig, rig.poll().task_token, *say("u", respond()))
    for reply in (completed, polled):
        assert reply.value.stage == COMPLETED
        assert reply.value.outcome.success.payloads[0].data == b"done"
    assert rig.call(poll_update(stage=ACCEPTED)) == polled.value
    assert rig.call(update_request()) == completed.value


def test_a_parked_poll_gets_the_speculative_task_in_the_same_turn() -> None:
    rig = Rig()
    idle(rig)
    poll = rig.submit(poll_request())
    rig.turn()
    reply = waiting(rig, update_request())
    task = poll.value
    assert [event.event_id for event in task.history.events][-2:] == [6, 7]
    assert task.history.events[-1].workflow_task_started_event_attributes.identity == "worker"
    assert rig.events()[-2:] == ["WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED"]
    given = answer(rig, task.task_token, *say("u", reject()))
    assert given.reset_history_event_id == 0
    assert reply.value.outcome.failure.message == "no"
    with pytest.raises(NotFound, match='update "u" not found'):
        rig.call(poll_update())


def test_all_callers_of_a_rejected_update_are_told_and_no_others() -> None:
    rig = Rig()
    idle(rig)
    replies = [waiting(rig, update_request()), waiting(rig, poll_update())]
    other = waiting(rig, update_request("other"))
    answer(rig, rig.poll().task_token, *say("u", reject()), *say("other", accept()))
    assert [reply.value.outcome.failure.message for reply in replies] == ["no", "no"]
    assert not other.done


def test_after_twenty_seconds_the_answer_is_what_was_reached() -> None:
    rig = Rig()
    idle(rig)
    early = waiting(rig, update_request("a"))
    answer(rig, rig.poll().task_token, *say("a", accept()))
    late = waiting(rig, update_request("b"))
    rig.advance(20)
    assert (early.value.stage, early.value.update_ref.update_id) == (ACCEPTED, "a")
    assert (late.value.stage, late.value.update_ref.update_id) == (ADMITTED, "b")


def test_a_shorter_deadline_is_an_error() -> None:
    rig = Rig()
    idle(rig)
    reply = waiting(rig, update_request(), deadline_s=3)
    rig.advance(3)
    assert isinstance(reply.error, DeadlineExceeded)
    assert [message.id for message in rig.poll().messages] == ["u/request"]


def test_a_run_that_closes_tells_who_waits() -> None:
    rig = Rig()
    idle(rig)
    accepted = waiting(rig, update_request("a"))
    answer(rig, rig.poll().task_token, *say("a", accept()))
    admitted = waiting(rig, update_request("b"))
    request = ws.TerminateWorkflowExecutionRequest(namespace="default")
    request.workflow_execution.workflow_id = "w"
    rig.call(request)
    info = accepted.value.outcome.failure.application_failure_info
    assert info.type == "AcceptedUpdateCompletedWorkflow"
    assert "aborted by closing workflow" in str(admitted.error)


def test_a_refused_completion_tells_the_callers_of_what_was_sent() -> None:
    rig = Rig()
    idle(rig)
    reply = waiting(rig, update_request())
    request = completed_request(rig.poll().task_token)
    request.messages.extend(say("u", respond()))
    refused = rig.submit(request)
    rig.turn()
    assert "while in state Sent" in str(refused.error)
    assert isinstance(reply.error, WorkflowNotReady)
    assert rig.events()[-2:] == ["WORKFLOW_TASK_FAILED", "WORKFLOW_TASK_SCHEDULED"]


def test_a_deleted_run_tells_who_waits() -> None:
    rig = Rig()
    idle(rig)
    reply = waiting(rig, update_request())
    request = ws.DeleteWorkflowExecutionRequest(namespace="default")
    request.workflow_execution.workflow_id = "w"
    rig.call(request)
    assert "aborted by closing workflow" in str(reply.error)


def test_a_crash_loses_no_admitted_update() -> None:
    rig = Rig()
    idle(rig)
    waiting(rig, update_request())
    rig.crash()
    polled = waiting(rig, poll_update())
    task = rig.poll()
    rig.crash()
    answer(rig, task.task_token, *say("u", accept(), respond()))
    rig.crash()
    assert rig.call(update_request()).stage == COMPLETED
    assert not polled.done
    assert rig.events()[5:] == [
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_COMPLETED",
        "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
        "WORKFLOW_EXECUTION_UPDATE_COMPLETED",
    ]


class FailsOnce:
    """Fails the next commit before anything is written, when it is told to."""

    def __init__(self) -> None:
        self.armed = False

    def before_commit(self, _batch: object) -> None:
        if self.armed:
            self.armed = False
            raise StoreError("planned")

    def after_commit(self, _batch: object) -> None:
        """Leave what was written alone."""


def test_a_failed_commit_tells_the_callers_to_ask_again() -> None:
    faults = FailsOnce()
    rig = Rig(faults=faults)
    idle(rig)
    faults.armed = True
    reply = rig.submit(update_request())
    rig.turn()
    assert isinstance(reply.error, Unavailable)
    rig.turn()
    again = waiting(rig, update_request())
    task = rig.poll()
    faults.armed = True
    request = completed_request(task.task_token)
    request.messages.extend(say("u", accept()))
    refused = rig.submit(request)
    rig.turn()
    assert isinstance(refused.error, Unavailable)
    assert isinstance(again.error, Unavailable)
    rig.turn()
    assert rig.call(poll_update(stage=UNSPECIFIED)).stage == ADMITTED
    answer(rig, task.task_token, *say("u", accept()))
    assert rig.call(poll_update(stage=ACCEPTED)).stage == ACCEPTED


def test_a_history_read_that_waits_sees_only_what_is_written() -> None:
    rig = Rig()
    idle(rig)
    request = ws.GetWorkflowExecutionHistoryRequest(namespace="default", wait_new_event=True)
    request.execution.workflow_id = "w"
    request.next_page_token = rig.call(request).next_page_token
    reader = rig.submit(request)
    rig.turn()
    waiting(rig, update_request())
    assert not reader.done
    answer(rig, rig.poll().task_token, *say("u", accept()))
    assert [event.event_id for event in reader.value.history.events] == [6, 7, 8, 9]


def test_an_update_with_a_start_rides_on_the_first_task() -> None:
    rig = Rig()
    reply = waiting(rig, multi_request())
    task = rig.poll()
    assert [message.id for message in task.messages] == ["u/request"]
    answer(rig, task.task_token, *say("u", accept(), respond()), commands=[complete()])
    start, update = reply.value.responses
    assert start.start_workflow.started
    assert start.start_workflow.run_id == task.workflow_execution.run_id
    assert update.update_workflow.outcome.success.payloads[0].data == b"done"
    again = rig.call(multi_request()).responses
    assert not again[0].start_workflow.started
    assert not again[0].start_workflow.HasField("link")
    assert again[1].update_workflow == update.update_workflow


def test_an_update_with_a_start_joins_a_running_workflow() -> None:
    rig = Rig()
    idle(rig)
    reply = waiting(rig, multi_request())
    answer(rig, rig.poll().task_token, *say("u", accept(), respond()))
    start = reply.value.responses[0].start_workflow
    assert not start.started
    assert start.link.workflow_event.namespace == ""
    with pytest.raises(OperationsFailed) as refused:
        rig.call(multi_request("v", WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL))
    assert [type(outcome) for outcome in refused.value.outcomes] == [
        AlreadyStarted,
        OperationAborted,
    ]
    assert (
        rig.call(multi_request("u", WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL))
        .responses[1]
        .update_workflow.stage
        == COMPLETED
    )


def test_an_update_with_a_start_replaces_a_running_workflow() -> None:
    rig = Rig()
    idle(rig)
    policy = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
    reply = waiting(rig, multi_request("u", policy))
    task = rig.poll()
    answer(rig, task.task_token, *say("u", accept(), respond()))
    assert reply.value.responses[0].start_workflow.started


def test_an_update_with_a_start_outlives_the_close_of_its_workflow_once() -> None:
    rig = Rig()
    rig.call(start_request())
    task = rig.poll()
    reply = waiting(rig, multi_request())
    answer(rig, task.task_token, commands=[complete()])
    assert not reply.done
    fresh = rig.poll()
    assert fresh.workflow_execution.run_id != task.workflow_execution.run_id
    assert [message.id for message in fresh.messages] == ["u/request"]
    answer(rig, fresh.task_token, commands=[complete()])
    assert isinstance(reply.error, OperationsFailed)
    assert reply.error.outcomes[0] is None
    assert isinstance(reply.error.outcomes[1], NotFound)


def test_twice_aborted_by_a_close_the_caller_may_try_again() -> None:
    rig = Rig()
    rig.call(start_request())
    first = rig.poll()
    reply = waiting(rig, multi_request())
    # Another start takes the id in the very turn that closes the workflow.
    rig.submit(completed_request(first.task_token, complete()))
    other = start_request()
    other.request_id = "other"
    rig.submit(other)
    rig.turn()
    second = rig.poll()
    assert not reply.done
    answer(rig, second.task_token, commands=[complete()])
    assert isinstance(reply.error, OperationsFailed)
    assert isinstance(reply.error.outcomes[0], OperationAborted)
    assert type(reply.error.outcomes[1]) is Aborted


def test_a_refused_update_starts_nothing() -> None:
    rig = Rig()
    rig.limits.updates_in_flight_max = 0
    with pytest.raises(OperationsFailed) as refused:
        rig.call(multi_request())
    assert isinstance(refused.value.outcomes[0], OperationAborted)
    with pytest.raises(NotFound):
        rig.events()
