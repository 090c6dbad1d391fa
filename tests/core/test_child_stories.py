"""Stories of a parent: how a child is asked for, started, told of, and what a close does to it.

The events are those of a real server: its recorded histories of children, and its source where
nothing was recorded (close policies, limits, the words of refusals).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from polyrhythm.api import notes
from polyrhythm.base.limits import Limits
from polyrhythm.testing.story import Story

ASKED = """
    start       => 1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled | WorkflowTaskOffer
    task        => 3 WorkflowTaskStarted
    complete child kid {} => 4 WorkflowTaskCompleted; 5 StartChildWorkflowExecutionInitiated | \
        Delivery
"""
RUNNING = (
    ASKED
    + """
    child-started 5 kid-1 => 6 ChildWorkflowExecutionStarted; 7 WorkflowTaskScheduled | \
        WorkflowTaskOffer
    task        => 8 WorkflowTaskStarted
    complete    => 9 WorkflowTaskCompleted
"""
)
ENDED = "10 ChildWorkflowExecution{} ; 11 WorkflowTaskScheduled | WorkflowTaskOffer"


def tell(text: str, limits: Limits | None = None) -> Story:
    story = Story(limits)
    story.tell(text)
    return story


def asked(words: str = "") -> Story:
    return tell(ASKED.format(words))


def running(words: str = "") -> Story:
    return tell(RUNNING.format(words))


def refused(words: str, limits: Limits | None = None) -> str:
    story = tell(
        "start => 1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled | WorkflowTaskOffer", limits
    )
    story.step("task")
    story.run.context = replace(story.run.context, other_namespaces=frozenset({"other"}))
    reply = story.step(f"complete {words}").reply
    assert reply is not None
    assert reply.head[:2] == ("refused", "InvalidArgument")
    return reply.head[2]


def test_everything_that_is_asked_for_is_in_the_initiated_event() -> None:
    words = (
        "control=ctl input=hi parent_close_policy=ABANDON workflow_execution_timeout=20s"
        " workflow_id_reuse_policy=REJECT_DUPLICATE memo.k=1 memo.gone=null"
        ' search.TemporalChangeVersion="[]" task_queue=kids retry_policy.maximum_attempts=3'
        " priority.priority_key=2 user_metadata.summary=sum"
    )
    tell(
        f"""
        start => 1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
        complete child kid {words} => 4 WorkflowTaskCompleted; 5 \
            StartChildWorkflowExecutionInitiated namespace=default namespace_id=namespace-id \
            workflow_id=kid workflow_type=kid-type control=ctl input=hi \
            parent_close_policy=ABANDON workflow_execution_timeout=20s workflow_run_timeout=20s \
            workflow_task_timeout=10s workflow_id_reuse_policy=REJECT_DUPLICATE memo.fields[k]=1 \
            memo.fields[gone]=none search_attributes=none task_queue.name=kids \
            task_queue.kind=NORMAL retry_policy.maximum_attempts=3 \
            retry_policy.initial_interval=1s retry_policy.maximum_interval=100s \
            retry_policy.backoff_coefficient=2 priority.priority_key=2 user_metadata.summary=sum \
            workflow_task_completed_event_id=4 | Delivery sequence=1
        """
    )


def test_what_is_left_out_is_filled_as_the_server_does() -> None:
    tell(
        """
        start => 1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 3 WorkflowTaskStarted
        complete child kid => 4 WorkflowTaskCompleted; 5 StartChildWorkflowExecutionInitiated \
            namespace=default task_queue.name=q task_queue.kind=NORMAL \
            workflow_execution_timeout=none workflow_run_timeout=0s workflow_task_timeout=10s \
            parent_close_policy=TERMINATE workflow_id_reuse_policy=ALLOW_DUPLICATE \
            retry_policy.maximum_attempts=none memo=none | Delivery
        """
    )


def test_a_started_child_wakes_its_parent_and_is_described() -> None:
    tell(
        ASKED.format("")
        + """
        describe => | | pending_children[0].workflow_id=kid pending_children[0].run_id=none \
            pending_children[0].initiated_id=5
        child-started 5 kid-1 => 6 ChildWorkflowExecutionStarted initiated_event_id=5 \
            namespace=default namespace_id=namespace-id workflow_execution.workflow_id=kid \
            workflow_execution.run_id=kid-1 workflow_type=kid-type; 7 WorkflowTaskScheduled | \
            WorkflowTaskOffer
        describe => | | pending_children[0].run_id=kid-1 \
            pending_children[0].workflow_type_name=kid-type \
            pending_children[0].parent_close_policy=TERMINATE
        """
    )


def test_a_child_whose_id_is_taken() -> None:
    story = asked("control=ctl")
    story.tell(
        """
        child-refused 5 => 6 StartChildWorkflowExecutionFailed cause=WORKFLOW_ALREADY_EXISTS \
            initiated_event_id=5 workflow_id=kid workflow_type=kid-type namespace=default \
            namespace_id=namespace-id control=ctl workflow_task_completed_event_id=none; 7 \
            WorkflowTaskScheduled | WorkflowTaskOffer
        """
    )
    assert (story.run.state.children, story.run.state.owed) == ({}, {})


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("COMPLETED result=done", "Completed result=done"),
        ("COMPLETED", "Completed result=none"),
        (
            "FAILED failure.message=no retry_state=MAXIMUM_ATTEMPTS_REACHED",
            "Failed failure.message=no retry_state=MAXIMUM_ATTEMPTS_REACHED",
        ),
        ("CANCELED details=why", "Canceled details=why"),
        ("TIMED_OUT retry_state=TIMEOUT", "TimedOut retry_state=TIMEOUT"),
        ("TERMINATED reason=gone", "Terminated"),
    ],
)
def test_every_end_of_a_child_is_told_to_its_parent(end: str, told: str) -> None:
    common = "initiated_event_id=5 started_event_id=6 namespace=default workflow_type=kid-type"
    story = running()
    story.tell(
        f"child-ended 5 kid-1 {end} last=kid-9 => "
        + ENDED.format(f"{told} {common} workflow_execution.run_id=kid-9")
    )
    assert story.run.state.children == {}
    story.tell(f"child-ended 5 kid-1 {end} => ")


def test_the_end_of_another_child_is_not_ours() -> None:
    story = running()
    story.tell(
        """
        child-ended 5 kid-other COMPLETED =>
        child-ended 4 kid-1 COMPLETED =>
        """
    )
    assert 5 in story.run.state.children


def test_news_of_a_child_waits_behind_a_started_task_and_ends_move_last() -> None:
    tell(
        ASKED.format("")
        + """
        signal one => 6 WorkflowExecutionSignaled; 7 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 8 WorkflowTaskStarted
        child-started 5 kid-1 => ~ ChildWorkflowExecutionStarted
        child-ended 5 kid-1 COMPLETED => ~ ChildWorkflowExecutionCompleted started_event_id=none
        signal two => ~ WorkflowExecutionSignaled
        complete => 9 WorkflowTaskCompleted; 10 ChildWorkflowExecutionStarted; 11 \
            WorkflowExecutionSignaled; 12 ChildWorkflowExecutionCompleted initiated_event_id=5 \
            started_event_id=10; 13 WorkflowTaskScheduled | WorkflowTaskOffer
        """
    )


def test_a_child_that_started_in_the_buffer_is_known_by_its_event_id() -> None:
    story = asked()
    story.tell(
        """
        signal one => 6 WorkflowExecutionSignaled; 7 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 8 WorkflowTaskStarted
        child-started 5 kid-1 => ~ ChildWorkflowExecutionStarted
        complete => 9 WorkflowTaskCompleted; 10 ChildWorkflowExecutionStarted; 11 \
            WorkflowTaskScheduled | WorkflowTaskOffer
        child-ended 5 kid-1 COMPLETED => 12 ChildWorkflowExecutionCompleted started_event_id=10
        """
    )


def test_a_task_that_fails_keeps_the_news_of_children() -> None:
    tell(
        ASKED.format("")
        + """
        signal one => 6 WorkflowExecutionSignaled; 7 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 8 WorkflowTaskStarted
        child-started 5 kid-1 => ~ ChildWorkflowExecutionStarted
        fail-task => 9 WorkflowTaskFailed; 10 ChildWorkflowExecutionStarted; 11 \
            WorkflowTaskScheduled attempt=1 | WorkflowTaskOffer
        """
    )


def test_a_workflow_may_not_close_over_news_of_a_child() -> None:
    tell(
        ASKED.format("")
        + """
        signal one => 6 WorkflowExecutionSignaled; 7 WorkflowTaskScheduled | WorkflowTaskOffer
        task => 8 WorkflowTaskStarted
        child-started 5 kid-1 => ~ ChildWorkflowExecutionStarted
        complete finish => 9 WorkflowTaskFailed cause=UNHANDLED_COMMAND; 10 \
            ChildWorkflowExecutionStarted; 11 WorkflowTaskScheduled | WorkflowTaskOffer | refused \
            InvalidArgument UnhandledCommand
        """
    )


@pytest.mark.parametrize(
    ("policy", "effects", "kinds"),
    [
        ("TERMINATE", "| Delivery sequence=2", ["terminate"]),
        ("REQUEST_CANCEL", "| Delivery sequence=2", ["cancel"]),
        ("ABANDON", "", []),
    ],
)
@pytest.mark.parametrize(
    ("close", "event"),
    [
        ("terminate", "10 WorkflowExecutionTerminated"),
        ("wait 5s", "10 WorkflowExecutionTimedOut"),
    ],
)
def test_a_close_owes_each_child_its_policy(
    policy: str, effects: str, kinds: list[str], close: str, event: str
) -> None:
    text = RUNNING.format(f"parent_close_policy={policy}")
    story = tell(text.replace("start ", "start workflow_run_timeout=5s "))
    story.tell(f"{close} => {event} {effects}")
    assert owed_kinds(story) == kinds
    # Described for ever, but nothing is heard of it any more.
    assert list(story.run.state.children) == [5]


@pytest.mark.parametrize("close", ["finish", "fail broken", "cancel"])
def test_so_does_a_close_by_command(close: str) -> None:
    story = running()
    story.step("signal wake")
    story.step("task")
    story.step(f"complete {close}")
    assert (story.run.state.running, owed_kinds(story)) == (False, ["terminate"])


def test_a_parent_that_closed_before_the_start_starts_nothing() -> None:
    story = Story()
    story.step("start")
    story.step("task")
    story.tell(
        """
        complete child kid; child kept parent_close_policy=ABANDON; finish => 4 \
            WorkflowTaskCompleted; 5 StartChildWorkflowExecutionInitiated; 6 \
            StartChildWorkflowExecutionInitiated; 7 WorkflowExecutionCompleted | Delivery \
            sequence=1; Delivery sequence=2; Delivery sequence=3
        child-started 5 kid-1 =>
        child-started 6 kept-1 =>
        """
    )
    assert owed_kinds(story) == ["terminate"]


def owed_kinds(story: Story) -> list[str]:
    messages = map(notes.Message.FromString, story.run.state.owed.values())
    return [message.WhichOneof("kind") or "" for message in messages]


BAD = "BadStartChildExecutionAttributes: "
TAIL = "WorkflowId=kid WorkflowType=kid-type Namespace=default"
COMMAND = "StartChildWorkflowExecutionCommand"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("child-nothing", f"{BAD}{COMMAND}Attributes is not set on {COMMAND}."),
        ("child kid namespace=other", f"{BAD}cross namespace commands are not allowed"),
        (
            'child ""',
            f"{BAD}Required field WorkflowId is not set on {COMMAND}. WorkflowType=kid-type"
            " Namespace=default",
        ),
        (
            "child kid workflow_type=none",
            f"{BAD}Required field WorkflowType is not set on {COMMAND}. WorkflowId=kid"
            " Namespace=default",
        ),
        (
            "child kid workflow_execution_timeout=-1s",
            f"{BAD}Invalid WorkflowExecutionTimeout on {COMMAND}: negative duration. {TAIL}",
        ),
        (
            "child kid workflow_run_timeout=-1s",
            f"{BAD}Invalid WorkflowRunTimeout on {COMMAND}: negative duration. {TAIL}",
        ),
        (
            "child kid workflow_task_timeout=-1s",
            f"{BAD}Invalid WorkflowTaskTimeout on {COMMAND}: negative duration. {TAIL}",
        ),
        (
            "child kid retry_policy.backoff_coefficient=0.5",
            f"{BAD}invalid WorkflowRetryPolicy on {COMMAND}: BackoffCoefficient cannot be less than"
            f" 1 on retry policy.. {TAIL}",
        ),
        (
            "child kid task_queue=/_sys/mine",
            f"{BAD}invalid TaskQueue on {COMMAND}: task queue name cannot start with reserved"
            f' prefix /_sys/. {TAIL} TaskQueue=name:"/_sys/mine" kind:TASK_QUEUE_KIND_NORMAL',
        ),
        ("child kid priority.priority_key=-1", f"{BAD}priority key can't be negative"),
        (
            "child kid search.Custom=1",
            "BadSearchAttributes: Namespace default has no mapping defined for search attribute"
            " Custom",
        ),
        (
            "child kid search.WorkflowId=1",
            "BadSearchAttributes: invalid SearchAttributes on StartChildWorkflowCommand: WorkflowId"
            f" attribute can't be set in SearchAttributes. {TAIL}",
        ),
        (
            "child kid inherit_build_id=true task_queue=kids",
            f"{BAD}StartChildWorkflowExecution with UseCompatibleVersion cannot run on different"
            " task queue.",
        ),
        (
            "child kid; cancel-external kid",
            "BadRequestCancelExternalWorkflowExecutionAttributes: Start and RequestCancel for child"
            " workflow is not allowed in same workflow task. WorkflowId=kid RunId= Namespace=",
        ),
    ],
)
def test_commands_refused_in_the_servers_words(words: str, message: str) -> None:
    assert refused(words) == message


def test_ids_and_children_have_limits() -> None:
    limits = Limits(id_bytes_max=10, pending_children_max=1)
    assert refused("child kid-with-a-long-id", limits) == (
        f"{BAD}WorkflowId on {COMMAND} exceeds length limit. WorkflowId=kid-with-a-long-id"
        " Length=18 Limit=10 WorkflowType=kid-type Namespace=default"
    )
    assert refused("child kid workflow_type=much-too-long", limits) == (
        f"{BAD}WorkflowType on {COMMAND} exceeds length limit. WorkflowId=kid"
        " WorkflowType=much-too-long Length=13 Limit=10 Namespace=default"
    )
    assert refused("child one; child two", limits) == (
        "PendingChildWorkflowsLimitExceeded: the number of pending child workflow executions, 1,"
        " has reached the per-workflow limit of 1"
    )


def test_an_oversize_input_or_memo_ends_the_parent() -> None:
    for words, what in (("input=" + "x" * 60, ". Input"), ("memo.k=" + "1" * 60, ".Memo")):
        story = Story(Limits(blob_bytes_max=50, memo_bytes_max=50))
        story.step("start")
        story.step("task")
        outcome = story.step(f"complete child kid {words}")
        reason = f"{COMMAND}Attributes{what} exceeds size limit."
        assert [item.head[1] for item in outcome.events] == [
            "WorkflowTaskFailed",
            "WorkflowExecutionTerminated",
        ]
        assert outcome.events[1].fields["reason"] == f"{BAD}{reason}"


def test_what_is_not_built_is_refused_and_leaves_the_task() -> None:
    story = Story()
    story.step("start")
    story.step("task")
    reply = story.step("complete child kid versioning_override={}").reply
    assert reply is not None
    assert reply.head[1] == "Unimplemented"
    assert story.run.state.task_started
