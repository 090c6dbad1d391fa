"""Stories of chains: which run follows an end by retry policy or cron schedule, and when.

The events are those of a real server: its recorded histories of retries and timeouts, and its
source where nothing was recorded (cron, results and failures handed on).
"""

from __future__ import annotations

import pytest

from polyrhythm.testing.story import Story

BEGINS = "1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled"
OFFERED = "| WorkflowTaskOffer"


def tell(text: str) -> Story:
    story = Story()
    story.tell(text)
    return story


def begun(words: str = "") -> Story:
    """A run whose first task a worker has."""
    return tell(
        f"""
        start {words} => {BEGINS} {OFFERED}
        task => 3 WorkflowTaskStarted
        """
    )


POLICY = "retry_policy.initial_interval={} retry_policy.maximum_attempts={}"


def test_a_failed_run_is_tried_again() -> None:
    # Recorded: retries_timeouts.workflow_retry.
    policy = POLICY.format("200ms", 2) + " retry_policy.backoff_coefficient=1"
    begun(f"input=in last_completion_result=7 {policy}").tell(
        """
        complete fail first application_failure_info.type=F => 4 WorkflowTaskCompleted; \
            5 WorkflowExecutionFailed failure.message=first retry_state=IN_PROGRESS \
            workflow_task_completed_event_id=4 new_execution_run_id=run-3 | NewRun
        follow => 1 WorkflowExecutionStarted input=in workflow_type=wf task_queue.name=q \
            workflow_task_timeout=10s continued_execution_run_id=run-1 initiator=RETRY \
            continued_failure.message=first continued_failure.application_failure_info.type=F \
            original_execution_run_id=run-3 first_execution_run_id=run-1 attempt=2 \
            retry_policy.initial_interval=0.2s retry_policy.maximum_interval=20s \
            retry_policy.maximum_attempts=2 first_workflow_task_backoff=1s identity=none \
            last_completion_result=none workflow_run_timeout=none
        wait 1s => 2 WorkflowTaskScheduled attempt=1 | WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
        complete fail second => 4 WorkflowTaskCompleted; 5 WorkflowExecutionFailed \
            retry_state=MAXIMUM_ATTEMPTS_REACHED new_execution_run_id=none
        """
    )


def test_waits_grow_with_the_attempts() -> None:
    begun(POLICY.format("10s", 0) + " retry_policy.maximum_interval=15s").tell(
        """
        complete fail one => 4 WorkflowTaskCompleted; 5 WorkflowExecutionFailed | NewRun
        follow => 1 WorkflowExecutionStarted attempt=2 first_workflow_task_backoff=10s
        wait 10s => 2 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
        complete fail two => 4 WorkflowTaskCompleted; 5 WorkflowExecutionFailed | NewRun
        follow => 1 WorkflowExecutionStarted attempt=3 first_workflow_task_backoff=15s
        """
    )


@pytest.mark.parametrize(
    ("asked", "wait"),
    [("5s", "5s"), ("40s", "30s"), ("-1s", "30s")],
)
def test_a_failure_may_ask_for_a_delay_within_the_policy(asked: str, wait: str) -> None:
    # Unlike an activity's, a workflow's is cut to the policy's maximum.
    begun(POLICY.format("10s", 0) + " retry_policy.maximum_interval=30s").tell(
        f"""
        complete fail x application_failure_info.next_retry_delay={asked} => \
            4 WorkflowTaskCompleted; 5 WorkflowExecutionFailed retry_state=IN_PROGRESS | NewRun
        follow => 1 WorkflowExecutionStarted first_workflow_task_backoff={wait}
        """
    )


@pytest.mark.parametrize(
    ("start", "failure", "state"),
    [
        ("", "", "RETRY_POLICY_NOT_SET"),
        (
            POLICY.format("1s", 5),
            "application_failure_info.non_retryable=true",
            "NON_RETRYABLE_FAILURE",
        ),
        (
            POLICY.format("1s", 5) + " retry_policy.non_retryable_error_types=Listed",
            "application_failure_info.type=Listed",
            "NON_RETRYABLE_FAILURE",
        ),
        (POLICY.format("1s", 1), "", "MAXIMUM_ATTEMPTS_REACHED"),
        # The next attempt would begin after the execution's deadline.
        ("workflow_execution_timeout=5s " + POLICY.format("6s", 5), "", "TIMEOUT"),
    ],
)
def test_a_failed_run_that_is_the_last(start: str, failure: str, state: str) -> None:
    begun(start).tell(
        f"""
        complete fail x {failure} => 4 WorkflowTaskCompleted; 5 WorkflowExecutionFailed \
            retry_state={state} new_execution_run_id=none
        """
    )


def test_a_run_that_timed_out_is_tried_again() -> None:
    begun("workflow_run_timeout=5s last_completion_result=7 " + POLICY.format("3s", 2)).tell(
        """
        signal s => ~ WorkflowExecutionSignaled
        wait 5s => 4 WorkflowTaskFailed cause=FORCE_CLOSE_COMMAND; 5 WorkflowExecutionSignaled; \
            6 WorkflowExecutionTimedOut retry_state=IN_PROGRESS new_execution_run_id=run-3 | NewRun
        follow => 1 WorkflowExecutionStarted initiator=RETRY attempt=2 workflow_run_timeout=5s \
            first_workflow_task_backoff=3s continued_failure.message="workflow timeout" \
            continued_failure.source=Server last_completion_result=7 \
            continued_failure.timeout_failure_info.timeout_type=START_TO_CLOSE
        # The run's time begins with its first task.
        wait 7s => 2 WorkflowTaskScheduled at=8s | WorkflowTaskOffer
        wait 1s => 3 WorkflowExecutionTimedOut at=13s retry_state=MAXIMUM_ATTEMPTS_REACHED \
            new_execution_run_id=none
        """
    )


def test_the_executions_deadline_ends_the_chain() -> None:
    # Recorded: retries_timeouts.execution_timeout_over_chain.
    policy = POLICY.format("1s", 5)
    begun(f"workflow_execution_timeout=3s {policy}").tell(
        """
        complete continue-as-new retry_policy.maximum_attempts=9 cron_schedule=@hourly => \
            4 WorkflowTaskCompleted; 5 WorkflowExecutionContinuedAsNew workflow_run_timeout=3s | \
            NewRun
        follow => 1 WorkflowExecutionStarted workflow_execution_timeout=3s \
            workflow_run_timeout=3s workflow_execution_expiration_time=3s
        wait 5s => 2 WorkflowTaskScheduled at=1s; 3 WorkflowExecutionTimedOut at=3s \
            retry_state=TIMEOUT new_execution_run_id=none | WorkflowTaskOffer
        """
    )


# Stories begin at 22:13:20 UTC.
HOURLY = """
    start cron_schedule=@hourly {} => 1 WorkflowExecutionStarted cron_schedule=@hourly \
        initiator=CRON_SCHEDULE first_workflow_task_backoff=2800s attempt=1 \
        eager_execution_accepted=none continued_execution_run_id=none
    wait 2800s => 2 WorkflowTaskScheduled at=2800s | WorkflowTaskOffer
    task => 3 WorkflowTaskStarted
"""


def test_a_cron_schedule_goes_on_after_a_result() -> None:
    tell(HOURLY.format("input=in request_eager_execution=true")).tell(
        """
        wait 5s =>
        complete finish result=done => 4 WorkflowTaskCompleted; 5 WorkflowExecutionCompleted \
            result=done new_execution_run_id=run-3 | NewRun
        follow => 1 WorkflowExecutionStarted initiator=CRON_SCHEDULE input=in attempt=1 \
            cron_schedule=@hourly first_workflow_task_backoff=3595s last_completion_result=done \
            continued_failure=none continued_execution_run_id=run-1 first_execution_run_id=run-1
        wait 3595s => 2 WorkflowTaskScheduled at=6400s | WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
        complete fail broken => 4 WorkflowTaskCompleted; 5 WorkflowExecutionFailed \
            retry_state=RETRY_POLICY_NOT_SET new_execution_run_id=run-5 | NewRun
        follow => 1 WorkflowExecutionStarted initiator=CRON_SCHEDULE attempt=1 \
            first_workflow_task_backoff=3600s continued_failure.message=broken \
            last_completion_result=done continued_execution_run_id=run-3
        """
    )


def test_a_cron_run_that_overran_leaves_out_what_it_missed() -> None:
    tell(HOURLY.format("")).tell(
        """
        complete timer t 9000s => 4 WorkflowTaskCompleted; 5 TimerStarted
        wait 9000s => 6 TimerFired; 7 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 8 WorkflowTaskStarted
        complete finish => 9 WorkflowTaskCompleted; 10 WorkflowExecutionCompleted | NewRun
        # It is 01:30, and 00:00 and 01:00 have passed.
        follow => 1 WorkflowExecutionStarted first_workflow_task_backoff=1800s
        """
    )


def test_a_cron_run_is_tried_again_before_the_schedule_goes_on() -> None:
    tell(HOURLY.format(POLICY.format("5s", 2))).tell(
        """
        complete fail one => 4 WorkflowTaskCompleted; 5 WorkflowExecutionFailed \
            retry_state=IN_PROGRESS | NewRun
        follow => 1 WorkflowExecutionStarted initiator=RETRY attempt=2 cron_schedule=@hourly \
            first_workflow_task_backoff=5s continued_failure.message=one
        wait 5s => 2 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
        complete fail two => 4 WorkflowTaskCompleted; 5 WorkflowExecutionFailed \
            retry_state=MAXIMUM_ATTEMPTS_REACHED new_execution_run_id=run-5 | NewRun
        follow => 1 WorkflowExecutionStarted initiator=CRON_SCHEDULE attempt=1 \
            first_workflow_task_backoff=3595s continued_failure.message=two
        """
    )


def test_a_cron_run_that_timed_out_is_followed() -> None:
    tell(HOURLY.format("workflow_run_timeout=60s")).tell(
        """
        complete timer t 1h => 4 WorkflowTaskCompleted; 5 TimerStarted
        wait 60s => 6 WorkflowExecutionTimedOut retry_state=RETRY_POLICY_NOT_SET \
            new_execution_run_id=run-3 at=2860s | NewRun
        follow => 1 WorkflowExecutionStarted initiator=CRON_SCHEDULE \
            first_workflow_task_backoff=3540s continued_failure.message="workflow timeout"
        """
    )


@pytest.mark.parametrize(
    ("end", "event"),
    [
        ("complete cancel", "4 WorkflowTaskCompleted; 5 WorkflowExecutionCanceled"),
        ("terminate", "4 WorkflowTaskFailed; 5 WorkflowExecutionTerminated"),
    ],
)
def test_who_cancels_or_terminates_means_the_chain(end: str, event: str) -> None:
    tell(HOURLY.format(POLICY.format("5s", 9))).tell(f"{end} => {event} new_execution_run_id=none")


def test_continue_as_new_takes_any_schedule_and_one_that_is_none_has_no_next() -> None:
    begun().tell(
        """
        wait 1s =>
        complete continue-as-new cron_schedule=nonsense => 4 WorkflowTaskCompleted; \
            5 WorkflowExecutionContinuedAsNew | NewRun
        follow => 1 WorkflowExecutionStarted cron_schedule=nonsense; 2 WorkflowTaskScheduled | \
            WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
        complete finish => 4 WorkflowTaskCompleted; 5 WorkflowExecutionCompleted \
            new_execution_run_id=none
        """
    )


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        ("nonsense", "invalid CronSchedule."),
        ('"0 0 30 2 *"', "invalid CronSchedule, no time can be found to satisfy the schedule"),
    ],
)
def test_a_child_with_a_schedule_that_cannot_be(schedule: str, problem: str) -> None:
    story = begun()
    reply = story.step(f"complete child kid cron_schedule={schedule}").reply
    assert reply is not None
    assert reply.head[2] == (
        "BadStartChildExecutionAttributes: invalid CronSchedule on"
        f" StartChildWorkflowExecutionCommand: {problem}. WorkflowId=kid WorkflowType=kid-type"
        " Namespace=default"
    )
