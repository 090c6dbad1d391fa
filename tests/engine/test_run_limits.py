"""Limits of a whole run, as a real server answered that had the same ones (60 events, 60 kB)."""

from __future__ import annotations

import pytest
import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause

from engine.rig import (
    Rig,
    activity,
    complete,
    completed_request,
    poll_activity_request,
    poll_request,
    signal_request,
    start_request,
    timer,
)
from polyrhythm.base.errors import NotFound, RunTooLarge
from polyrhythm.base.limits import Limits

COUNT = "Workflow history count exceeds limit."
SIZE = "Workflow history size exceeds limit."
STATE = "Workflow mutable state size exceeds limit."


def small() -> Rig:
    return Rig(Limits(history_events_max=60, history_bytes_max=60_000))


def signal(rig: Rig, count: int, data: bytes = b"") -> None:
    request = signal_request()
    if data:
        request.input.payloads.add().data = data
    for _ in range(count):
        rig.call(request)


def ended(rig: Rig) -> tuple[str, str, int]:
    """How the run ended: reason, identity and number of events."""
    request = ws.GetWorkflowExecutionHistoryRequest(namespace="default")
    request.execution.workflow_id = "w"
    events = rig.call(request).history.events
    terminated = events[-1].workflow_execution_terminated_event_attributes
    return terminated.reason, terminated.identity, len(events)


def test_the_event_that_crosses_the_count_is_written_and_the_next_is_not() -> None:
    rig = small()
    rig.call(start_request())
    signal(rig, 59)
    with pytest.raises(RunTooLarge, match=COUNT):
        signal(rig, 1)
    assert ended(rig) == (COUNT, "history-service", 62)
    with pytest.raises(NotFound):
        signal(rig, 1)
    rig.crash()
    assert ended(rig) == (COUNT, "history-service", 62)


def test_the_event_that_crosses_the_size_is_written_and_the_next_is_not() -> None:
    rig = small()
    rig.call(start_request())
    signal(rig, 1, b"x" * 70_000)
    with pytest.raises(RunTooLarge, match=SIZE):
        signal(rig, 1)
    assert ended(rig) == (SIZE, "history-service", 4)


def test_a_completion_that_would_cross_the_count_is_forgotten_whole() -> None:
    rig = small()
    rig.call(start_request())
    with pytest.raises(RunTooLarge, match=COUNT):
        rig.run_commands(*(timer(f"t{number}", 100) for number in range(60)))
    assert rig.events()[3:] == ["WORKFLOW_TASK_FAILED", "WORKFLOW_EXECUTION_TERMINATED"]


def test_buffered_events_keep_their_place_before_the_end() -> None:
    rig = small()
    rig.call(start_request())
    token = rig.poll().task_token
    signal(rig, 62)
    with pytest.raises(RunTooLarge, match=COUNT):
        rig.call(completed_request(token))
    assert ended(rig) == (COUNT, "history-service", 67)
    assert rig.events()[3:5] == ["WORKFLOW_TASK_FAILED", "WORKFLOW_EXECUTION_SIGNALED"]


def test_closing_is_always_allowed() -> None:
    rig = small()
    rig.call(start_request())
    signal(rig, 56)
    rig.run_commands(complete())
    assert rig.events()[-1] == "WORKFLOW_EXECUTION_COMPLETED"
    assert len(rig.events()) == 61


def test_a_poll_waits_on_when_its_task_ends_the_run() -> None:
    rig = small()
    rig.call(start_request())
    signal(rig, 58)
    poll = rig.submit(poll_request())
    rig.turn()
    assert not poll.done
    assert ended(rig) == (COUNT, "history-service", 61)
    rig.call(start_request("other"))
    assert poll.value.workflow_execution.workflow_id == "other"


def test_a_timer_that_would_cross_the_limit_ends_the_run() -> None:
    rig = small()
    rig.call(start_request())
    rig.run_commands(timer("t", 5), timer("u", 10))
    signal(rig, 53)
    rig.advance(5)
    assert rig.events()[-1] == "TIMER_FIRED"
    rig.advance(5)
    assert ended(rig) == (COUNT, "history-service", 62)


def test_what_a_run_keeps_is_limited_too() -> None:
    rig = Rig(Limits(state_bytes_max=1_000_000))
    rig.call(start_request())
    rig.run_commands(*(activity(f"a{number}") for number in range(4)))
    beat = ws.RecordActivityTaskHeartbeatRequest(namespace="default")
    beat.details.payloads.add().data = b"x" * 300_000
    for _ in range(3):
        beat.task_token = rig.call(poll_activity_request()).task_token
        rig.call(beat)
    # Replacing details adds nothing.
    rig.call(beat)
    beat.task_token = rig.call(poll_activity_request()).task_token
    with pytest.raises(RunTooLarge, match=STATE):
        rig.call(beat)
    assert ended(rig)[:2] == (STATE, "history-service")


@pytest.mark.parametrize(("count", "data"), [(101, b""), (2, b"x" * 1_200_000)])
def test_too_much_behind_a_started_task_fails_it(count: int, data: bytes) -> None:
    rig = Rig()
    rig.call(start_request())
    token = rig.poll().task_token
    signal(rig, count - 1, data)
    assert len(rig.events()) == 3
    signal(rig, 1, data)
    request = ws.GetWorkflowExecutionHistoryRequest(namespace="default")
    request.execution.workflow_id = "w"
    events = rig.call(request).history.events
    assert len(events) == 3 + 1 + count + 1
    failed = events[3].workflow_task_failed_event_attributes
    assert failed.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND
    assert failed.identity == "history-service"
    # The next task is the second attempt, which no log holds yet.
    assert events[-1].event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED
    assert events[-1].workflow_task_scheduled_event_attributes.attempt == 2
    with pytest.raises(NotFound, match="Workflow task not found"):
        rig.call(completed_request(token))
    assert rig.poll().attempt == 2
    rig.crash()


def test_a_history_read_in_the_turn_of_the_end_is_whole() -> None:
    rig = small()
    rig.call(start_request())
    signal(rig, 58)
    replies = [rig.submit(signal_request()) for _ in range(3)]
    request = ws.GetWorkflowExecutionHistoryRequest(namespace="default")
    request.execution.workflow_id = "w"
    read = rig.submit(request)
    rig.turn()
    assert [type(reply.error) for reply in replies] == [type(None), RunTooLarge, NotFound]
    ids = [event.event_id for event in read.value.history.events]
    assert ids == list(range(1, 63))
