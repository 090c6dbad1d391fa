"""ScheduleActivityTask and RequestCancelActivityTask as stories: filled, refused, cancelled.

Refusals are in the words of a recorded server (bad_schedule_activity) or of its validator.
"""

import pytest

from polyrhythm.base.limits import Limits
from polyrhythm.testing.story import Story

BAD = "BadScheduleActivityAttributes"
CENTURY = f"{100 * 365 * 24 * 3600}s"


def begun(start: str = "", limits: Limits | None = None) -> Story:
    """A run whose first workflow task a worker holds."""
    told = Story(limits)
    told.tell(f"""
        start {start} => 1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
    """)
    return told


def refused(commands: str, cause: str, message: str, limits: Limits | None = None) -> None:
    """Tell that the commands fail the workflow task and leave nothing else behind."""
    begun(limits=limits).tell(f"""
        complete timer t 9s; {commands} => \
            4 WorkflowTaskFailed cause={cause} failure.message="{message}" \
            failure.server_failure_info={{}} scheduled_event_id=2 started_event_id=3 \
            | WorkflowTaskOffer attempt=2 | refused InvalidArgument "{message}"
    """)


@pytest.mark.parametrize(
    ("run", "asked", "filled"),
    [
        # (schedule-to-close, schedule-to-start, start-to-close, heartbeat), 0 is none.
        ("", "start_to_close_timeout=30s", "0s 0s 30s 0s"),
        ("", "start_to_close_timeout=none schedule_to_close_timeout=9s", "9s 9s 9s 0s"),
        ("", "schedule_to_close_timeout=9s", "9s 9s 9s 0s"),
        ("", "schedule_to_close_timeout=9s schedule_to_start_timeout=3s", "9s 3s 9s 0s"),
        ("", "schedule_to_close_timeout=9s schedule_to_start_timeout=30s", "9s 9s 9s 0s"),
        ("", "schedule_to_close_timeout=60s", "60s 60s 30s 0s"),
        ("", "heartbeat_timeout=20s", "0s 0s 30s 20s"),
        ("", "heartbeat_timeout=60s", "0s 0s 30s 30s"),
        ("workflow_run_timeout=50s", "", "50s 50s 30s 0s"),
        ("workflow_run_timeout=50s", "schedule_to_start_timeout=9s", "50s 9s 30s 0s"),
        ("workflow_run_timeout=20s", "heartbeat_timeout=25s", "20s 20s 20s 20s"),
        ("workflow_run_timeout=20s", "schedule_to_close_timeout=60s", "20s 20s 20s 0s"),
        ("", "start_to_close_timeout=9000000h", f"0s 0s {CENTURY} 0s"),
    ],
)
def test_timeouts_are_filled_from_each_other_and_cut_by_the_run(run, asked, filled):
    close, start, attempt, beat = filled.split()
    begun(run).tell(f"""
        complete schedule a {asked} => 4 WorkflowTaskCompleted; 5 ActivityTaskScheduled \
            schedule_to_close_timeout={close} schedule_to_start_timeout={start} \
            start_to_close_timeout={attempt} heartbeat_timeout={beat} | ActivityOffer
    """)


def test_a_retry_policy_is_always_there():
    begun().tell("""
        complete schedule a; schedule b retry_policy.maximum_attempts=3 \
            retry_policy.initial_interval=50ms => 4 WorkflowTaskCompleted; \
            5 ActivityTaskScheduled retry_policy.initial_interval=1s \
            retry_policy.backoff_coefficient=2 retry_policy.maximum_interval=100s \
            retry_policy.maximum_attempts=none; \
            6 ActivityTaskScheduled retry_policy.initial_interval=0.05s \
            retry_policy.maximum_interval=5s retry_policy.maximum_attempts=3 \
            | ActivityOffer; ActivityOffer
    """)


def test_what_the_command_carries_is_in_the_event():
    begun().tell("""
        complete schedule a activity_type=mail task_queue=other input=x header={} \
            priority.priority_key=3 user_metadata.summary=hello \
            retry_policy.non_retryable_error_types=A,B => 4 WorkflowTaskCompleted; \
            5 ActivityTaskScheduled activity_id=a activity_type=mail task_queue.name=other \
            task_queue.kind=NORMAL input=x header={} priority.priority_key=3 \
            user_metadata.summary=hello retry_policy.non_retryable_error_types=A,B \
            workflow_task_completed_event_id=4 | ActivityOffer queue=other priority=3
    """)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ('schedule ""', "activityId is not set"),
        ("schedule a activity_type.name=none", "activityType is not set"),
        ("schedule a task_queue.name=none", "missing task queue name"),
        ("schedule a task_queue=none", "taskQueue is not set"),
        (f"schedule a task_queue={'q' * 1001}", "taskQueue length exceeds limit"),
        (
            "schedule a task_queue=/_sys/q",
            "task queue name cannot start with reserved prefix /_sys/",
        ),
        (
            "schedule a task_queue=temporal-sys-per-ns-tq",
            "cannot use internal per-namespace task queue:temporal-sys-per-ns-tq"
            " (in parent component task queue: q)",
        ),
        (
            "schedule a start_to_close_timeout=none",
            "a valid StartToClose or ScheduleToCloseTimeout is not set on"
            " ScheduleActivityTaskCommand. ActivityId=a ActivityType=act",
        ),
        (
            "schedule a start_to_close_timeout=-1s",
            "invalid StartToCloseTimeout: negative duration",
        ),
        (
            "schedule a schedule_to_close_timeout=-1s",
            "invalid ScheduleToCloseTimeout: negative duration",
        ),
        (
            "schedule a schedule_to_start_timeout=-1s",
            "invalid ScheduleToStartTimeout: negative duration",
        ),
        ("schedule a heartbeat_timeout=-1s", "invalid HeartbeatTimeout: negative duration"),
        (
            "schedule a retry_policy.backoff_coefficient=0.5",
            "BackoffCoefficient cannot be less than 1 on retry policy.",
        ),
        (
            "schedule a retry_policy.maximum_attempts=-1",
            "MaximumAttempts cannot be negative on retry policy.",
        ),
        (
            "schedule a retry_policy.initial_interval=10s retry_policy.maximum_interval=1s",
            "MaximumInterval cannot be less than InitialInterval on retry policy.",
        ),
        (
            "schedule a retry_policy.initial_interval=-1s",
            "invalid InitialInterval set on retry policy: negative duration",
        ),
        (
            "schedule a retry_policy.maximum_interval=-1s",
            "invalid MaximumInterval set on retry policy: negative duration",
        ),
        (
            "schedule a retry_policy.non_retryable_error_types=TemporalTimeout:Never",
            "Invalid timeout type value: Never.",
        ),
        (
            f"schedule {'x' * 1001}",
            "activityId exceeds length limit. Length=1001 Limit=1000",
        ),
        (
            f"schedule a activity_type={'x' * 1001}",
            "activityType exceeds length limit. Length=1001 Limit=1000",
        ),
        (
            "schedule a priority.priority_key=-1",
            "invalid priorities: priority key can't be negative",
        ),
        (
            f"schedule a priority.fairness_key={'k' * 65}",
            "invalid priorities: fairness key length exceeds limit",
        ),
        (
            "schedule a priority.fairness_weight=-1",
            "invalid priorities: must be greater than zero",
        ),
        (
            "schedule a use_workflow_build_id=true task_queue=other",
            "Activity with UseCompatibleVersion cannot run on different task queue.",
        ),
        (
            "schedule-nothing",
            "ScheduleActivityTaskCommandAttributes is not set on ScheduleActivityTaskCommand.",
        ),
    ],
)
def test_bad_attributes_fail_the_workflow_task(command, message):
    refused(command, "BAD_SCHEDULE_ACTIVITY_ATTRIBUTES", f"{BAD}: {message}")


def test_one_attempt_needs_no_sound_policy():
    begun().tell("""
        complete schedule a retry_policy.maximum_attempts=1 \
            retry_policy.backoff_coefficient=0.5 => 4 WorkflowTaskCompleted; \
            5 ActivityTaskScheduled retry_policy.backoff_coefficient=0.5 | ActivityOffer
    """)


def test_an_id_may_pend_once():
    refused(
        "schedule a; schedule a",
        "SCHEDULE_ACTIVITY_DUPLICATE_ID",
        "ScheduleActivityDuplicateId: invalid history builder state for action:"
        " add-activitytask-scheduled-event, ActivityID: a",
    )


def test_a_run_may_have_so_many_pending():
    refused(
        "schedule a; schedule b; schedule c",
        "PENDING_ACTIVITIES_LIMIT_EXCEEDED",
        "PendingActivitiesLimitExceeded: the number of pending activities, 2, has reached the"
        " per-workflow limit of 2",
        Limits(pending_activities_max=2),
    )


def test_an_oversize_input_terminates_the_workflow():
    message = f"{BAD}: ScheduleActivityTaskCommandAttributes.Input exceeds size limit."
    begun(limits=Limits(blob_bytes_max=50)).tell(f"""
        complete schedule a input={"x" * 60} => 4 WorkflowTaskFailed \
            cause=BAD_SCHEDULE_ACTIVITY_ATTRIBUTES; 5 WorkflowExecutionTerminated \
            reason="{message}" identity=history-service | | refused InvalidArgument "{message}"
    """)


def test_cancelled_before_any_worker_took_it():
    begun().tell("""
        complete schedule a => 4 WorkflowTaskCompleted; 5 ActivityTaskScheduled | ActivityOffer
        signal x => 6 WorkflowExecutionSignaled; 7 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 8 WorkflowTaskStarted
        complete cancel-activity 5 => 9 WorkflowTaskCompleted; \
            10 ActivityTaskCancelRequested scheduled_event_id=5 \
            workflow_task_completed_event_id=9; \
            11 ActivityTaskCanceled details=ACTIVITY_ID_NOT_STARTED \
            latest_cancel_requested_event_id=10 scheduled_event_id=5 started_event_id=none \
            identity=worker; 12 WorkflowTaskScheduled | WorkflowTaskOffer
        take 5 =>
    """)


def test_cancelled_when_its_end_is_still_buffered():
    begun().tell("""
        complete schedule a => 4 WorkflowTaskCompleted; 5 ActivityTaskScheduled | ActivityOffer
        take 5 => | | attempt=1
        signal x => 6 WorkflowExecutionSignaled; 7 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 8 WorkflowTaskStarted
        result 5 => ~ ActivityTaskStarted; ~ ActivityTaskCompleted
        complete cancel-activity 5 => 9 WorkflowTaskCompleted; \
            10 ActivityTaskCancelRequested scheduled_event_id=5; 11 ActivityTaskStarted; \
            12 ActivityTaskCompleted started_event_id=11; 13 WorkflowTaskScheduled \
            | WorkflowTaskOffer
    """)


def test_cancelled_twice_in_one_breath_is_asked_twice_and_ends_once():
    begun().tell("""
        complete schedule a; cancel-activity 5; cancel-activity 5 => 4 WorkflowTaskCompleted; \
            5 ActivityTaskScheduled; 6 ActivityTaskCancelRequested; 7 ActivityTaskCanceled; \
            8 ActivityTaskCancelRequested; 9 WorkflowTaskScheduled \
            | ActivityOffer; WorkflowTaskOffer
        take 5 =>
    """)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("cancel-activity 0", "ScheduledEventId is not set on RequestCancelActivityTaskCommand."),
        (
            "cancel-activity 77",
            "invalid history builder state for action: add-activitytask-cancel-requested-event,"
            " ScheduledEventID: 77",
        ),
        (
            "cancel-nothing",
            "RequestCancelActivityTaskCommandAttributes is not set on"
            " RequestCancelActivityTaskCommand.",
        ),
    ],
)
def test_bad_cancels(command, message):
    cause = "BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES"
    refused(command, cause, f"BadRequestCancelActivityAttributes: {message}")


def test_a_second_cancel_request_is_refused():
    message = (
        "BadRequestCancelActivityAttributes: invalid history builder state for action:"
        " add-activitytask-cancel-requested-event, ScheduledEventID: 5"
    )
    begun().tell(f"""
        complete schedule a => 4 WorkflowTaskCompleted; 5 ActivityTaskScheduled | ActivityOffer
        take 5 => | | attempt=1
        signal x => 6 WorkflowExecutionSignaled; 7 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 8 WorkflowTaskStarted
        complete cancel-activity 5; cancel-activity 5 => 9 WorkflowTaskFailed \
            cause=BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES | WorkflowTaskOffer \
            | refused InvalidArgument "{message}"
    """)
