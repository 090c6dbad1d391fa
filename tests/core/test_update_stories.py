"""Updates as stories: admitted, accepted, rejected, completed, aborted, and all that is refused.

The words are those of a real server (recorded scenarios `updates.*` and `speculative.*`).
"""

import pytest
from temporalio.api.enums.v1 import EventType

from polyrhythm.base.limits import Limits
from polyrhythm.core.decision import Decision
from polyrhythm.core.state import UpdateStage
from polyrhythm.testing.story import Story

ABORTED = 'refused NotFound "workflow update was aborted by closing workflow"'
CLOSING = (
    'refused ResourceExhausted "workflow operation can not be applied because workflow is closing"'
)
FAILING = (
    'refused WorkflowNotReady "Unable to perform workflow execution update due to Workflow Task in'
    ' failed state."'
)
TASK_FAILED = (
    '"Unable to perform workflow execution update due to unexpected workflow task failure."'
)
LEFT_BEHIND = (
    "| | stage=COMPLETED outcome.failure.source=Server outcome.failure.application_failure_info."
    "type=AcceptedUpdateCompletedWorkflow outcome.failure.application_failure_info.non_retryable"
    '=true outcome.failure.message="Workflow Update failed because the Workflow completed before'
    ' the Update completed."'
)


@pytest.fixture
def story() -> Story:
    """A run whose first task is with a worker, as event 3."""
    return held()


def held(limits: Limits | None = None) -> Story:
    told = Story(limits)
    told.step("start")
    told.step("task")
    return told


def test_it_travels_with_the_first_task():
    story = Story()
    story.tell("""
        start => 1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled | WorkflowTaskOffer
        update u1 request.meta.identity=client =>
        stage u1 => | | stage=ADMITTED
        task => 3 WorkflowTaskStarted | | messages[0].id=u1/request messages[0].event_id=2
        stage u1 => | | stage=ADMITTED
        complete accept u1 => 4 WorkflowTaskCompleted; 5 WorkflowExecutionUpdateAccepted \
            protocol_instance_id=u1 accepted_request_message_id=u1/request \
            accepted_request_sequencing_event_id=2 accepted_request.meta.identity=client \
            accepted_request.input.name=up
        stage u1 => | | stage=ACCEPTED
        signal s => 6 WorkflowExecutionSignaled; 7 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 8 WorkflowTaskStarted | | messages[0].id=none
        complete respond u1 done => 9 WorkflowTaskCompleted; \
            10 WorkflowExecutionUpdateCompleted accepted_event_id=5 meta.update_id=u1 \
            outcome.success=done
        stage u1 => | | stage=COMPLETED
    """)
    assert story.run.state.completed_updates == {"u1": 10}
    assert not story.run.state.updates


def test_it_comes_with_the_next_task_of_a_worker_that_takes_it_inline(story):
    story.tell("""
        update u1 =>
        complete return_new_workflow_task=true => 4 WorkflowTaskCompleted \
            | | workflow_task.messages[0].event_id=5
        complete return_new_workflow_task=true reject u1 => | UpdateEnded \
            | reset_history_event_id=3 workflow_task.messages[0].id=none
    """)
    assert story.run.state.workflow_task is None


def test_it_comes_with_a_normal_task_otherwise(story):
    story.tell("""
        update u1 =>
        complete => 4 WorkflowTaskCompleted; 5 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 6 WorkflowTaskStarted | | messages[0].event_id=5
    """)


def test_several_travel_in_order_of_admission(story):
    story.tell("""
        complete => 4 WorkflowTaskCompleted
        update zz => | WorkflowTaskOffer
        update aa =>
        task => | | messages[0].id=zz/request messages[1].id=aa/request messages[2].id=none
        complete reject aa ; accept zz => 5 WorkflowTaskScheduled; 6 WorkflowTaskStarted; \
            7 WorkflowTaskCompleted; 8 WorkflowExecutionUpdateAccepted protocol_instance_id=zz \
            | UpdateEnded update_id=aa
    """)


def test_messages_may_come_without_commands_and_then_come_last(story):
    story.step("update u1")
    story.step("complete return_new_workflow_task=true")
    story.tell("""
        complete say accept u1 ; timer t 5s ; say respond u1 1 => 5 WorkflowTaskScheduled; \
            6 WorkflowTaskStarted; 7 WorkflowTaskCompleted; 8 TimerStarted; \
            9 WorkflowExecutionUpdateAccepted; 10 WorkflowExecutionUpdateCompleted
    """)


def test_a_known_id_changes_nothing(story):
    story.tell("""
        update u1 =>
        update u1 =>
        complete return_new_workflow_task=true => 4 WorkflowTaskCompleted | | \
            workflow_task.messages[1].id=none
        update u1 =>
        complete accept u1 ; respond u1 1 ; finish => 5 WorkflowTaskScheduled; \
            6 WorkflowTaskStarted; 7 WorkflowTaskCompleted; 8 WorkflowExecutionUpdateAccepted; \
            9 WorkflowExecutionUpdateCompleted; 10 WorkflowExecutionCompleted
        update u1 =>
        stage u1 => | | stage=COMPLETED
        update u2 => | | refused NotFound "workflow execution already completed"
    """)


def test_a_heartbeat_keeps_what_was_sent_and_carries_what_is_new(story):
    story.tell("""
        complete => 4 WorkflowTaskCompleted
        update u1 => | WorkflowTaskOffer
        task => | | messages[0].id=u1/request
        update u2 =>
        complete force_create_new_workflow_task=true return_new_workflow_task=true => \
            5 WorkflowTaskScheduled; 6 WorkflowTaskStarted; 7 WorkflowTaskCompleted; \
            8 WorkflowTaskScheduled; 9 WorkflowTaskStarted | | \
            workflow_task.messages[0].id=u2/request workflow_task.messages[1].id=none
        complete accept u1 ; reject u2 => 10 WorkflowTaskCompleted; \
            11 WorkflowExecutionUpdateAccepted | UpdateEnded
    """)


def test_limits():
    story = held(Limits(updates_in_flight_max=2, updates_max=3, updates_suggest=2))
    story.tell("""
        update u1 =>
        update u2 =>
        update u2 =>
        update u3 => | | refused ResourceExhausted "limit on number of concurrent in-flight \
updates has been reached (2)"
        complete return_new_workflow_task=true => 4 WorkflowTaskCompleted
        complete accept u1 ; respond u1 1 ; accept u2 ; respond u2 2 => \
            5 WorkflowTaskScheduled; 6 WorkflowTaskStarted suggest_continue_as_new=true \
            suggest_continue_as_new_reasons=TOO_MANY_UPDATES; 7 WorkflowTaskCompleted; \
            8 WorkflowExecutionUpdateAccepted; 9 WorkflowExecutionUpdateCompleted; \
            10 WorkflowExecutionUpdateAccepted; 11 WorkflowExecutionUpdateCompleted
        update u3 => | WorkflowTaskOffer
        update u4 => | | refused FailedPrecondition "The limit on the total number of distinct \
updates in this workflow has been reached (3). Make sure any duplicate updates share an Update ID \
so the server can deduplicate them, and consider rejecting updates that you aren't going to \
process. You can also Continue-as-New to avoid this; we recommend you check Continue-as-New \
Suggested in your Workflow."
    """)


def test_bytes_are_limited():
    story = held(Limits(updates_bytes_max=100))
    story.tell(f"""
        update u1 request.input.args={"x" * 100} => | | refused ResourceExhausted "limit on total \
payload size of in-flight updates has been reached (100 bytes)"
        update u1 =>
    """)
    assert list(story.run.state.updates) == ["u1"]


def test_a_workflow_whose_tasks_keep_failing_takes_none():
    story = Story()
    for command in ("start", "task", "fail-task", "task", "fail-task"):
        story.step(command)
    story.tell(f"update u1 => | | {FAILING}")


def test_a_closing_workflow_takes_none(story):
    story.tell(f"""
        update u1 =>
        signal s => ~ WorkflowExecutionSignaled
        complete finish => 4 WorkflowTaskFailed cause=UNHANDLED_COMMAND; \
            5 WorkflowExecutionSignaled; 6 WorkflowTaskScheduled | WorkflowTaskOffer \
            | refused InvalidArgument UnhandledCommand
        update u2 =>
        task => 7 WorkflowTaskStarted | | messages[0].id=u1/request messages[1].id=u2/request
        update u3 => | | {CLOSING}
    """)


def test_only_a_run_of_its_chain(story):
    story.tell("""
        update u1 first_execution_run_id=other => | | refused NotFound \
            "workflow execution not found"
        update u1 first_execution_run_id=run-1 =>
    """)


REFUSED = [
    ("message nope", "ProtocolMessageCommand referenced absent message ID nope"),
    ("message", "MessageID is not set on ProtocolMessageCommand."),
    ("message-nothing", "ProtocolMessageCommandAttributes is not set on ProtocolMessageCommand."),
    (
        "accept u1 ; message u1/accept",
        "ProtocolMessageCommand referenced absent message ID u1/accept",
    ),
    (
        "accept u1 ; say accept u1",
        "invalid state transition attempted for Update u1: received *update.Acceptance message"
        " while in state ProvisionallyAccepted",
    ),
    (
        "respond u1 1",
        "invalid state transition attempted for Update u1: received *update.Response message while"
        " in state Sent",
    ),
    (
        "accept u1 ; respond u1 1 ; say respond u1 1",
        "invalid state transition attempted for Update u1: received *update.Response message while"
        " in state ProvisionallyCompleted",
    ),
    (
        "reject u1 ; say accept u1",
        "invalid state transition attempted for Update u1: received *update.Acceptance message"
        " while in state ProvisionallyCompleted",
    ),
    (
        "say respond zz 1",
        "update zz wasn't found on the server. This is most likely a transient error which will be"
        " resolved automatically by retries",
    ),
    (
        "accept u1 accepted_request_sequencing_event_id=0",
        "invalid *update.Acceptance: accepted_request_sequencing_event_id is not set",
    ),
    (
        "accept u1 accepted_request_message_id=none",
        "invalid *update.Acceptance: accepted_request_message_id is not set",
    ),
    ("accept u1 ; respond u1 1 meta=none", "invalid *update.Response: meta is not set"),
    (
        "accept u1 ; respond u1 1 meta.update_id=none",
        "invalid *update.Response: meta.update_id is not set",
    ),
    (
        "accept u1 ; respond u1 1 meta.update_id=u9",
        "invalid *update.Response: meta.update_id != u1",
    ),
    ("accept u1 ; respond u1 1 outcome=none", "invalid *update.Response: outcome is not set"),
]


@pytest.mark.parametrize(("commands", "reason"), REFUSED)
def test_a_message_out_of_place_fails_the_task_and_ends_what_was_sent(story, commands, reason):
    story.step("complete")
    story.step("update u1")
    story.step("task")
    story.step("update later")
    story.tell(f"""
        complete {commands} => 5 WorkflowTaskScheduled; 6 WorkflowTaskStarted identity=worker; \
            7 WorkflowTaskFailed cause=BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE \
            failure.message="BadUpdateWorkflowExecutionMessage: {reason}" \
            | UpdateEnded update_id=u1 error={TASK_FAILED}; WorkflowTaskOffer attempt=2 \
            | refused InvalidArgument "BadUpdateWorkflowExecutionMessage: {reason}"
        stage u1 => | | refused NotFound "update u1 not found"
        task => | | messages[0].id=later/request messages[1].id=none
    """)


def test_of_a_task_that_keeps_failing_nothing_is_written_but_the_update_ends(story):
    story.step("fail-task")
    story.step("update u1")
    story.step("task")
    story.tell("""
        complete respond u1 1 => | UpdateEnded update_id=u1 | refused InvalidArgument \
            "BadUpdateWorkflowExecutionMessage: invalid state transition attempted for Update u1: \
received *update.Response message while in state Sent"
    """)
    assert story.run.state.task_started


def test_a_senseless_answer_to_a_normal_task_takes_back_what_was_sent(story):
    story = Story()
    for command in ("start", "update u1", "task"):
        story.step(command)
    story.tell("""
        complete finish ; timer x 1s => | | refused InvalidArgument "invalid command sequence: \
[CompleteWorkflowExecution, StartTimer], command CompleteWorkflowExecution must be the last \
command."
    """)
    assert story.run.state.task_started
    assert story.run.state.updates["u1"].stage == UpdateStage.ADMITTED
    story.tell("""
        complete return_new_workflow_task=true => 4 WorkflowTaskCompleted | | \
            workflow_task.messages[0].id=u1/request
    """)


def test_an_update_that_only_the_worker_remembers_may_be_accepted(story):
    story.tell("""
        complete accept ghost accepted_request.meta.update_id=ghost \
            accepted_request.input.name=up ; respond ghost 1 => 4 WorkflowTaskCompleted; \
            5 WorkflowExecutionUpdateAccepted accepted_request.input.name=up; \
            6 WorkflowExecutionUpdateCompleted accepted_event_id=5
        stage ghost => | | stage=COMPLETED
    """)


def test_completing_aborts_what_was_not_accepted_for_good(story):
    story.tell(f"""
        update u1 =>
        complete finish => 4 WorkflowTaskCompleted; 5 WorkflowExecutionCompleted
        stage u1 => | | {ABORTED}
        update u1 =>
    """)


def test_a_rejection_behind_the_close_still_counts():
    story = Story()
    for command in ("start", "update u1", "task"):
        story.step(command)
    story.tell("""
        complete say reject u1 ; finish => 4 WorkflowTaskCompleted; \
            5 WorkflowExecutionCompleted | UpdateEnded update_id=u1
        stage u1 => | | refused NotFound "update u1 not found"
    """)


def test_an_acceptance_behind_the_close_does_not():
    story = Story()
    for command in ("start", "update u1", "task"):
        story.step(command)
    story.tell(f"""
        complete say accept u1 ; say respond u1 1 ; finish => 4 WorkflowTaskCompleted; \
            5 WorkflowExecutionCompleted
        stage u1 => | | {ABORTED}
    """)


def test_an_accepted_update_fails_with_the_run():
    for close in ("complete finish", "terminate", "wait 200s"):
        story = Story()
        for command in ("start workflow_run_timeout=100s", "update u1", "task"):
            story.step(command)
        story.step("complete accept u1")
        story.step("signal s")
        if close == "complete finish":
            story.step("task")
        story.step(close)
        story.tell(f"stage u1 => {LEFT_BEHIND}")


def test_where_the_workflow_goes_on_the_caller_is_told_to_ask_again():
    story = Story()
    start = "start workflow_run_timeout=5s retry_policy={} workflow_execution_timeout=1000s"
    story.step(start)
    story.step("update u1")
    story.step("wait 5s")
    assert not story.run.state.running
    story.tell(f"stage u1 => | | {CLOSING}")


@pytest.fixture
def brought(story: Story) -> Story:
    """A run in which a reset has admitted u1, as event 5."""
    story.step("complete")
    decision = Decision(story.run.state, story.run.context)
    event = decision.new_event(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED)
    request = event.workflow_execution_update_admitted_event_attributes.request
    request.meta.update_id = "u1"
    request.input.name = "up"
    decision.append(event)
    story.take("admitted", decision)
    story.step("signal s")
    story.step("task")
    return story


def test_an_update_that_a_reset_brought_along_is_in_the_history(brought):
    brought.tell("""
        complete accept u1 ; respond u1 1 => 9 WorkflowTaskCompleted; \
            10 WorkflowExecutionUpdateAccepted protocol_instance_id=u1 \
            accepted_request.input.name=none; 11 WorkflowExecutionUpdateCompleted
    """)


@pytest.mark.parametrize("first", ["reject u1", "accept u1"])
def test_what_the_history_asks_for_can_be_answered_after_a_task_that_failed(brought, first):
    if first == "reject u1":
        for command in ("complete reject u1", "signal s", "task"):
            brought.step(command)
    brought.step(f"complete {first} ; say respond zz 1")
    assert brought.run.state.updates["u1"].stage == UpdateStage.ADMITTED
    brought.step("task")
    brought.step("complete accept u1 ; respond u1 1")
    assert list(brought.run.state.completed_updates) == ["u1"]
