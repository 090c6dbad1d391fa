"""Two stories that meet: what a parent and its child owe to each other is carried between them."""

from __future__ import annotations

from polyrhythm.api import notes
from polyrhythm.core.decide.child import child_request, complete_report, decide_child
from polyrhythm.core.decide.message import failed_cause, receive, settle
from polyrhythm.testing.story import Outcome, Story

PARENT_KEY, CHILD_KEY = 7, 8


def owed(story: Story) -> dict[int, notes.Message]:
    return {
        sequence: notes.Message.FromString(data) for sequence, data in story.run.state.owed.items()
    }


def parent_of(words: str = "", start: str = "") -> Story:
    """A run that has asked for child `kid` by event 5."""
    parent = Story()
    parent.step(f"start {start}")
    parent.step("task")
    parent.step(f"complete child kid {words}")
    return parent


def start_child(parent: Story) -> tuple[Story, Outcome]:
    """Deliver the owed start; return the child's story and how it began."""
    ((sequence, message),) = owed(parent).items()
    request = child_request(parent.run.state, message)
    assert request is not None
    child = Story()
    child.run.run_key = CHILD_KEY
    child.run.context.ids.count = 100
    decision = decide_child(parent.run.state, message, request, child.run.context)
    begun = child.take("start child", decision)
    run_id = child.run.state.run_id
    parent.take("settle", settle(parent.run.state, sequence, parent.run.context, run_id=run_id))
    return child, begun


def carry(sender: Story, receiver: Story) -> tuple[Outcome, int]:
    """Deliver the oldest message that `sender` owes; return what became of it."""
    sequence, message = next(iter(owed(sender).items()))
    message = complete_report(sender.run.state, message)
    key = sender.run.run_key
    decision = receive(receiver.run.state, message, key, sequence, receiver.run.context)
    outcome = receiver.take("receive", decision)
    cause = failed_cause(decision)
    sender.take("settle", settle(sender.run.state, sequence, sender.run.context, cause))
    return outcome, cause


def names(outcome: Outcome) -> list[str]:
    return [item.head[1] for item in outcome.events]


def family(words: str = "", start: str = "") -> tuple[Story, Story]:
    parent = parent_of(words, start)
    child, _ = start_child(parent)
    return parent, child


def test_a_child_knows_its_parent_and_takes_over_what_it_was_asked_for() -> None:
    parent = parent_of(
        "input=in memo.k=1 control=c user_metadata.summary=sum priority.fairness_key=blue"
        " workflow_execution_timeout=60s retry_policy.maximum_attempts=2",
        "priority.priority_key=4",
    )
    child, begun = start_child(parent)
    fields = begun.events[0].fields
    told = {
        "parent_workflow_namespace": "default",
        "parent_workflow_namespace_id": "namespace-id",
        "parent_workflow_execution.workflow_id": "wf",
        "parent_workflow_execution.run_id": "run-1",
        "parent_initiated_event_id": "5",
        "root_workflow_execution.workflow_id": "wf",
        "root_workflow_execution.run_id": "run-1",
        "first_execution_run_id": "run-101",
        "original_execution_run_id": "run-101",
        "workflow_type": "kid-type",
        "task_queue.name": "q",
        "input": "in",
        "memo.fields[k]": "1",
        "user_metadata.summary": "sum",
        "priority.priority_key": "4",
        "priority.fairness_key": "blue",
        "workflow_execution_timeout": "60s",
        "workflow_run_timeout": "60s",
        "workflow_execution_expiration_time": "60s",
        "workflow_task_timeout": "10s",
        "retry_policy.maximum_attempts": "2",
        "first_workflow_task_backoff": "0s",
        "attempt": "1",
    }
    assert {name: fields.get(name) for name in told} == told
    assert "identity" not in fields
    assert names(begun) == ["WorkflowExecutionStarted", "WorkflowTaskScheduled"]
    assert child.run.state.create_request_id == "run-1:5:0"
    child.tell("""
        describe => | | workflow_execution_info.parent_namespace_id=namespace-id \
            workflow_execution_info.parent_execution.workflow_id=wf \
            workflow_execution_info.parent_execution.run_id=run-1 \
            workflow_execution_info.root_execution.run_id=run-1 \
            workflow_execution_info.first_run_id=run-101
    """)


def test_a_grandchild_has_the_same_root() -> None:
    _, child = family()
    child.step("task")
    child.step("complete child grandkid")
    grandchild, _ = start_child(child)
    state = grandchild.run.state
    assert (state.parent_workflow_id, state.parent_run_id) == ("kid", "run-101")
    assert (state.root_workflow_id, state.root_run_id) == ("wf", "run-1")


def test_the_end_of_the_child_is_told_once() -> None:
    parent, child = family()
    child.step("task")
    closing = child.step("complete finish result=done")
    assert [effect.head for effect in closing.effects] == [("Delivery",)]
    assert child.run.state.close_event
    outcome, cause = carry(child, parent)
    assert (names(outcome), cause) == (["ChildWorkflowExecutionCompleted"], 0)
    assert outcome.events[0].fields["result"] == "done"
    assert (child.run.state.owed, child.run.state.close_event) == ({}, b"")


def test_a_repeated_end_finds_nothing_to_end() -> None:
    parent, child = family()
    child.step("terminate reason=x")
    ((sequence, message),) = owed(child).items()
    whole = complete_report(child.run.state, message)
    for expected in (["ChildWorkflowExecutionTerminated"], []):
        decision = receive(parent.run.state, whole, CHILD_KEY, sequence, parent.run.context)
        assert names(parent.take("receive", decision)) == expected


def test_a_parent_that_has_closed_is_told_nothing() -> None:
    parent, child = family("parent_close_policy=ABANDON")
    parent.step("terminate")
    assert owed(parent) == {}
    child.step("task")
    child.step("complete finish")
    outcome, cause = carry(child, parent)
    assert (names(outcome), cause) == ([], 1)
    assert child.run.state.owed == {}


def test_a_parent_terminates_its_children() -> None:
    parent, child = family()
    child.step("task")
    parent.step("terminate")
    outcome, _ = carry(parent, child)
    assert names(outcome) == ["WorkflowTaskFailed", "WorkflowExecutionTerminated"]
    assert outcome.events[1].fields["reason"] == "by parent close policy"
    assert outcome.events[1].fields["identity"] == "history-service"
    assert parent.run.state.owed == {}


def test_a_parent_asks_its_children_to_cancel() -> None:
    parent, child = family("parent_close_policy=REQUEST_CANCEL")
    parent.step("terminate")
    outcome, _ = carry(parent, child)
    assert names(outcome) == ["WorkflowExecutionCancelRequested"]
    told = outcome.events[0].fields
    assert told["external_workflow_execution.workflow_id"] == "wf"
    assert told["external_workflow_execution.run_id"] == "run-1"
    assert told["identity"] == "history-service"
    assert "external_initiated_event_id" not in told


def test_a_policy_spares_whoever_has_the_id_now() -> None:
    parent, _ = family()
    parent.step("terminate")
    stranger = Story()
    stranger.step("start workflow_id=kid")
    assert carry(parent, stranger) == (Outcome(), 1)
    assert parent.run.state.owed == {}


def test_a_policy_spares_a_child_of_another_run() -> None:
    parent, _ = family()
    _, other = family()
    other.run.state.first_run_id = "run-101"
    other.run.state.parent_run_id = "run-99"
    parent.step("terminate")
    sequence, message = next(iter(owed(parent).items()))
    decision = receive(other.run.state, message, PARENT_KEY, sequence, other.run.context)
    assert (decision.empty, failed_cause(decision)) == (True, 1)


def test_child_workflow_only_takes_the_parents_own_children() -> None:
    parent, child = family()
    parent.step("task")
    parent.step(
        "complete signal-external kid child_workflow_only=true;"
        " cancel-external kid child_workflow_only=true"
    )
    assert names(carry(parent, child)[0]) == ["WorkflowExecutionSignaled"]
    assert names(carry(parent, child)[0]) == ["WorkflowExecutionCancelRequested"]
    stranger = Story()
    stranger.step("start workflow_id=elsewhere")
    stranger.step("task")
    stranger.step("complete signal-external kid child_workflow_only=true")
    assert carry(stranger, child) == (Outcome(), 1)


def test_a_start_that_was_settled_is_not_wanted_again() -> None:
    parent = parent_of()
    ((sequence, message),) = owed(parent).items()
    start_child(parent)
    assert child_request(parent.run.state, message) is None
    assert settle(parent.run.state, sequence, parent.run.context, run_id="run-9").empty
