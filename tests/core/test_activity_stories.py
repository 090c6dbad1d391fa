"""Activities as stories: taken, answered, cancelled, described.

The events are those of a real server (its recorded histories of one activity, retries, cancels).
"""

import pytest

from polyrhythm.base.limits import Limits
from polyrhythm.testing.story import Story

GONE = '"invalid activityID or activity already timed out or invoking workflow is completed"'
CLOSED = '"workflow execution already completed"'
WAKES = "WorkflowTaskScheduled | WorkflowTaskOffer queue=q"


@pytest.fixture
def story() -> Story:
    """A run whose first task scheduled activity `a` as event 5."""
    return scheduled()


def scheduled(options: str = "", start: str = "", limits: Limits | None = None) -> Story:
    told = Story(limits)
    told.tell(f"""
        start {start} => 1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
        complete schedule a {options} => 4 WorkflowTaskCompleted; 5 ActivityTaskScheduled \
            workflow_task_completed_event_id=4 | ActivityOffer scheduled_event_id=5 stamp=0
    """)
    return told


def test_one_activity(story):
    story.tell(f"""
        wait 2s =>
        take 5 => | | attempt=1 activity_id=a activity_type=act workflow_namespace=default \
            workflow_type=wf workflow_execution.workflow_id=wf workflow_execution.run_id=run-1 \
            scheduled_time=0s current_attempt_scheduled_time=0s started_time=2s \
            start_to_close_timeout=30s schedule_to_close_timeout=0s heartbeat_timeout=0s \
            retry_policy.initial_interval=1s priority.priority_key=none heartbeat_details=none
        wait 3s =>
        result 5 result=done => 6 ActivityTaskStarted scheduled_event_id=5 identity=worker \
            request_id=poll-1 attempt=1 last_failure=none at=2s; \
            7 ActivityTaskCompleted result=done scheduled_event_id=5 started_event_id=6 \
            identity=worker at=5s; 8 {WAKES}
        task => 9 WorkflowTaskStarted
        complete finish => 10 WorkflowTaskCompleted; 11 WorkflowExecutionCompleted
    """)
    assert not story.run.state.activities
    assert not story.run.state.activity_ids


def test_a_task_carries_input_header_and_the_merged_priority():
    story = scheduled("input=x header={} priority.fairness_key=blue", "priority.priority_key=2")
    story.tell("""
        take 5 => | | input=x header={} priority.priority_key=2 priority.fairness_key=blue
    """)


def test_an_offer_has_the_priority_of_activity_or_workflow():
    story = Story()
    story.tell("""
        start priority.priority_key=2 => 1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled \
            | WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
        complete schedule a; schedule b priority.priority_key=1 => 4 WorkflowTaskCompleted; \
            5 ActivityTaskScheduled; 6 ActivityTaskScheduled \
            | ActivityOffer priority=2; ActivityOffer priority=1
    """)


def test_a_poll_repeated_gets_the_same_answer_and_another_gets_none(story):
    story.tell("""
        take 5 request=r => | | attempt=1
        wait 1s =>
        take 5 request=r => | | attempt=1 started_time=0s
    """)
    assert story.step("take 5 request=other").reply is None


def test_an_obsolete_offer_is_not_taken(story):
    story.tell("""
        take 5 => | | attempt=1
        failure 5 soft =>
        offers 5 =>
    """)
    assert story.step("take 5@0").reply is None, "the first attempt's offer"
    story.tell("wait 1s => | ActivityOffer stamp=1")
    assert story.step("take 5@0").reply is None
    story.tell("take 5 => | | attempt=2")
    assert story.step("take 6").reply is None


def test_an_activity_answers_while_the_workflow_task_is_started(story):
    # Buffered: started and completed get their ids, wired, behind what came with them.
    story.tell("""
        take 5 => | | attempt=1
        signal x => 6 WorkflowExecutionSignaled; 7 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 8 WorkflowTaskStarted
        result 5 result=done => ~ ActivityTaskStarted; ~ ActivityTaskCompleted
        signal y => ~ WorkflowExecutionSignaled
        complete => 9 WorkflowTaskCompleted; 10 ActivityTaskStarted; \
            11 WorkflowExecutionSignaled; \
            12 ActivityTaskCompleted scheduled_event_id=5 started_event_id=10; \
            13 WorkflowTaskScheduled | WorkflowTaskOffer
    """)


def test_answers_twice_late_and_to_nothing(story):
    story.tell(f"""
        result 5 => | | refused NotFound {GONE}
        take 5 => | | attempt=1
        failure 5 soft =>
        result 5@1 => | | refused NotFound {GONE}
        wait 1s => | ActivityOffer
        take 5 => | | attempt=2
        heartbeat 5@1 => | | refused NotFound {GONE}
        failure 5@1 old => | | refused NotFound {GONE}
        canceled 5@1 => | | refused NotFound {GONE}
        result 5 => 6 ActivityTaskStarted attempt=2; 7 ActivityTaskCompleted; 8 {WAKES}
        result 5 => | | refused NotFound {GONE}
        heartbeat 5 => | | refused NotFound {GONE}
        result 99 => | | refused NotFound {GONE}
    """)


def test_answers_after_the_workflow_closed(story):
    story.tell(f"""
        take 5 => | | attempt=1
        signal x => 6 WorkflowExecutionSignaled; 7 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 8 WorkflowTaskStarted
        complete finish => 9 WorkflowTaskCompleted; 10 WorkflowExecutionCompleted
        heartbeat 5 => | | refused NotFound {CLOSED}
        result 5 => | | refused NotFound {CLOSED}
        failure 5 x => | | refused NotFound {CLOSED}
        canceled 5 => | | refused NotFound {CLOSED}
        result id:a => | | refused NotFound {CLOSED}
        take 5 =>
    """)


def test_answers_by_id(story):
    story.tell(f"""
        result id: => | | refused InvalidArgument "activityID cannot be empty"
        result id:zz => | | refused NotFound "cannot find pending activity with ActivityID zz, \
check workflow execution history for more details"
        heartbeat id:a => | | refused NotFound {GONE}
        failure id:a x => | | refused NotFound {GONE}
        take 5 => | | attempt=1
        heartbeat id:a details=half => | | cancel_requested=none
        failure id:a soft =>
        wait 1s => | ActivityOffer
        take 5 => | | attempt=2 heartbeat_details=half
        result id:a => 6 ActivityTaskStarted attempt=2; 7 ActivityTaskCompleted; 8 {WAKES}
    """)


def test_completed_by_id_before_any_worker_took_it(story):
    # A Started event is made up: by whoever completed it, at that moment.
    story.tell(f"""
        wait 4s =>
        result id:a identity=human result=ok => \
            6 ActivityTaskStarted identity=human request_id=none attempt=1 at=4s; \
            7 ActivityTaskCompleted started_event_id=6 result=ok identity=human; 8 {WAKES}
    """)


def test_heartbeats_tell_of_a_cancel_request(story):
    story.tell(f"""
        take 5 => | | attempt=1
        heartbeat 5 details=1 => | | cancel_requested=none
        canceled 5 => | | refused InvalidArgument \
            "unable to mark activity as canceled without activity being request canceled first"
        signal x => 6 WorkflowExecutionSignaled; 7 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 8 WorkflowTaskStarted
        complete cancel-activity 5 => 9 WorkflowTaskCompleted; \
            10 ActivityTaskCancelRequested scheduled_event_id=5 workflow_task_completed_event_id=9
        heartbeat 5 => | | cancel_requested=true
        canceled 5 details=stopped => 11 ActivityTaskStarted; 12 ActivityTaskCanceled \
            details=stopped latest_cancel_requested_event_id=10 scheduled_event_id=5 \
            started_event_id=11 identity=worker; 13 {WAKES}
    """)


def test_oversize_answers_fail_the_activity_and_the_worker_hears_nothing():
    big = "x" * 60
    for verb, words, message, reply in (
        ("result", f"result={big}", "Complete result exceeds size limit.", ""),
        ("canceled", f"details={big}", "Cancel details exceed size limit.", ""),
        (
            "heartbeat",
            f"details={big}",
            "Heartbeat details exceed size limit.",
            "cancel_requested=true",
        ),
    ):
        story = scheduled(limits=Limits(blob_bytes_max=80))
        story.tell(f"""
            take 5 => | | attempt=1
            {verb} 5 {words} => 6 ActivityTaskStarted; 7 ActivityTaskFailed \
                failure.message="{message}" failure.server_failure_info.non_retryable=true \
                failure.source=none retry_state=NON_RETRYABLE_FAILURE identity=worker; \
                8 WorkflowTaskScheduled | WorkflowTaskOffer | {reply or "failures[0]=none"}
        """)


def test_oversize_failures_and_their_details_are_cut_and_reported():
    story = scheduled(limits=Limits(blob_bytes_max=80))
    story.tell(f"""
        take 5 => | | attempt=1
        failure 5 {"m" * 100} last_heartbeat_details={"x" * 100} => 6 ActivityTaskStarted; \
            7 ActivityTaskFailed failure.message="Failure exceeds size limit." \
            failure.cause.message={"m" * 100} retry_state=NON_RETRYABLE_FAILURE; \
            8 WorkflowTaskScheduled | WorkflowTaskOffer \
            | failures[0].message="Heartbeat details exceed size limit." \
            failures[1].message="Failure exceeds size limit."
    """)


def test_eager_activities_start_with_the_answer_to_the_workflow_task():
    story = Story()
    story.tell("""
        start => 1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
        complete schedule a request_eager_execution=true; \
            schedule b request_eager_execution=true task_queue=other => \
            4 WorkflowTaskCompleted; 5 ActivityTaskScheduled; 6 ActivityTaskScheduled \
            | ActivityOffer scheduled_event_id=6 queue=other | activity_id=a attempt=1
    """)
    assert story.run.state.activities[5].identity == "worker"
    assert not story.run.state.activities[6].started_ns


def test_an_eager_activity_cancelled_in_the_same_breath_is_never_started():
    story = Story()
    story.tell("""
        start => 1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
        complete schedule a request_eager_execution=true; cancel-activity 5 => \
            4 WorkflowTaskCompleted; 5 ActivityTaskScheduled; 6 ActivityTaskCancelRequested; \
            7 ActivityTaskCanceled; 8 WorkflowTaskScheduled | WorkflowTaskOffer
    """)


def test_pending_activities_described():
    # current_retry_interval on a first attempt is the recorded answer of 1.31.2.
    told = scheduled("heartbeat_timeout=20s retry_policy.maximum_attempts=5")
    told.tell("""
        pending => | | pending_activities[0].activity_id=a pending_activities[0].attempt=1 \
            pending_activities[0].activity_type=act pending_activities[0].state=SCHEDULED \
            pending_activities[0].maximum_attempts=5 pending_activities[0].scheduled_time=0s \
            pending_activities[0].current_retry_interval=1s \
            pending_activities[0].next_attempt_schedule_time=none \
            pending_activities[0].activity_options.task_queue.name=q \
            pending_activities[0].activity_options.task_queue.normal_name=q \
            pending_activities[0].activity_options.heartbeat_timeout=20s \
            pending_activities[0].activity_options.retry_policy.maximum_attempts=5
        wait 1s =>
        take 5 => | | attempt=1
        heartbeat 5 details=half => | | cancel_requested=none
        pending => | | pending_activities[0].state=STARTED \
            pending_activities[0].last_worker_identity=worker \
            pending_activities[0].last_started_time=1s \
            pending_activities[0].last_heartbeat_time=1s \
            pending_activities[0].heartbeat_details=half \
            pending_activities[0].current_retry_interval=none
        wait 1s =>
        failure 5 soft =>
        pending => | | pending_activities[0].state=SCHEDULED pending_activities[0].attempt=2 \
            pending_activities[0].last_failure.message=soft \
            pending_activities[0].last_worker_identity=worker \
            pending_activities[0].last_attempt_complete_time=2s \
            pending_activities[0].next_attempt_schedule_time=3s \
            pending_activities[0].scheduled_time=3s \
            pending_activities[0].last_started_time=none \
            pending_activities[0].current_retry_interval=1s
        wait 1s => | ActivityOffer
        pending => | | pending_activities[0].next_attempt_schedule_time=none \
            pending_activities[0].current_retry_interval=2s
    """)
