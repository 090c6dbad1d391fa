"""Activities that fail and run out of time, as stories: back-off, the four timeouts, the ends."""

import pytest

from polyrhythm.base.limits import Limits
from polyrhythm.testing.story import Story

WAKES = "WorkflowTaskScheduled | WorkflowTaskOffer"
NO_TIME_LEFT = (
    '"Not enough time to schedule next retry before activity ScheduleToClose timeout,'
    ' giving up retrying"'
)


def scheduled(options: str = "", limits: Limits | None = None) -> Story:
    told = Story(limits)
    told.tell(f"""
        start => 1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
        complete schedule a {options} => 4 WorkflowTaskCompleted; 5 ActivityTaskScheduled \
            | ActivityOffer
    """)
    return told


def test_retries_leave_no_event_until_the_last_attempt():
    scheduled("retry_policy.maximum_attempts=3").tell(f"""
        take 5 => | | attempt=1
        failure 5 one failure.application_failure_info.type=Soft =>
        wait 1s => | ActivityOffer stamp=1
        take 5 => | | attempt=2 current_attempt_scheduled_time=1s scheduled_time=0s
        failure 5 two =>
        wait 2s => | ActivityOffer stamp=2
        take 5 => | | attempt=3 current_attempt_scheduled_time=3s
        failure 5 three => \
            6 ActivityTaskStarted attempt=3 last_failure.message=two at=3s; \
            7 ActivityTaskFailed failure.message=three scheduled_event_id=5 started_event_id=6 \
            retry_state=MAXIMUM_ATTEMPTS_REACHED identity=worker; 8 {WAKES}
    """)


@pytest.mark.parametrize(
    ("policy", "failure"),
    [
        ("", "failure.application_failure_info.non_retryable=true"),
        ("retry_policy.non_retryable_error_types=Listed,Other", "{type}=Listed"),
    ],
)
def test_non_retryable_by_flag_and_by_type(policy, failure):
    words = failure.replace("{type}", "failure.application_failure_info.type")
    scheduled(policy).tell(f"""
        take 5 => | | attempt=1
        failure 5 no {words} => 6 ActivityTaskStarted attempt=1 last_failure=none; \
            7 ActivityTaskFailed retry_state=NON_RETRYABLE_FAILURE; 8 {WAKES}
    """)


def test_a_failure_may_name_its_own_delay_past_the_maximum_interval():
    delay = "failure.application_failure_info.next_retry_delay"
    scheduled("retry_policy.maximum_interval=2s").tell(f"""
        take 5 => | | attempt=1
        failure 5 soft {delay}=10s =>
        wait 9s =>
        wait 1s => | ActivityOffer stamp=1
        take 5 => | | attempt=2 current_attempt_scheduled_time=10s
        failure 5 soft {delay}=-5s => | ActivityOffer stamp=2
        take 5 => | | attempt=3 current_attempt_scheduled_time=5s
        failure 5 soft {delay}=0s => 6 ActivityTaskStarted attempt=3; \
            7 ActivityTaskFailed retry_state=TIMEOUT; 8 {WAKES}
    """)


def test_a_retry_that_would_come_after_schedule_to_close_is_not_made():
    scheduled("schedule_to_close_timeout=5s retry_policy.initial_interval=4s").tell(f"""
        take 5 => | | attempt=1
        wait 2s =>
        failure 5 soft => 6 ActivityTaskStarted; \
            7 ActivityTaskFailed failure.message=soft retry_state=TIMEOUT; 8 {WAKES}
    """)


def test_details_of_a_failure_reach_the_next_attempt():
    scheduled().tell("""
        take 5 => | | attempt=1
        heartbeat 5 details=one => | | cancel_requested=none
        failure 5 soft last_heartbeat_details=two =>
        wait 1s => | ActivityOffer
        take 5 => | | attempt=2 heartbeat_details=two
        heartbeat 5 => | | cancel_requested=none
        failure 5 soft =>
        wait 2s => | ActivityOffer
        take 5 => | | attempt=3 heartbeat_details=none
    """)


def test_a_failure_kept_for_a_retry_is_cut():
    story = scheduled(limits=Limits(failure_bytes_max=40))
    story.tell(f"""
        take 5 => | | attempt=1
        failure 5 {"m" * 50} failure.source=py failure.application_failure_info.type=Soft \
            failure.stack_trace=gone =>
        wait 1s => | ActivityOffer
        take 5 => | | attempt=2
        result 5 => 6 ActivityTaskStarted last_failure.message="Failure exceeds size limit." \
            last_failure.server_failure_info={{}} last_failure.cause.source=py \
            last_failure.cause.message={"m" * 18} last_failure.cause.stack_trace=none \
            last_failure.cause.application_failure_info.type=Soft; \
            7 ActivityTaskCompleted; 8 {WAKES}
    """)


def test_a_failure_without_a_reason_is_retried():
    scheduled("retry_policy.maximum_attempts=2").tell(f"""
        take 5 => | | attempt=1
        failure 5 =>
        wait 1s => | ActivityOffer
        take 5 => | | attempt=2
        failure 5 => 6 ActivityTaskStarted last_failure=none; 7 ActivityTaskFailed failure=none \
            retry_state=MAXIMUM_ATTEMPTS_REACHED; 8 {WAKES}
    """)


def test_start_to_close_without_retries_left():
    scheduled("start_to_close_timeout=1s retry_policy.maximum_attempts=1").tell(f"""
        take 5 => | | attempt=1
        wait 2s => 6 ActivityTaskStarted attempt=1 at=0s; \
            7 ActivityTaskTimedOut failure.message="activity StartToClose timeout" \
            failure.source=Server failure.timeout_failure_info.timeout_type=START_TO_CLOSE \
            failure.cause=none scheduled_event_id=5 started_event_id=6 \
            retry_state=MAXIMUM_ATTEMPTS_REACHED at=1.1s; 8 {WAKES}
        result 5 => | | refused NotFound \
            "invalid activityID or activity already timed out or invoking workflow is completed"
    """)


def test_start_to_close_costs_an_attempt():
    story = scheduled("start_to_close_timeout=1s retry_policy.maximum_attempts=2")
    story.tell(f"""
        take 5 => | | attempt=1
        wait 1100ms =>
        pending => | | pending_activities[0].last_attempt_complete_time=none \
            pending_activities[0].current_retry_interval=1s
        wait 1s => | ActivityOffer stamp=1
        take 5 => | | attempt=2
        result 5 result=ok => 6 ActivityTaskStarted attempt=2 \
            last_failure.message="activity StartToClose timeout" last_failure.source=Server \
            last_failure.timeout_failure_info.timeout_type=START_TO_CLOSE; \
            7 ActivityTaskCompleted; 8 {WAKES}
    """)


def test_start_to_close_listed_as_non_retryable():
    listed = "retry_policy.non_retryable_error_types=TemporalTimeout:StartToClose"
    scheduled(f"start_to_close_timeout=1s {listed}").tell(f"""
        take 5 => | | attempt=1
        wait 1100ms => 6 ActivityTaskStarted; 7 ActivityTaskTimedOut \
            retry_state=NON_RETRYABLE_FAILURE failure.message="activity StartToClose timeout"; \
            8 {WAKES}
    """)


def test_schedule_to_start_is_final():
    scheduled("schedule_to_start_timeout=1s").tell(f"""
        wait 5s => 6 ActivityTaskTimedOut failure.message="activity ScheduleToStart timeout" \
            failure.source=Server failure.timeout_failure_info.timeout_type=SCHEDULE_TO_START \
            scheduled_event_id=5 started_event_id=none retry_state=TIMEOUT at=1s; 7 {WAKES}
    """)


def test_schedule_to_start_counts_anew_for_each_attempt_from_when_it_is_due():
    scheduled("schedule_to_start_timeout=3s").tell(f"""
        wait 2s =>
        take 5 => | | attempt=1
        wait 2s =>
        failure 5 soft =>
        wait 3500ms => | ActivityOffer
        wait 1s => 6 ActivityTaskTimedOut failure.cause.message=soft started_event_id=none \
            retry_state=TIMEOUT at=8s; 7 {WAKES}
    """)


def test_schedule_to_close_while_it_waits_for_a_worker():
    scheduled("schedule_to_close_timeout=5s schedule_to_start_timeout=9s").tell(f"""
        wait 4s =>
        wait 1s => 6 ActivityTaskTimedOut failure.message={NO_TIME_LEFT} \
            failure.timeout_failure_info.timeout_type=SCHEDULE_TO_CLOSE retry_state=TIMEOUT; \
            7 {WAKES}
    """)


def test_schedule_to_close_while_it_runs_keeps_cause_and_details():
    scheduled("schedule_to_close_timeout=5s").tell(f"""
        take 5 => | | attempt=1
        failure 5 soft =>
        wait 1s => | ActivityOffer
        take 5 => | | attempt=2
        heartbeat 5 details=half => | | cancel_requested=none
        wait 4s => 6 ActivityTaskStarted attempt=2 last_failure.message=soft at=1s; \
            7 ActivityTaskTimedOut failure.message={NO_TIME_LEFT} failure.cause.message=soft \
            failure.timeout_failure_info.timeout_type=SCHEDULE_TO_CLOSE \
            failure.timeout_failure_info.last_heartbeat_details=half \
            started_event_id=6 retry_state=TIMEOUT at=5s; 8 {WAKES}
    """)


def test_a_timeout_with_no_time_left_to_retry_reads_as_schedule_to_close():
    options = "schedule_to_close_timeout=5s start_to_close_timeout=2s"
    scheduled(f"{options} retry_policy.initial_interval=10s").tell(f"""
        take 5 => | | attempt=1
        wait 2100ms => 6 ActivityTaskStarted; \
            7 ActivityTaskTimedOut failure.message={NO_TIME_LEFT} \
            failure.timeout_failure_info.timeout_type=SCHEDULE_TO_CLOSE failure.cause=none \
            retry_state=TIMEOUT; 8 {WAKES}
    """)


def test_heartbeats_put_their_timeout_off():
    story = scheduled("heartbeat_timeout=3s retry_policy.maximum_attempts=2")
    story.tell(f"""
        take 5 => | | attempt=1
        wait 2s =>
        heartbeat 5 details=half => | | cancel_requested=none
        wait 2s =>
        heartbeat 5 details=most => | | cancel_requested=none
        wait 2900ms =>
        wait 100ms =>
        pending => | | pending_activities[0].state=SCHEDULED pending_activities[0].attempt=2 \
            pending_activities[0].last_failure.message="activity Heartbeat timeout" \
            pending_activities[0].last_failure.timeout_failure_info.last_heartbeat_details=none
        wait 1s => | ActivityOffer
        take 5 => | | attempt=2 heartbeat_details=most
        wait 3s => 6 ActivityTaskStarted attempt=2; 7 ActivityTaskTimedOut \
            failure.message="activity Heartbeat timeout" \
            failure.timeout_failure_info.timeout_type=HEARTBEAT \
            failure.timeout_failure_info.last_heartbeat_details=most \
            failure.cause.message="activity Heartbeat timeout" \
            retry_state=MAXIMUM_ATTEMPTS_REACHED at=11s; 8 {WAKES}
    """)


def test_after_a_cancel_request_nothing_is_retried():
    for step, event in (
        ("failure 5 soft", "ActivityTaskFailed"),
        ("wait 30100ms", "ActivityTaskTimedOut"),
    ):
        scheduled().tell(f"""
            take 5 => | | attempt=1
            signal x => 6 WorkflowExecutionSignaled; 7 WorkflowTaskScheduled | WorkflowTaskOffer
            task => 8 WorkflowTaskStarted
            complete cancel-activity 5 => 9 WorkflowTaskCompleted; 10 ActivityTaskCancelRequested
            {step} => 11 ActivityTaskStarted; 12 {event} retry_state=CANCEL_REQUESTED; 13 {WAKES}
        """)


def test_a_cancel_in_the_back_off_ends_it_at_once():
    scheduled().tell("""
        take 5 => | | attempt=1
        failure 5 soft =>
        signal x => 6 WorkflowExecutionSignaled; 7 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 8 WorkflowTaskStarted
        complete cancel-activity 5 => 9 WorkflowTaskCompleted; 10 ActivityTaskCancelRequested; \
            11 ActivityTaskCanceled details=ACTIVITY_ID_NOT_STARTED started_event_id=none; \
            12 WorkflowTaskScheduled | WorkflowTaskOffer
        wait 5s =>
    """)


def test_a_timeout_while_the_workflow_task_is_started_is_buffered():
    scheduled("start_to_close_timeout=1s retry_policy.maximum_attempts=1").tell("""
        take 5 => | | attempt=1
        signal x => 6 WorkflowExecutionSignaled; 7 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 8 WorkflowTaskStarted
        wait 1100ms => ~ ActivityTaskStarted; ~ ActivityTaskTimedOut
        complete => 9 WorkflowTaskCompleted; 10 ActivityTaskStarted; \
            11 ActivityTaskTimedOut started_event_id=10; 12 WorkflowTaskScheduled \
            | WorkflowTaskOffer
    """)


def test_two_activities_time_out_with_one_workflow_task():
    told = scheduled("schedule_to_start_timeout=1s")
    told.tell("""
        signal x => 6 WorkflowExecutionSignaled; 7 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 8 WorkflowTaskStarted
        complete schedule b schedule_to_start_timeout=1s => 9 WorkflowTaskCompleted; \
            10 ActivityTaskScheduled | ActivityOffer scheduled_event_id=10
        wait 1s => 11 ActivityTaskTimedOut scheduled_event_id=5; \
            12 WorkflowTaskScheduled; 13 ActivityTaskTimedOut scheduled_event_id=10 \
            | WorkflowTaskOffer
    """)
