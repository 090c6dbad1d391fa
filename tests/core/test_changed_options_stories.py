"""Changed options of activities and of runs, as stories; the fold is proved by each.

The server's answers are recorded in the corpus (activity_ops, workflow_options).
"""

import pytest

from polyrhythm.testing.story import Story

WAKES = "WorkflowTaskScheduled | WorkflowTaskOffer"


def scheduled(options: str = "") -> Story:
    told = Story()
    told.tell(f"""
        start => 1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
        complete schedule a {options} => 4 WorkflowTaskCompleted; 5 ActivityTaskScheduled \
            | ActivityOffer stamp=0
    """)
    return told


def test_options_are_merged_by_mask_checked_and_filled_as_a_command_s():
    scheduled().tell("""
        options a mask=heartbeat_timeout heartbeat_timeout=60s => | ActivityOffer stamp=1 \
            | activity_options.heartbeat_timeout=30s activity_options.task_queue.kind=NORMAL
        options a mask=scheduleToCloseTimeout schedule_to_close_timeout=20s => | ActivityOffer \
            | activity_options.schedule_to_close_timeout=20s \
            activity_options.schedule_to_start_timeout=20s \
            activity_options.start_to_close_timeout=20s activity_options.heartbeat_timeout=20s
        options a mask=task_queue.name task_queue=other => | ActivityOffer queue=other | \
            activity_options.task_queue.name=other
        options a mask=priority.priority_key priority.priority_key=4 => \
            | ActivityOffer priority=4 | activity_options.priority.priority_key=4
        take 5 => | | schedule_to_close_timeout=0s heartbeat_timeout=0s priority.priority_key=4
        options a restore => | | activity_options.schedule_to_close_timeout=0s \
            activity_options.task_queue.name=q activity_options.priority=none
        pending => | | pending_activities[0].activity_options.task_queue.name=q \
            pending_activities[0].activity_options.start_to_close_timeout=30s
    """)


def test_changed_timeouts_count_from_when_the_old_ones_did():
    scheduled("start_to_close_timeout=10s").tell(f"""
        take 5 => | | attempt=1
        options a mask=start_to_close_timeout,schedule_to_close_timeout \
            schedule_to_close_timeout=15s start_to_close_timeout=50s => | \
            | activity_options.start_to_close_timeout=15s
        wait 14s =>
        wait 1s => 6 ActivityTaskStarted; 7 ActivityTaskTimedOut at=15s; 8 {WAKES}
    """)


def test_attempts_are_made_until_the_first_schedule_to_close():
    # As on the server: the deadline moves, the time of the last attempt does not.
    scheduled("schedule_to_close_timeout=10s retry_policy.initial_interval=8s").tell(f"""
        take 5 => | | attempt=1
        options a mask=schedule_to_close_timeout schedule_to_close_timeout=100s => | \
            | activity_options.schedule_to_close_timeout=100s
        pending => | | pending_activities[0].expiration_time=10s
        wait 3s =>
        failure 5 soft => 6 ActivityTaskStarted; 7 ActivityTaskFailed retry_state=TIMEOUT; 8 {WAKES}
    """)


def test_a_retry_is_timed_anew_by_the_changed_policy():
    scheduled("retry_policy.initial_interval=100s retry_policy.maximum_interval=100s").tell("""
        take 5 => | | attempt=1
        failure 5 soft =>
        options a mask=retry_policy.initial_interval retry_policy.initial_interval=3s => | \
            | activity_options.retry_policy.initial_interval=3s
        pending => | | pending_activities[0].last_failure=none \
            pending_activities[0].next_attempt_schedule_time=6s
        wait 5s =>
        wait 1s => | ActivityOffer stamp=2
        take 5 => | | attempt=2 retry_policy.initial_interval=3s
    """)


def test_a_retry_after_a_timeout_is_due_at_once():
    told = scheduled("start_to_close_timeout=1s retry_policy.initial_interval=100s")
    told.tell("""
        take 5 => | | attempt=1
        wait 1100ms =>
        options a mask=retry_policy.initial_interval retry_policy.initial_interval=3s => \
            | ActivityOffer | activity_options.retry_policy.initial_interval=3s
    """)


def test_the_changed_policy_is_what_retries_go_by():
    told = scheduled("retry_policy.non_retryable_error_types=Listed")
    told.tell(f"""
        options a mask=retryPolicy retry_policy.maximum_attempts=2 \
            retry_policy.initial_interval=1s retry_policy.backoff_coefficient=1 => \
            | ActivityOffer | activity_options.retry_policy.maximum_attempts=2
        take 5 => | | attempt=1 retry_policy.maximum_attempts=2 \
            retry_policy.non_retryable_error_types=Listed
        failure 5 soft =>
        wait 1s => | ActivityOffer
        take 5 => | | attempt=2
        failure 5 soft => 6 ActivityTaskStarted; \
            7 ActivityTaskFailed retry_state=MAXIMUM_ATTEMPTS_REACHED; 8 {WAKES}
    """)


def test_a_reset_may_restore_options_but_not_the_priority():
    scheduled("heartbeat_timeout=5s").tell("""
        options a mask=heartbeat_timeout,priority heartbeat_timeout=9s priority.priority_key=5 => \
            | ActivityOffer | activity_options.heartbeat_timeout=9s
        reset-activity a restore_original_options=true => | ActivityOffer priority=5
        pending => | | pending_activities[0].activity_options.heartbeat_timeout=5s \
            pending_activities[0].priority.priority_key=5
    """)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("heartbeat_timeout=5s", "UpdateMask is not provided"),
        ("mask=task_queue.name", "TaskQueue is not provided"),
        ("mask=task_queue.name task_queue.normal_name=x", "missing task queue name"),
        ("mask=priority.fairness_key", "Priority is not provided"),
        ("mask=retry_policy.maximum_attempts", "RetryPolicy is not provided"),
        ("mask=retry_policy", "RetryPolicy is not provided"),
        (
            "mask=start_to_close_timeout start_to_close_timeout=-1s",
            "invalid StartToCloseTimeout: negative duration",
        ),
        (
            "mask=start_to_close_timeout",
            "a valid StartToClose or ScheduleToCloseTimeout is not set on"
            " ScheduleActivityTaskCommand. ActivityId=a ActivityType=act",
        ),
    ],
)
def test_options_that_cannot_be(words, said):
    scheduled().tell(f"""
        options a {words} => | | refused InvalidArgument "{said}"
        pending => | | pending_activities[0].activity_options.start_to_close_timeout=30s
        take 5@0 => | | attempt=1
    """)


def test_one_of_a_type_that_cannot_be_changed_leaves_all_as_they_were():
    told = scheduled()
    told.tell("""
        signal s => 6 WorkflowExecutionSignaled; 7 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 8 WorkflowTaskStarted
        complete schedule b schedule_to_close_timeout=9s => 9 WorkflowTaskCompleted; \
            10 ActivityTaskScheduled | ActivityOffer
        options type:act mask=start_to_close_timeout => | | refused InvalidArgument \
            "a valid StartToClose or ScheduleToCloseTimeout is not set on \
ScheduleActivityTaskCommand. ActivityId=a ActivityType=act"
        take 5@0 => | | attempt=1
        take 10@0 => | | attempt=1
        pause type:act =>
        pending => | | pending_activities[0].paused=true pending_activities[1].paused=true
    """)


def test_a_priority_is_set_in_parts_and_never_unset():
    told = Story()
    told.tell("""
        start priority.priority_key=3 => 1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled \
            | WorkflowTaskOffer priority=3
        workflow-options mask=priority priority.priority_key=1 priority.fairness_key=f => \
            3 WorkflowExecutionOptionsUpdated unset_versioning_override=true identity=operator \
            priority.priority_key=1 priority.fairness_key=f | WorkflowTaskOffer priority=1 \
            | workflow_execution_options.priority.priority_key=1
        workflow-options mask=priority priority.priority_key=1 priority.fairness_key=f => | \
            | workflow_execution_options.priority.priority_key=1
        workflow-options mask=priority.fairness_weight priority.fairness_weight=2 => \
            4 WorkflowExecutionOptionsUpdated priority.fairness_weight=2 priority.priority_key=1 \
            | | workflow_execution_options.priority.fairness_weight=2
        workflow-options mask=priority => 5 WorkflowExecutionOptionsUpdated priority=none \
            | | workflow_execution_options={}
        workflow-options mask=priority => 6 WorkflowExecutionOptionsUpdated priority=none \
            | | workflow_execution_options={}
        task => 7 WorkflowTaskStarted
        complete schedule a; schedule b priority.priority_key=5 => 8 WorkflowTaskCompleted; \
            9 ActivityTaskScheduled priority=none; 10 ActivityTaskScheduled \
            | ActivityOffer priority=1; ActivityOffer priority=5
        take 9 => | | priority.priority_key=1 priority.fairness_key=f priority.fairness_weight=2
        take 10 => | | priority.priority_key=5 priority.fairness_key=f
    """)


def test_a_priority_is_buffered_behind_a_started_task_and_counts_at_once():
    told = Story()
    told.tell("""
        start => 1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
        workflow-options mask=priority.priority_key priority.priority_key=2 => \
            ~ WorkflowExecutionOptionsUpdated | | workflow_execution_options.priority.priority_key=2
        complete => 4 WorkflowTaskCompleted; 5 WorkflowExecutionOptionsUpdated; \
            6 WorkflowTaskScheduled | WorkflowTaskOffer priority=2
    """)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "mask=versioning_override.behavior",
            "InvalidArgument error applying update_options: versioning_override fields must be"
            " updated together",
        ),
        (
            "mask=versioning_override versioning_override.pinned_version=x",
            "InvalidArgument override behavior is required",
        ),
    ],
)
def test_workflow_options_that_cannot_be(words, said):
    kind, _, message = said.partition(" ")
    scheduled().tell(f'workflow-options {words} => | | refused {kind} "{message}"')
