"""Pause, unpause and reset of activities, as stories; the fold is proved by each.

The server's answers are recorded in the corpus (activity_ops); here stand the rules behind them.
"""

import pytest
from temporalio.api.common.v1 import SearchAttributes

from polyrhythm.testing.story import Story

WAKES = "WorkflowTaskScheduled | WorkflowTaskOffer"
CLOSED = 'refused NotFound "workflow execution already completed"'
UNKNOWN = (
    "refused NotFound \"Can't find pending activity with such ID."
    ' Invalid activityID or activity already completed"'
)
GONE = (
    'refused NotFound "invalid activityID or activity already timed out or invoking workflow is'
    ' completed"'
)


def scheduled(options: str = "") -> Story:
    told = Story()
    told.tell(f"""
        start => 1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
        complete schedule a {options} => 4 WorkflowTaskCompleted; 5 ActivityTaskScheduled \
            | ActivityOffer stamp=0
    """)
    return told


def pause_attribute(told: Story) -> bytes:
    attributes = SearchAttributes.FromString(told.run.state.search_attributes)
    return attributes.indexed_fields["TemporalPauseInfo"].data


def test_a_paused_activity_is_not_handed_out():
    told = scheduled()
    told.tell("""
        pause a reason=why =>
        take 5@0 =>
        take 5@1 =>
        offers 5 =>
        pending => | | pending_activities[0].state=PAUSED pending_activities[0].paused=true \
            pending_activities[0].pause_info.manual.reason=why \
            pending_activities[0].pause_info.manual.identity=operator \
            pending_activities[0].pause_info.pause_time=0s
        wait 5s =>
        pause a reason=other =>
        pending => | | pending_activities[0].pause_info.manual.reason=why
    """)
    assert pause_attribute(told) == b'["property:activityType=act"]'
    told.tell("""
        unpause a => | ActivityOffer stamp=2
        unpause a =>
        pending => | | pending_activities[0].state=SCHEDULED pending_activities[0].paused=none \
            pending_activities[0].scheduled_time=5s
        take 5 => | | attempt=1 current_attempt_scheduled_time=5s scheduled_time=0s
    """)
    assert pause_attribute(told) == b"null"


def test_a_running_activity_is_told_and_its_failure_waits_for_the_end_of_the_pause():
    scheduled("retry_policy.maximum_attempts=1").tell(f"""
        take 5 => | | attempt=1
        pause a =>
        heartbeat 5 details=half => | | activity_paused=true
        pending => | | pending_activities[0].state=PAUSE_REQUESTED
        failure 5 soft =>
        heartbeat 5 => | | {GONE}
        pending => | | pending_activities[0].state=PAUSED pending_activities[0].attempt=2 \
            pending_activities[0].last_failure.message=soft \
            pending_activities[0].current_retry_interval=2s
        wait 1h =>
        unpause a => | ActivityOffer stamp=2
        take 5 => | | attempt=2 heartbeat_details=half
        failure 5 again => 6 ActivityTaskStarted attempt=2 last_failure=none; \
            7 ActivityTaskFailed retry_state=MAXIMUM_ATTEMPTS_REACHED; 8 {WAKES}
    """)


def test_a_paused_activity_may_complete_and_fail_for_good():
    fatal = "failure.application_failure_info.non_retryable=true"
    told = scheduled()
    told.tell(f"""
        take 5 => | | attempt=1
        pause a =>
        failure 5 no {fatal} => 6 ActivityTaskStarted; \
            7 ActivityTaskFailed retry_state=NON_RETRYABLE_FAILURE; 8 {WAKES}
    """)
    assert pause_attribute(told) == b'["property:activityType=act"]'
    scheduled().tell(f"""
        take 5 => | | attempt=1
        pause a =>
        result 5 => 6 ActivityTaskStarted; 7 ActivityTaskCompleted; 8 {WAKES}
    """)


def test_nothing_of_a_paused_activity_times_out():
    limits = "schedule_to_start_timeout=2s schedule_to_close_timeout=100s"
    scheduled(f"{limits} start_to_close_timeout=3s").tell(f"""
        pause a =>
        wait 50s =>
        unpause a => | ActivityOffer
        wait 1s =>
        take 5 => | | attempt=1
        pause a =>
        wait 30s =>
        heartbeat 5 => | | activity_paused=true
        # Its start-to-close is long over, and counts again now.
        unpause a =>
        wait 1s => | ActivityOffer
        take 5 => | | attempt=2
        pause a =>
        wait 60s =>
        unpause a =>
        wait 1ms => 6 ActivityTaskStarted; \
            7 ActivityTaskTimedOut failure.timeout_failure_info.timeout_type=SCHEDULE_TO_CLOSE; \
            8 {WAKES}
    """)


def test_unpausing_may_forget_attempts_and_heartbeats_and_wait_at_random():
    scheduled().tell(
        """
        take 5 => | | attempt=1
        heartbeat 5 details=half => | | {}
        pause a =>
        failure 5 soft =>
        unpause a reset_attempts=true reset_heartbeat=true jitter=10s =>
        pending => | | pending_activities[0].attempt=1 pending_activities[0].last_failure=none
        wait 10s => | ActivityOffer stamp=2
        take 5 => | | attempt=1 heartbeat_details=none
    """.replace("{}", "cancel_requested=none")
    )


def test_jitter_is_spread_and_never_longer_than_asked_for():
    waits = set()
    for _ in range(20):
        told = scheduled()
        told.tell("""
            pause a =>
        """)
        for _ in range(len(waits)):
            told.run.context.ids.run_id()
        told.step("unpause a jitter=1s")
        activity = told.run.state.activities[5]
        waits.add(activity.available_ns - told.run.context.now_ns)
    assert len(waits) > 10
    assert all(0 <= wait < 1_000_000_000 for wait in waits)


def test_a_reset_in_back_off_starts_at_once_and_forgets_the_failure():
    scheduled("retry_policy.initial_interval=100s retry_policy.maximum_interval=100s").tell("""
        take 5 => | | attempt=1
        heartbeat 5 details=half => | | cancel_requested=none
        failure 5 soft =>
        wait 1s =>
        reset-activity a reset_heartbeat=true => | ActivityOffer stamp=2
        pending => | | pending_activities[0].attempt=1 pending_activities[0].last_failure=none \
            pending_activities[0].heartbeat_details=none
        wait 200s =>
        take 5 => | | attempt=1 heartbeat_details=none
    """)


def test_a_running_first_attempt_is_told_of_its_reset():
    scheduled().tell("""
        take 5 => | | attempt=1
        heartbeat 5 details=half => | | activity_reset=none
        reset-activity a reset_heartbeat=true =>
        heartbeat 5 details=more => | | activity_reset=true
        pending => | | pending_activities[0].heartbeat_details=more
        failure 5 soft =>
        wait 1s => | ActivityOffer
        take 5 => | | attempt=2 heartbeat_details=none
        heartbeat 5 => | | activity_reset=none
    """)


def test_a_reset_makes_a_later_attempt_worthless_until_it_times_out():
    scheduled("start_to_close_timeout=5s").tell(f"""
        take 5 => | | attempt=1
        failure 5 soft =>
        wait 1s => | ActivityOffer
        take 5 => | | attempt=2
        reset-activity a =>
        heartbeat 5 => | | {GONE}
        result 5 => | | {GONE}
        wait 5100ms =>
        wait 1s => | ActivityOffer
        take 5 => | | attempt=2
    """)


def test_a_reset_unpauses_what_no_worker_has_unless_it_is_kept():
    scheduled().tell("""
        take 5 => | | attempt=1
        pause a =>
        failure 5 soft =>
        reset-activity a keep_paused=true =>
        pending => | | pending_activities[0].state=PAUSED pending_activities[0].attempt=1 \
            pending_activities[0].last_failure.message=soft
        reset-activity a => | ActivityOffer
        pending => | | pending_activities[0].state=SCHEDULED pending_activities[0].attempt=1
        take 5 => | | attempt=1
        pause a =>
        reset-activity a =>
        pending => | | pending_activities[0].state=PAUSE_REQUESTED
    """)


@pytest.mark.parametrize("verb", ["pause", "unpause", "reset-activity", "options"])
def test_unknown_activities_and_closed_runs(verb):
    rest = "mask=priority" if verb == "options" else ""
    scheduled().tell(f"""
        {verb} zz {rest} => | | {UNKNOWN}
        {verb} type:zz {rest} => | | {UNKNOWN}
        terminate => 6 WorkflowExecutionTerminated
        {verb} a {rest} => | | {CLOSED}
        {verb} zz {rest} => | | {CLOSED}
    """)
