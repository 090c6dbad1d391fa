"""Stories of continue-as-new: what the next run takes over, when it begins, what is refused.

The events are those of a real server: its recorded histories of continue-as-new, and its source
where nothing was recorded (refusals, all that a command can carry).
"""

from __future__ import annotations

import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Header, RetryPolicy
from temporalio.api.enums.v1 import CommandType
from temporalio.api.history.v1 import History, HistoryEvent

from core.playback import Playback, context, start_request
from polyrhythm.base.limits import Limits
from polyrhythm.core.decide.start import decide_start
from polyrhythm.core.decision import NewRun
from polyrhythm.testing.story import Story

BEGINS = "1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled"
OFFERED = "| WorkflowTaskOffer"
BAD = "BadContinueAsNewAttributes: "
COMMAND = "ContinueAsNewWorkflowExecutionCommand"


def tell(text: str, limits: Limits | None = None) -> Story:
    story = Story(limits)
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


def refused(words: str, limits: Limits | None = None) -> str:
    """What the worker is told of a command."""
    story = tell(f"start => {BEGINS} {OFFERED}", limits)
    story.step("task")
    reply = story.step(f"complete {words}").reply
    assert reply is not None
    assert reply.head[:2] == ("refused", "InvalidArgument")
    return reply.head[2]


def test_continue_as_new_inherits_type_queue_timeouts_and_priority_but_no_memo() -> None:
    # Recorded: continue_as_new.inherits.
    begun(
        "workflow_execution_timeout=90s workflow_run_timeout=60s workflow_task_timeout=8s"
        " input=first priority.priority_key=2 identity=client"
    ).tell(
        """
        complete continue-as-new input=second => 4 WorkflowTaskCompleted; \
            5 WorkflowExecutionContinuedAsNew new_execution_run_id=run-3 workflow_type=wf \
            task_queue.name=q task_queue.kind=NORMAL input=second workflow_run_timeout=60s \
            workflow_task_timeout=8s workflow_task_completed_event_id=4 initiator=none \
            backoff_start_interval=none memo=none | NewRun
        signal late => | | refused NotFound "workflow execution already completed"
        follow => 1 WorkflowExecutionStarted workflow_type=wf task_queue.name=q \
            task_queue.kind=NORMAL input=second workflow_execution_timeout=90s \
            workflow_run_timeout=60s workflow_task_timeout=8s \
            workflow_execution_expiration_time=90s continued_execution_run_id=run-1 \
            initiator=WORKFLOW original_execution_run_id=run-3 first_execution_run_id=run-1 \
            attempt=1 first_workflow_task_backoff=1s workflow_id=wf identity=none \
            priority.priority_key=2 retry_policy=none cron_schedule=none
        signal early => 2 WorkflowExecutionSignaled
        wait 1s => 3 WorkflowTaskScheduled at=1s attempt=1 start_to_close_timeout=8s | \
            WorkflowTaskOffer
        task => 4 WorkflowTaskStarted
        complete finish => 5 WorkflowTaskCompleted; 6 WorkflowExecutionCompleted \
            new_execution_run_id=none
        """
    )


def command(kind: str) -> Command:
    """A command with nothing in it."""
    given = Command(command_type=CommandType.Value(f"COMMAND_TYPE_{kind}"))
    getattr(given, f"{kind.lower()}_command_attributes").SetInParent()
    return given


def first_event(run: Playback, *commands: Command) -> HistoryEvent:
    """The first event of the run that follows these commands."""
    run.start_task()
    run.complete(*commands, second=1)
    (follows,) = run.effects
    assert isinstance(follows, NewRun)
    return History.FromString(b"".join(follows.decision.event_frames)).events[0]


@pytest.mark.parametrize("kind", ["CONTINUE_AS_NEW_WORKFLOW_EXECUTION", "FAIL_WORKFLOW_EXECUTION"])
def test_what_is_carried_of_the_start_and_what_the_run_upserted(kind: str) -> None:
    request = start_request(retry_policy=RetryPolicy(maximum_attempts=2), header=Header())
    request.memo.fields["start"].data = b"1"
    request.search_attributes.indexed_fields["TemporalChangeVersion"].data = b'["v"]'
    request.user_metadata.summary.data = b'"short"'
    request.links.add().batch_job.job_id = "job"
    upsert = command("MODIFY_WORKFLOW_PROPERTIES")
    memo = upsert.modify_workflow_properties_command_attributes.upserted_memo
    memo.fields["upserted"].data = b"2"
    close = command(kind)
    if kind.startswith("FAIL"):
        close.fail_workflow_execution_command_attributes.failure.message = "x"
    event = first_event(Playback(decide_start(request, context())), upsert, close)
    started = event.workflow_execution_started_event_attributes
    assert event.links == request.links
    assert not event.HasField("user_metadata")
    retried = kind.startswith("FAIL")
    assert list(started.memo.fields) == (["start"] if retried else [])
    assert list(started.search_attributes.indexed_fields) == (
        ["TemporalChangeVersion"] if retried else []
    )
    assert started.HasField("header") == retried
    assert started.HasField("retry_policy") == retried


def test_memo_and_search_attributes_of_the_command_are_the_next_runs() -> None:
    close = command("CONTINUE_AS_NEW_WORKFLOW_EXECUTION")
    attributes = close.continue_as_new_workflow_execution_command_attributes
    attributes.memo.fields["kept"].data = b"1"
    attributes.memo.fields["null"].data = b"null"
    attributes.search_attributes.indexed_fields["TemporalChangeVersion"].data = b'["v"]'
    run = Playback()
    started = first_event(run, close).workflow_execution_started_event_attributes
    closed = History.FromString(run.rows[-1][0]).events[-1]
    continued = closed.workflow_execution_continued_as_new_event_attributes
    for carried in (started, continued):
        assert list(carried.memo.fields) == ["kept"]
        payload = carried.search_attributes.indexed_fields["TemporalChangeVersion"]
        assert payload.metadata["type"] == b"KeywordList"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Custom", "Namespace default has no mapping defined for search attribute Custom"),
        (
            "RunId",
            f"invalid SearchAttributes on {COMMAND}: RunId attribute can't be set in"
            " SearchAttributes. WorkflowType=wf"
            ' TaskQueue=name:"q" kind:TASK_QUEUE_KIND_NORMAL',
        ),
    ],
)
def test_search_attributes_that_a_command_may_not_set(name: str, message: str) -> None:
    close = command("CONTINUE_AS_NEW_WORKFLOW_EXECUTION")
    attributes = close.continue_as_new_workflow_execution_command_attributes
    attributes.search_attributes.indexed_fields[name].data = b'"x"'
    run = Playback()
    run.start_task()
    (failed,) = run.complete(close)
    assert f"failure={{message=BadSearchAttributes: {message} server_failure_info" in failed


def test_continue_as_new_with_everything_of_its_own() -> None:
    begun("workflow_execution_timeout=90s").tell(
        """
        complete continue-as-new workflow_type=other task_queue=p workflow_run_timeout=200s \
            workflow_task_timeout=500s header={} failure.message=why last_completion_result=3 \
            cron_schedule=@hourly initiator=CRON_SCHEDULE retry_policy.maximum_attempts=3 => \
            4 WorkflowTaskCompleted; 5 WorkflowExecutionContinuedAsNew workflow_type=other \
            task_queue.name=p task_queue.kind=NORMAL workflow_run_timeout=90s \
            workflow_task_timeout=90s initiator=CRON_SCHEDULE header={} failure.message=why \
            last_completion_result=3 | NewRun
        follow => 1 WorkflowExecutionStarted workflow_type=other task_queue.name=p \
            workflow_run_timeout=90s workflow_task_timeout=90s header={} attempt=1 \
            initiator=CRON_SCHEDULE cron_schedule=@hourly continued_failure.message=why \
            last_completion_result=3 retry_policy.maximum_attempts=3 \
            retry_policy.initial_interval=1s retry_policy.maximum_interval=100s \
            retry_policy.backoff_coefficient=2
        """
    )


def test_a_worker_may_call_its_continuation_a_retry() -> None:
    begun().tell(
        """
        complete continue-as-new initiator=RETRY => 4 WorkflowTaskCompleted; \
            5 WorkflowExecutionContinuedAsNew initiator=RETRY | NewRun
        follow => 1 WorkflowExecutionStarted initiator=RETRY attempt=2
        """
    )


@pytest.mark.parametrize(
    ("wait", "asked", "written", "due"),
    [
        # A second lies between two starts, whatever was asked for.
        ("0s", "", "1s", "1s"),
        ("300ms", "", "0.7s", "1s"),
        ("300ms", "backoff_start_interval=200ms", "0.7s", "1s"),
        ("300ms", "backoff_start_interval=700ms", "0.7s", "1s"),
        # Recorded: continue_as_new.with_delay.
        ("0s", "backoff_start_interval=1500ms", "1.5s", "1.5s"),
        ("5s", "backoff_start_interval=200ms", "0.2s", "5.2s"),
    ],
)
def test_the_wait_of_a_continuation(wait: str, asked: str, written: str, due: str) -> None:
    begun().tell(
        f"""
        wait {wait} =>
        complete continue-as-new {asked} => 4 WorkflowTaskCompleted; \
            5 WorkflowExecutionContinuedAsNew | NewRun
        follow => 1 WorkflowExecutionStarted first_workflow_task_backoff={written}
        wait 10s => 2 WorkflowTaskScheduled at={due} | WorkflowTaskOffer
        """
    )


@pytest.mark.parametrize("asked", ["", "backoff_start_interval=0s"])
def test_a_run_that_took_its_second_is_followed_at_once(asked: str) -> None:
    written = "0s" if asked else "none"
    begun().tell(
        f"""
        wait 1s =>
        complete continue-as-new {asked} => 4 WorkflowTaskCompleted; \
            5 WorkflowExecutionContinuedAsNew | NewRun
        follow => 1 WorkflowExecutionStarted first_workflow_task_backoff={written}; \
            2 WorkflowTaskScheduled {OFFERED}
        """
    )


def test_the_second_is_counted_from_when_a_run_was_due() -> None:
    # Woken by nothing, the second run begins at 1 s and ends at 1.25 s.
    begun().tell(
        """
        complete continue-as-new => 4 WorkflowTaskCompleted; 5 WorkflowExecutionContinuedAsNew | \
            NewRun
        follow => 1 WorkflowExecutionStarted
        wait 1250ms => 2 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
        complete continue-as-new => 4 WorkflowTaskCompleted; \
            5 WorkflowExecutionContinuedAsNew new_execution_run_id=run-5 | NewRun
        follow => 1 WorkflowExecutionStarted first_workflow_task_backoff=0.75s \
            continued_execution_run_id=run-3 first_execution_run_id=run-1
        """
    )


def test_news_that_the_workflow_has_not_seen_keeps_it_from_going_on() -> None:
    begun().tell(
        """
        signal s => ~ WorkflowExecutionSignaled
        complete continue-as-new => 4 WorkflowTaskFailed cause=UNHANDLED_COMMAND; \
            5 WorkflowExecutionSignaled; 6 WorkflowTaskScheduled attempt=1 | WorkflowTaskOffer | \
            refused InvalidArgument UnhandledCommand
        """
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("continue-as-nothing", f"{BAD}{COMMAND}Attributes is not set on {COMMAND}."),
        (
            "continue-as-new task_queue=/_sys/x",
            f"{BAD}error validating {COMMAND} TaskQueue: task queue name cannot start with reserved"
            ' prefix /_sys/. WorkflowType=wf TaskQueue=name:"/_sys/x" kind:TASK_QUEUE_KIND_NORMAL',
        ),
        (
            "continue-as-new workflow_run_timeout=-1s",
            f"{BAD}Invalid WorkflowRunTimeout on {COMMAND}: negative duration. WorkflowType=wf"
            ' TaskQueue=name:"q" kind:TASK_QUEUE_KIND_NORMAL',
        ),
        (
            "continue-as-new workflow_task_timeout=-1s",
            f"{BAD}Invalid WorkflowTaskTimeout on {COMMAND}: negative duration. WorkflowType=wf"
            ' TaskQueue=name:"q" kind:TASK_QUEUE_KIND_NORMAL',
        ),
        (
            "continue-as-new backoff_start_interval=-1s",
            f"{BAD}Invalid BackoffStartInterval on {COMMAND}: negative duration. WorkflowType=wf"
            ' TaskQueue=name:"q" kind:TASK_QUEUE_KIND_NORMAL',
        ),
        (
            "continue-as-new retry_policy.backoff_coefficient=0.5",
            f"{BAD}invalid WorkflowRetryPolicy on {COMMAND}: BackoffCoefficient cannot be less than"
            " 1 on retry policy.. WorkflowType=wf"
            ' TaskQueue=name:"q" kind:TASK_QUEUE_KIND_NORMAL',
        ),
        (
            "continue-as-new inherit_build_id=true task_queue=p",
            f"{BAD}ContinueAsNew with UseCompatibleVersion cannot run on different task queue.",
        ),
    ],
)
def test_commands_that_are_refused(words: str, message: str) -> None:
    assert refused(words) == message


def test_a_type_that_is_too_long() -> None:
    message = refused("continue-as-new workflow_type=longer", Limits(id_bytes_max=5))
    assert message == (
        f"{BAD}WorkflowType on {COMMAND} exceeds length limit. WorkflowType=longer Length=6 Limit=5"
    )


def test_an_input_that_is_too_large_ends_the_workflow() -> None:
    story = tell(f"start => {BEGINS} {OFFERED}", Limits(blob_bytes_max=100))
    story.step("task")
    outcome = story.step("complete continue-as-new input=" + 200 * "x")
    reason = f"{BAD}{COMMAND}Attributes. Input exceeds size limit."
    assert [item.head[1] for item in outcome.events] == [
        "WorkflowTaskFailed",
        "WorkflowExecutionTerminated",
    ]
    assert outcome.events[1].fields["reason"] == reason
    assert outcome.effects == []
