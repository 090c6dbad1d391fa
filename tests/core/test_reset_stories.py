"""Stories of resets: where a run can be cut, what the new run begins with, what comes again."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    ResetWorkflowExecutionRequest,
)

from core.playback import START_NS, Playback, context, show, start_request
from core.reset_play import (
    COMPLETE,
    RESET_FAILURE,
    SCHEDULED,
    activity,
    closed,
    history,
    names,
    played,
    reset,
    reset_request,
    signal,
    timer,
    told,
)
from polyrhythm.api import notes
from polyrhythm.base.errors import FailedPrecondition, InvalidArgument
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.core.batches import RunHistory, encode_batch, parse_events
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.describe import describe_run
from polyrhythm.core.decide.fire import decide_fire
from polyrhythm.core.decide.reset import (
    ResetSource,
    check_reset,
    decide_reset,
    is_repeated,
)
from polyrhythm.core.decide.start import decide_start
from polyrhythm.core.decision import Decision
from polyrhythm.core.effects import ActivityOffer, WorkflowTaskOffer


def test_a_closed_run_goes_on_as_another_with_its_signals():
    run = closed()
    before = told(run)
    decided, new = reset(run, 4)
    assert decided.created.reply.run_id == "new-run"
    assert told(run) == before
    assert told(new) == [
        *before[:3],
        "4 WORKFLOW_TASK_FAILED scheduled_event_id=2 started_event_id=3 cause=20 "
        + RESET_FAILURE
        + f" base_run_id={run.state.run_id} new_run_id=new-run",
        "5 WORKFLOW_EXECUTION_SIGNALED signal_name=kept input=a identity=client",
        "6 " + SCHEDULED,
    ]
    assert history(new).frames[:3] == history(run).frames[:3]
    assert isinstance(decided.created.effects[0], WorkflowTaskOffer)
    assert new.state.running
    assert not new.state.timers
    assert run.state.reset_run_id == "new-run"
    assert not run.state.running
    new.start_task()
    assert new.complete(COMPLETE)[1].startswith("9 WORKFLOW_EXECUTION_COMPLETED")


def test_descriptions_tell_of_the_reset():
    run = closed()
    _, new = reset(run, 4)
    assert describe_run(run.state).workflow_extended_info.reset_run_id == "new-run"
    answer = describe_run(new.state)
    info, extended = answer.workflow_execution_info, answer.workflow_extended_info
    assert info.first_run_id == run.state.run_id
    assert info.execution.run_id == info.root_execution.run_id == "new-run"
    assert info.start_time.ToNanoseconds() == START_NS + 5 * SECOND_NS
    assert extended.original_start_time.ToNanoseconds() == START_NS
    assert extended.last_reset_time == info.start_time
    assert list(extended.request_id_infos) == ["start-1"]
    assert extended.reset_run_id == ""


def test_the_request_id_of_a_reset_run_is_that_of_the_first_start():
    run = closed()
    _, new = reset(run, 4)
    assert new.state.create_request_id == "start-1"
    assert not is_repeated(new.state, reset_request(4))
    assert is_repeated(new.state, ResetWorkflowExecutionRequest(request_id="start-1"))


def test_an_open_run_is_terminated_and_its_buffered_signals_come_again():
    run = played()
    signal(run, "first")
    run.start_task()
    signal(run, "buffered")
    decided, new = reset(run, 4)
    assert names(run)[-3:] == [
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_EXECUTION_TERMINATED",
    ]
    assert told(run)[-1].endswith("reason=redo identity=history-resetter")
    assert decided.current is None
    assert [line.split("=")[1] for line in told(new) if "SIGNALED" in line] == [
        "first identity",
        "buffered identity",
    ]


def test_a_task_that_nobody_took_is_started_to_fail():
    run = Playback()
    _, new = reset(played(), 3)
    size = describe_run(run.state).workflow_execution_info.history_size_bytes
    assert told(new)[2:] == [
        "3 WORKFLOW_TASK_STARTED scheduled_event_id=2 identity=history-service"
        f" request_id=emptyUuid history_size_bytes={size}",
        "4 WORKFLOW_TASK_FAILED scheduled_event_id=2 started_event_id=3 cause=20 "
        + RESET_FAILURE
        + f" base_run_id={run.state.run_id} new_run_id=new-run",
        "5 " + SCHEDULED,
    ]


def test_a_retried_task_becomes_a_normal_one_to_fail():
    run = Playback()
    run.start_task()
    decision = Decision(run.state, context())
    tasks.fail_task(decision, 24, None, "worker")
    tasks.ensure_task(decision)
    run.take(decision)
    signal(run)
    _, new = reset(run, 5)
    assert names(new)[3:] == [
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_TASK_SCHEDULED",
    ]
    assert new.state.workflow_task.attempt == 1


def test_the_end_of_a_transient_task_can_be_undone():
    run = Playback()
    run.start_task()
    decision = Decision(run.state, context())
    tasks.fail_task(decision, 24, None, "worker")
    tasks.ensure_task(decision)
    run.take(decision)
    run.start_task()
    run.complete(COMPLETE)
    _, new = reset(run, 7)
    assert told(new)[6].startswith("7 WORKFLOW_TASK_FAILED scheduled_event_id=5 started_event_id=6")
    assert told(new)[7].startswith("8 WORKFLOW_TASK_SCHEDULED")


@pytest.mark.parametrize("event_id", [-1, 0, 1, 5, 99])
def test_points_outside_the_history(event_id):
    with pytest.raises(InvalidArgument) as refusal:
        check_reset(Playback().state, reset_request(event_id), context())
    assert refusal.value.message == (
        "Workflow task finish ID must be > 1 && <= workflow last event ID."
    )


def test_points_inside_a_batch_and_points_without_a_task():
    run = played(timer("t", 1), timer("u", 1))
    run.take(decide_fire(run.state, context(2)))
    before = run.state
    # Events 4 to 6 are a completion, 7 to 9 both timers and their task.
    for event_id in (2, 5, 6, 8, 9):
        with pytest.raises(InvalidArgument) as refusal:
            reset(run, event_id)
        assert refusal.value.message == (
            f"StateRebuilder unable to Rebuild mutable state to event ID: {event_id - 1},"
            " version: 0, this event must be at the boundary"
        )
    with pytest.raises(InvalidArgument) as refusal:
        reset(run, 7)
    assert refusal.value.message == (
        "Can only reset workflow to event ID in range"
        " [WorkflowTaskScheduled +1, WorkflowTaskStarted + 1]: 7"
    )
    assert run.state is before
    assert run.state.running
    assert not run.state.reset_run_id


def test_batches_of_a_reset_run_are_those_of_its_base():
    _, new = reset(played(timer("t", 1000)), 3)
    # Events 3 to 5 were written at once, but a started task ends its batch.
    assert [history(new).ends_batch(event_id) for event_id in range(1, 6)] == [
        False,
        True,
        True,
        False,
        True,
    ]


def test_a_batch_note_tells_decisions_of_one_row_apart():
    found = RunHistory()
    frames = history(played()).frames
    found.add(1, frames, encode_batch(3))
    assert found.first_event_ids == {1, 3}
    assert found.ends_batch(2)
    assert not found.ends_batch(1)
    assert (
        encode_batch(3)
        == notes.NoteList(
            notes=[notes.Note(at_event_id=3, batch=notes.Batch(first_event_ids=[3]))]
        ).SerializeToString()
    )


def test_activities_wait_anew_and_timers_do_not():
    run = played(activity("a"), timer("t", 100))
    signal(run, second=1)
    run.start_task(second=2)
    run.complete(second=3)
    decided, new = reset(run, 9, second=30)
    assert names(new)[9:] == ["WORKFLOW_TASK_FAILED", "WORKFLOW_TASK_SCHEDULED"]
    assert ActivityOffer("aq", 5, 0, 0) in decided.created.effects
    assert new.state.activities[5].scheduled_ns == START_NS + 30 * SECOND_NS
    assert new.state.timers["t"].due_ns == START_NS + 100 * SECOND_NS
    new.take(decide_fire(new.state, context(89)))
    assert new.state.activities
    new.take(decide_fire(new.state, context(90)))
    assert not new.state.activities
    assert new.state.timers


def test_an_activity_of_a_foreign_history_that_has_started_fails():
    run = played(activity("a"))
    signal(run)
    found = history(run)
    started = HistoryEvent(event_id=8, event_type=event_types.EVENT_TYPE_ACTIVITY_TASK_STARTED)
    started.activity_task_started_event_attributes.scheduled_event_id = 5
    started.activity_task_started_event_attributes.identity = "worker"
    run.state.next_event_id = 9
    data = started.SerializeToString()
    found.add(8, [b"\x0a" + bytes((len(data),)) + data], b"")
    found.add(9, found.frames[-1:], b"")
    source = ResetSource(run.state.run_id, found)
    decided = decide_reset(reset_request(9), run.state, [source], run.state, context(9))
    events = parse_events(decided.created.event_frames)
    failed = next(show(event) for event in events if "ACTIVITY_TASK_FAILED" in show(event))
    assert failed == (
        "11 ACTIVITY_TASK_FAILED failure={message=redo reset_workflow_failure_info={}}"
        " scheduled_event_id=5 started_event_id=8 identity=worker retry_state=2"
    )


def test_timeouts_of_a_reset_run_begin_with_it():
    request = start_request(
        workflow_run_timeout=Duration(seconds=50), workflow_execution_timeout=Duration(seconds=60)
    )
    run = Playback(decide_start(request, context()))
    run.start_task()
    run.take(decide_fire(run.state, context(50)))
    assert not run.state.running
    _, new = reset(run, 4, second=100)
    assert new.state.run_deadline_ns == START_NS + 150 * SECOND_NS
    assert new.state.execution_deadline_ns == START_NS + 160 * SECOND_NS
    assert new.take(decide_fire(new.state, context(149))) == []
    assert "WORKFLOW_EXECUTION_TIMED_OUT" in new.take(decide_fire(new.state, context(150)))[-1]


def test_a_delayed_run_does_not_wait_again():
    run = Playback(
        decide_start(start_request(workflow_start_delay=Duration(seconds=30)), context())
    )
    run.take(decide_fire(run.state, context(30)))
    run.start_task(second=31)
    _, new = reset(run, 3, second=40)
    assert not new.state.waits_for_first_task
    assert names(new)[-1] == "WORKFLOW_TASK_SCHEDULED"


def test_what_operations_on_the_new_run_are_refused():
    request = reset_request(2)
    request.post_reset_operations.add().signal_workflow.SetInParent()
    with pytest.raises(InvalidArgument, match="PostResetOperation_SignalWorkflow_"):
        check_reset(closed().state, request, context())
    options = request.post_reset_operations[0].update_workflow_options
    options.update_mask.paths.append("nope")
    with pytest.raises(InvalidArgument, match='invalid path "nope"'):
        check_reset(closed().state, request, context())
    options.update_mask.paths[:] = ["versioning_override"]
    override = options.workflow_execution_options.versioning_override
    override.pinned.behavior = 1
    override.pinned.version.deployment_name = "shop"
    override.pinned.version.build_id = "1"
    with pytest.raises(FailedPrecondition, match="Pinned version 'shop:1' is not present"):
        check_reset(closed().state, request, context())
