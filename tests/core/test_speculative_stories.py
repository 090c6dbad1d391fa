"""Speculative workflow tasks as stories: written, converted, discarded, lost, timed out.

The events are those of a real server (recorded scenarios `speculative.*`).
"""

import pytest

from polyrhythm.base.limits import Limits
from polyrhythm.testing.story import Story

OFFER = "WorkflowTaskOffer queue=q scheduled_event_id=6 attempt=1"


@pytest.fixture
def story() -> Story:
    """A run that waits for a timer, event 5, and has no workflow task."""
    return idle()


def idle(commands: str = "timer t 1000s", limits: Limits | None = None) -> Story:
    told = Story(limits)
    told.step("start")
    told.step("task")
    told.step(f"complete {commands}")
    return told


def test_a_task_that_says_something_is_written_when_it_completes(story):
    story.tell(f"""
        wait 2s =>
        update u1 => | {OFFER}
        wait 1s =>
        task => | | messages[0].id=u1/request messages[0].protocol_instance_id=u1 \
            messages[0].event_id=6
        wait 1s =>
        complete accept u1 ; respond u1 7 => 6 WorkflowTaskScheduled at=2s attempt=1; \
            7 WorkflowTaskStarted at=3s scheduled_event_id=6 identity=worker; \
            8 WorkflowTaskCompleted at=4s scheduled_event_id=6 started_event_id=7; \
            9 WorkflowExecutionUpdateAccepted; 10 WorkflowExecutionUpdateCompleted \
            | | reset_history_event_id=none
    """)
    assert story.run.state.last_completed_started_id == 7


def test_a_task_without_events_is_no_transition_of_the_state(story):
    before = story.run.state.transitions
    story.tell(f"""
        update u1 => | {OFFER}
        task => | | messages[0].event_id=6
    """)
    assert story.run.state.transitions == before
    assert story.run.state.next_event_id == 6


def test_rejected_right_after_a_task_without_commands_it_leaves_nothing():
    story = idle(commands="")
    story.tell("""
        update u1 => | WorkflowTaskOffer scheduled_event_id=5
        task => | | messages[0].event_id=5
        complete reject u1 => | UpdateEnded update_id=u1 | reset_history_event_id=3
        stage u1 => | | refused NotFound "update u1 not found"
        signal s => 5 WorkflowExecutionSignaled; 6 WorkflowTaskScheduled | WorkflowTaskOffer
    """)
    assert story.run.state.workflow_task.attempt == 1


def test_rejected_after_commands_it_is_written(story):
    story.tell(f"""
        update u1 => | {OFFER}
        task => | | messages[0].event_id=6
        complete reject u1 => 6 WorkflowTaskScheduled; 7 WorkflowTaskStarted; \
            8 WorkflowTaskCompleted | UpdateEnded | reset_history_event_id=none
    """)


CAN_ROLL_BACK = "capabilities.discard_speculative_workflow_task_with_events=true"


def test_a_worker_that_can_roll_back_is_told_to(story):
    story.tell(f"""
        update u1 => | {OFFER}
        task => | | messages[0].event_id=6
        complete {CAN_ROLL_BACK} reject u1 => | UpdateEnded | reset_history_event_id=3
        update u2 => | {OFFER}
        task => | | messages[0].id=u2/request messages[0].event_id=6
        complete accept u2 => 6 WorkflowTaskScheduled; 7 WorkflowTaskStarted; \
            8 WorkflowTaskCompleted; 9 WorkflowExecutionUpdateAccepted
    """)


@pytest.mark.parametrize(("timers", "written"), [(10, False), (11, True)])
def test_but_not_over_more_than_ten_events(timers, written):
    story = idle(" ; ".join(f"timer t{index} 1000s" for index in range(timers)))
    story.step("update u1")
    story.step("task")
    outcome = story.step(f"complete {CAN_ROLL_BACK} reject u1")
    assert bool(outcome.events) is written


def test_commands_and_heartbeats_are_written():
    for answer in ("timer t 1s ; reject u1", "force_create_new_workflow_task=true"):
        story = idle(commands="")
        story.step("update u1")
        story.step("task")
        outcome = story.step(f"complete {answer}")
        assert [event.head[1] for event in outcome.events[:3]] == [
            "WorkflowTaskScheduled",
            "WorkflowTaskStarted",
            "WorkflowTaskCompleted",
        ]


def test_an_ignored_update_is_rejected_with_the_task_written(story):
    story.tell(f"""
        update u1 => | {OFFER}
        task => | | messages[0].event_id=6
        complete => 6 WorkflowTaskScheduled; 7 WorkflowTaskStarted; 8 WorkflowTaskCompleted \
            | UpdateEnded update_id=u1
    """)


def test_a_signal_makes_a_waiting_task_normal_and_comes_after_it(story):
    story.tell(f"""
        update u1 => | {OFFER}
        wait 1s =>
        signal s => 6 WorkflowTaskScheduled at=0s; 7 WorkflowExecutionSignaled at=1s
        task => 8 WorkflowTaskStarted scheduled_event_id=6 | | messages[0].event_id=7
        complete accept u1 ; respond u1 1 ; finish => 9 WorkflowTaskCompleted; \
            10 WorkflowExecutionUpdateAccepted; 11 WorkflowExecutionUpdateCompleted; \
            12 WorkflowExecutionCompleted
    """)


def test_a_signal_makes_a_started_task_normal_and_is_buffered(story):
    story.tell(f"""
        update u1 => | {OFFER}
        task => | | messages[0].event_id=6
        signal s => 6 WorkflowTaskScheduled; 7 WorkflowTaskStarted identity=none; \
            ~ WorkflowExecutionSignaled
        complete return_new_workflow_task=true reject u1 => 8 WorkflowTaskCompleted; \
            9 WorkflowExecutionSignaled; 10 WorkflowTaskScheduled; 11 WorkflowTaskStarted \
            | UpdateEnded | reset_history_event_id=none
    """)


def test_an_activity_that_starts_or_beats_makes_it_normal_without_an_event():
    story = idle("schedule a heartbeat_timeout=5s")
    story.tell("""
        update u1 => | WorkflowTaskOffer scheduled_event_id=6
        take 5 => 6 WorkflowTaskScheduled | | attempt=1
        task => 7 WorkflowTaskStarted | | messages[0].event_id=6
        complete reject u1 => 8 WorkflowTaskCompleted | UpdateEnded
        update u2 => | WorkflowTaskOffer scheduled_event_id=9
        task => | | messages[0].event_id=9
        heartbeat 5 => 9 WorkflowTaskScheduled; 10 WorkflowTaskStarted identity=none
    """)


def test_nobody_takes_it_for_five_seconds(story):
    story.tell(f"""
        update u1 => | {OFFER}
        wait 4s =>
        wait 1s => 6 WorkflowTaskScheduled at=0s; 7 WorkflowTaskTimedOut at=5s \
            scheduled_event_id=6 started_event_id=none timeout_type=SCHEDULE_TO_START; \
            8 WorkflowTaskScheduled attempt=1 | WorkflowTaskOffer scheduled_event_id=8
        wait 60s =>
        task => 9 WorkflowTaskStarted | | messages[0].event_id=8
    """)


def test_made_normal_it_still_has_its_five_seconds(story):
    story.tell(f"""
        update u1 => | {OFFER}
        signal s => 6 WorkflowTaskScheduled; 7 WorkflowExecutionSignaled
        wait 5s => 8 WorkflowTaskTimedOut timeout_type=SCHEDULE_TO_START; \
            9 WorkflowTaskScheduled | WorkflowTaskOffer
    """)


def test_on_a_sticky_queue_its_worker_has_the_time_it_asked_for():
    sticky = "sticky_attributes.worker_task_queue=mine"
    sticky += " sticky_attributes.schedule_to_start_timeout=2s"
    story = idle(f"{sticky} timer t 1000s")
    story.tell("""
        update u1 => | WorkflowTaskOffer queue=mine sticky=True normal_queue=q
        wait 2s => 6 WorkflowTaskScheduled task_queue.name=mine; 7 WorkflowTaskTimedOut; \
            8 WorkflowTaskScheduled task_queue.name=q | WorkflowTaskOffer queue=q
    """)


def test_its_worker_does_not_answer(story):
    story.tell(f"""
        update u1 => | {OFFER}
        task => | | messages[0].event_id=6
        wait 10s => 6 WorkflowTaskScheduled; 7 WorkflowTaskStarted identity=none; \
            8 WorkflowTaskTimedOut scheduled_event_id=6 started_event_id=7 \
            timeout_type=START_TO_CLOSE | WorkflowTaskOffer scheduled_event_id=9 attempt=2
        task => | | messages[0].id=u1/request messages[0].event_id=9
        complete accept u1 => 9 WorkflowTaskScheduled attempt=2; 10 WorkflowTaskStarted; \
            11 WorkflowTaskCompleted; 12 WorkflowExecutionUpdateAccepted
    """)


def test_its_worker_fails(story):
    story.tell(f"""
        update u1 => | {OFFER}
        task => | | messages[0].event_id=6
        fail-task cause=WORKFLOW_WORKER_UNHANDLED_FAILURE identity=other => \
            6 WorkflowTaskScheduled; 7 WorkflowTaskStarted identity=other; \
            8 WorkflowTaskFailed scheduled_event_id=6 started_event_id=7 identity=other \
            | WorkflowTaskOffer scheduled_event_id=9 attempt=2
        task => | | messages[0].event_id=9
    """)


def test_an_answer_that_makes_no_sense_loses_it(story):
    story.tell(f"""
        update u1 => | {OFFER}
        task => | | messages[0].event_id=6
        wait 1s =>
        complete finish ; timer x 1s => | {OFFER} | refused InvalidArgument "invalid command \
sequence: [CompleteWorkflowExecution, StartTimer], command CompleteWorkflowExecution must be the \
last command."
        task => | | messages[0].event_id=6
        complete accept u1 => 6 WorkflowTaskScheduled at=1s; 7 WorkflowTaskStarted; \
            8 WorkflowTaskCompleted; 9 WorkflowExecutionUpdateAccepted
    """)


def test_terminated_while_it_waits_it_was_never_there(story):
    story.tell(f"""
        update u1 => | {OFFER}
        terminate => 6 WorkflowExecutionTerminated
    """)


def test_terminated_while_it_is_held_it_has_failed(story):
    story.tell(f"""
        update u1 => | {OFFER}
        task => | | messages[0].event_id=6
        terminate => 6 WorkflowTaskScheduled; 7 WorkflowTaskStarted identity=history-service; \
            8 WorkflowTaskFailed cause=FORCE_CLOSE_COMMAND; 9 WorkflowExecutionTerminated
    """)


def test_an_update_does_not_wait_for_a_start_delay():
    story = Story()
    story.tell("""
        start workflow_start_delay=30s => 1 WorkflowExecutionStarted
        update u1 => | WorkflowTaskOffer scheduled_event_id=2
        task => | | messages[0].event_id=2
        complete accept u1 ; respond u1 1 => 2 WorkflowTaskScheduled; 3 WorkflowTaskStarted; \
            4 WorkflowTaskCompleted; 5 WorkflowExecutionUpdateAccepted; \
            6 WorkflowExecutionUpdateCompleted
        wait 60s =>
    """)


def test_rejected_in_a_start_delay_the_workflow_still_starts():
    story = Story()
    story.tell("""
        start workflow_start_delay=30s => 1 WorkflowExecutionStarted
        update u1 => | WorkflowTaskOffer scheduled_event_id=2
        task => | | messages[0].event_id=2
        complete reject u1 => | UpdateEnded | reset_history_event_id=none
        wait 30s => 2 WorkflowTaskScheduled at=30s | WorkflowTaskOffer
    """)


def test_the_end_of_a_start_delay_makes_it_the_first_task():
    story = Story()
    story.tell("""
        start workflow_start_delay=3s => 1 WorkflowExecutionStarted
        wait 1s =>
        update u1 => | WorkflowTaskOffer scheduled_event_id=2
        wait 2s => 2 WorkflowTaskScheduled at=1s
        task => 3 WorkflowTaskStarted | | messages[0].event_id=2
    """)
