"""Stories of a living run: signals, cancel requests, ends, queries, descriptions."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType
from temporalio.api.workflowservice.v1 import (
    QueryWorkflowRequest,
    RequestCancelWorkflowExecutionRequest,
    SignalWithStartWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)

from core.playback import START_NS, Playback, context, start_request, text
from polyrhythm.base.errors import (
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    WorkflowNotReady,
)
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.cancel import decide_cancel
from polyrhythm.core.decide.describe import describe_run
from polyrhythm.core.decide.query import QueryRoute, judge_query
from polyrhythm.core.decide.signal import (
    decide_signal,
    decide_signal_existing,
    decide_signal_with_start,
)
from polyrhythm.core.decide.start import decide_start
from polyrhythm.core.decide.terminate import decide_terminate
from polyrhythm.core.decision import Decision

COMPLETED = "workflow execution already completed"
COMPLETE = Command(
    command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
    complete_workflow_execution_command_attributes={},
)


def signal(name: str = "s", request_id: str = "", **fields: object):
    return SignalWorkflowExecutionRequest(
        signal_name=name, request_id=request_id, identity="client", **fields
    )


def delayed() -> Playback:
    request = start_request(workflow_start_delay=Duration(seconds=30))
    return Playback(decide_start(request, context()))


def closed() -> Playback:
    run = Playback()
    run.start_task()
    run.complete(COMPLETE)
    return run


def idle() -> Playback:
    run = Playback()
    run.start_task()
    run.complete()
    return run


def names(events: list[str]) -> list[str]:
    return [line.split()[1] for line in events]


def fail_task(run: Playback) -> None:
    decision = Decision(run.state, context())
    tasks.fail_task(decision, 24, None, "worker")
    tasks.ensure_task(decision)
    run.take(decision)


def test_a_signal_wakes_an_idle_workflow():
    run = idle()
    request = signal(input=text("a"))
    request.header.fields["h"].data = b"v"
    request.links.add().workflow_event.workflow_id = "from"
    decision = decide_signal(run.state, request, context(1))
    assert not decision.reply.HasField("link")
    assert run.take(decision) == [
        "5 WORKFLOW_EXECUTION_SIGNALED signal_name=s input=a identity=client header={fields={h=v}}",
        "6 WORKFLOW_TASK_SCHEDULED task_queue={name=q kind=1} start_to_close_timeout=10s attempt=1",
    ]
    assert names(run.take(decide_signal(run.state, signal(), context(1)))) == [
        "WORKFLOW_EXECUTION_SIGNALED"
    ]


def test_a_signal_behind_a_started_task_waits_for_its_end():
    run = Playback()
    run.start_task()
    assert run.take(decide_signal(run.state, signal(), context())) == []
    assert names(run.complete()) == [
        "WORKFLOW_TASK_COMPLETED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_TASK_SCHEDULED",
    ]


def test_the_same_signal_counts_once_even_after_the_end():
    run = idle()
    run.take(decide_signal(run.state, signal(request_id="r"), context()))
    assert decide_signal(run.state, signal(request_id="r"), context()).empty
    run.start_task()
    run.complete(COMPLETE)
    assert decide_signal(run.state, signal(request_id="r"), context()).empty
    with pytest.raises(NotFound, match=COMPLETED):
        decide_signal(run.state, signal(request_id="other"), context())


def test_signals_have_a_limit():
    run = idle()
    world = context(signals_max=1)
    run.take(decide_signal(run.state, signal(), world))
    with pytest.raises(InvalidArgument, match="exceeded workflow execution limit for signal"):
        decide_signal(run.state, signal(), world)


def test_a_closing_workflow_takes_no_signal_while_its_task_runs():
    run = Playback()
    run.start_task()
    run.take(decide_signal(run.state, signal(), context()))
    events = run.complete(COMPLETE)
    assert names(events)[0] == "WORKFLOW_TASK_FAILED"
    assert run.state.close_attempted
    run.start_task()
    with pytest.raises(ResourceExhausted, match="workflow is closing"):
        decide_signal(run.state, signal(), context())


def test_a_signal_does_not_end_a_start_delay_but_a_signal_with_start_does():
    run = delayed()
    events = run.take(decide_signal(run.state, signal(), context(1)))
    assert names(events) == ["WORKFLOW_EXECUTION_SIGNALED"]
    request = SignalWithStartWorkflowExecutionRequest(signal_name="s", request_id="r")
    events = run.take(decide_signal_existing(run.state, request, context(2)))
    assert names(events) == ["WORKFLOW_EXECUTION_SIGNALED", "WORKFLOW_TASK_SCHEDULED"]
    assert not run.state.waits_for_first_task
    again = decide_signal_existing(run.state, request, context(3))
    assert again.empty
    assert (again.reply.run_id, again.reply.started) == (run.state.run_id, False)


def test_a_signal_with_start_comes_before_the_first_task():
    request = SignalWithStartWorkflowExecutionRequest(
        workflow_id="w",
        request_id="r",
        identity="client",
        signal_name="s",
        signal_input=text("news"),
        input=text("in"),
    )
    request.workflow_type.name = "wf"
    request.task_queue.name = "q"
    request.memo.fields["m"].data = b"memo"
    request.links.add().workflow_event.workflow_id = "from"
    decision = decide_signal_with_start(request, context())
    assert decision.reply.started
    run = Playback(decision)
    assert run.state.next_event_id == 4
    assert run.state.signal_request_ids == {"r"}
    assert run.state.memo
    assert decide_signal(run.state, signal(request_id="r"), context()).empty


def test_a_cancel_request_is_taken_once():
    run = idle()
    request = RequestCancelWorkflowExecutionRequest(
        reason="not needed", identity="client", request_id="r"
    )
    assert run.take(decide_cancel(run.state, request, context(1))) == [
        "5 WORKFLOW_EXECUTION_CANCEL_REQUESTED cause=not needed identity=client",
        "6 WORKFLOW_TASK_SCHEDULED task_queue={name=q kind=1} start_to_close_timeout=10s attempt=1",
    ]
    assert run.state.cancel_request_id == "r"
    request.request_id = "r2"
    assert decide_cancel(run.state, request, context(1)).empty
    run.start_task()
    run.complete(COMPLETE)
    assert decide_cancel(run.state, request, context(1)).empty


def test_a_cancel_request_ends_a_start_delay():
    run = delayed()
    request = RequestCancelWorkflowExecutionRequest()
    assert names(run.take(decide_cancel(run.state, request, context(1)))) == [
        "WORKFLOW_EXECUTION_CANCEL_REQUESTED",
        "WORKFLOW_TASK_SCHEDULED",
    ]


def test_the_first_run_of_the_chain_must_match():
    run = Playback()
    with pytest.raises(NotFound, match=r"^workflow execution not found$"):
        decide_cancel(
            run.state,
            RequestCancelWorkflowExecutionRequest(first_execution_run_id="x"),
            context(),
        )
    with pytest.raises(NotFound, match=r"^workflow execution not found$"):
        decide_terminate(
            run.state, TerminateWorkflowExecutionRequest(first_execution_run_id="x"), context()
        )
    request = TerminateWorkflowExecutionRequest(
        first_execution_run_id=run.state.first_run_id, reason="enough", identity="client"
    )
    assert run.take(decide_terminate(run.state, request, context())) == [
        "3 WORKFLOW_EXECUTION_TERMINATED reason=enough identity=client"
    ]
    with pytest.raises(NotFound, match=COMPLETED):
        decide_terminate(run.state, request, context())


def ask(condition: int = 0) -> QueryWorkflowRequest:
    return QueryWorkflowRequest(query_reject_condition=condition)


def test_where_queries_go():
    run = Playback()
    assert judge_query(run.state, ask()).route is QueryRoute.WITH_TASK
    with pytest.raises(ResourceExhausted, match="consistent query buffer is full"):
        judge_query(run.state, ask(), waiting=1)
    assert judge_query(idle().state, ask()).route is QueryRoute.DIRECT
    woken = idle()
    woken.take(decide_signal(woken.state, signal(), context()))
    assert judge_query(woken.state, ask()).route is QueryRoute.WITH_TASK


def test_queries_of_closed_runs():
    run = closed()
    assert judge_query(run.state, ask()).route is QueryRoute.DIRECT
    assert judge_query(run.state, ask(3)).route is QueryRoute.DIRECT
    verdict = judge_query(run.state, ask(2))
    assert (verdict.route, verdict.status) == (QueryRoute.REJECTED, 2)
    run = Playback()
    run.take(decide_terminate(run.state, TerminateWorkflowExecutionRequest(), context()))
    assert judge_query(run.state, ask(3)).route is QueryRoute.REJECTED
    with pytest.raises(WorkflowNotReady, match="closed before WorkflowTaskStarted"):
        judge_query(run.state, ask())


def test_queries_that_nobody_would_answer():
    run = Playback()
    for attempt in (2, 3):
        run.start_task()
        fail_task(run)
        assert run.state.workflow_task.attempt == attempt
    run.start_task()
    fail_task(run)
    with pytest.raises(WorkflowNotReady, match="Task in failed state"):
        judge_query(run.state, ask())
    run = delayed()
    with pytest.raises(WorkflowNotReady, match="not scheduled yet"):
        judge_query(run.state, ask(), deadline_ns=START_NS + 29 * SECOND_NS)
    late = judge_query(run.state, ask(), deadline_ns=START_NS + 31 * SECOND_NS)
    assert late.route is QueryRoute.WITH_TASK


def test_a_description_of_a_run_at_work():
    request = start_request(
        workflow_execution_timeout=Duration(seconds=100),
        workflow_run_timeout=Duration(seconds=50),
    )
    request.user_metadata.summary.data = b"sum"
    request.priority.priority_key = 2
    run = Playback(decide_start(request, context()))
    run.start_task(1)
    answer = describe_run(run.state)
    assert answer.execution_config.task_queue.name == "q"
    assert answer.execution_config.workflow_run_timeout.seconds == 50
    assert answer.execution_config.default_workflow_task_timeout.seconds == 10
    assert answer.execution_config.user_metadata.summary.data == b"sum"
    info = answer.workflow_execution_info
    assert (info.execution.workflow_id, info.type.name, info.status) == ("w", "wf", 1)
    assert (info.history_length, info.priority.priority_key) == (3, 2)
    assert info.HasField("memo")
    assert info.HasField("search_attributes")
    assert info.root_execution.run_id == info.first_run_id == run.state.run_id
    assert not info.HasField("close_time")
    task = answer.pending_workflow_task
    assert (task.state, task.attempt) == (2, 1)
    assert task.started_time.ToNanoseconds() == START_NS + SECOND_NS
    extended = answer.workflow_extended_info
    assert extended.execution_expiration_time.seconds == START_NS // SECOND_NS + 100
    assert extended.run_expiration_time.seconds == START_NS // SECOND_NS + 50
    assert dict(extended.request_id_infos)["start-1"].event_id == 1


def test_a_description_of_a_closed_run():
    run = delayed()
    run.take(decide_cancel(run.state, RequestCancelWorkflowExecutionRequest(), context(1)))
    run.take(decide_terminate(run.state, TerminateWorkflowExecutionRequest(), context(40)))
    answer = describe_run(run.state)
    info = answer.workflow_execution_info
    assert info.status == 5
    assert info.close_time.seconds == START_NS // SECOND_NS + 40
    assert info.execution_time.seconds == START_NS // SECOND_NS + 30
    assert info.execution_duration.seconds == 10
    assert answer.workflow_extended_info.cancel_requested
    assert answer.workflow_extended_info.run_expiration_time.ToJsonString().startswith("0001-01-01")
    assert answer.pending_workflow_task.state == 1
