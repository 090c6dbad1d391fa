"""Stories of starting: what the start event holds, which policy says what."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Link, Payload
from temporalio.api.enums.v1 import EventType, WorkflowExecutionStatus
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    SignalWithStartWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)

from core.playback import START_NS, Playback, context, show, start_request, text
from polyrhythm.base.errors import AlreadyStarted, Unimplemented
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.core.decide.resolve import (
    CONFLICT,
    REUSE,
    SIGNAL_CONFLICT,
    CurrentRun,
    Resolution,
    current_run,
    decide_attach,
    resolve_signal_with_start,
    resolve_start,
)
from polyrhythm.core.decide.start import decide_start, first_task_due
from polyrhythm.core.decide.terminate import decide_replaced, decide_terminate, time_out_run
from polyrhythm.core.decision import Decision
from polyrhythm.core.effects import WorkflowTaskOffer
from polyrhythm.core.state import RequestEvent

RUN = "00000000-0000-7000-8000-000000000001"
QUEUE = "task_queue={name=q kind=1}"
PLAIN_START = (
    f"1 WORKFLOW_EXECUTION_STARTED workflow_type={{name=wf}} {QUEUE} workflow_task_timeout=10s"
    f" original_execution_run_id={RUN} identity=client first_execution_run_id={RUN} attempt=1"
    " first_workflow_task_backoff=0s workflow_id=w"
)
PLAIN_TASK = f"WORKFLOW_TASK_SCHEDULED {QUEUE} start_to_close_timeout=10s attempt=1"


def seconds(value: float) -> Duration:
    return Duration(seconds=int(value), nanos=int(value % 1 * SECOND_NS))


def take(decision: Decision) -> list[str]:
    run = Playback.__new__(Playback)
    run.rows, run.effects = [], []
    return run.take(decision)


def test_a_plain_start():
    decision = decide_start(start_request(), context())
    assert decision.effects == [WorkflowTaskOffer("q", "q", False, 2, 1)]
    reply = decision.reply
    assert (reply.run_id, reply.started, reply.status) == (RUN, True, 1)
    assert reply.first_execution_run_id == ""
    link = reply.link.workflow_event
    assert (link.namespace, link.workflow_id, link.run_id) == ("default", "w", RUN)
    assert link.event_ref.event_id == 1
    assert take(decision) == [PLAIN_START, f"2 {PLAIN_TASK}"]


def test_every_option_is_kept():
    request = start_request(
        workflow_execution_timeout=seconds(100),
        workflow_run_timeout=seconds(500),
        workflow_task_timeout=seconds(7),
        input=text("in"),
        links=[Link(workflow_event=Link.WorkflowEvent(workflow_id="from"))],
    )
    request.retry_policy.initial_interval.CopyFrom(seconds(2))
    request.memo.fields["m"].data = b"memo"
    request.memo.fields["nothing"].metadata["encoding"] = b"binary/null"
    request.header.fields["h"].data = b"head"
    request.search_attributes.indexed_fields["TemporalChangeVersion"].data = b'["v"]'
    request.user_metadata.summary.data = b"sum"
    request.priority.priority_key = 2
    decision = decide_start(request, context())
    state = decision.state
    event = HistoryEvent.FromString(state.start_event)
    assert event.user_metadata.summary.data == b"sum"
    assert event.links[0].workflow_event.workflow_id == "from"
    assert show(event) == (
        f"1 WORKFLOW_EXECUTION_STARTED workflow_type={{name=wf}} {QUEUE} input=in"
        " workflow_execution_timeout=100s workflow_run_timeout=100s workflow_task_timeout=7s"
        f" original_execution_run_id={RUN} identity=client first_execution_run_id={RUN}"
        " retry_policy={initial_interval=2s backoff_coefficient=2.0 maximum_interval=200s}"
        " attempt=1 workflow_execution_expiration_time=+100s first_workflow_task_backoff=0s"
        ' memo={fields={m=memo}} search_attributes={indexed_fields={TemporalChangeVersion=["v"]}}'
        " header={fields={h=head}} workflow_id=w priority={priority_key=2}"
    )
    attributes = event.workflow_execution_started_event_attributes.search_attributes
    assert attributes.indexed_fields["TemporalChangeVersion"].metadata["type"] == b"KeywordList"
    assert state.run_deadline_ns == state.execution_deadline_ns == START_NS + 100 * SECOND_NS
    take(decision)


@pytest.mark.parametrize(
    ("asked", "run", "task"),
    [
        ({"workflow_task_timeout": seconds(1000)}, "", "120s"),
        ({"workflow_run_timeout": seconds(5)}, "5s", "5s"),
        ({"workflow_run_timeout": seconds(0)}, "0s", "10s"),
        ({"workflow_execution_timeout": seconds(3)}, "3s", "3s"),
        ({"workflow_run_timeout": seconds(10**10)}, "3.1536e+09s", "10s"),
    ],
)
def test_timeouts_are_completed_and_capped(asked, run, task):
    started = take(decide_start(start_request(**asked), context()))[0]
    assert f" workflow_task_timeout={task} " in started
    assert (f" workflow_run_timeout={run} " in started) if run else "run_timeout" not in started


def test_the_expiration_is_rounded_to_milliseconds():
    world = context()
    world.now_ns += 1_500_000
    request = start_request(workflow_execution_timeout=seconds(1))
    started = take(decide_start(request, world))[0]
    assert "workflow_execution_expiration_time=+1.002s" in started


def test_an_eager_start_hands_its_task_to_the_caller():
    decision = decide_start(start_request(request_eager_execution=True), context())
    assert decision.effects == []
    assert decision.state.task_started
    started, _, task = take(decision)
    assert started.endswith(" eager_execution_accepted=True")
    assert task.startswith(
        "3 WORKFLOW_TASK_STARTED scheduled_event_id=2 identity=client request_id=start-1"
    )


def test_a_delayed_start_waits_and_is_never_eager():
    request = start_request(workflow_start_delay=seconds(30), request_eager_execution=True)
    run = Playback(decide_start(request, context()))
    assert run.state.waits_for_first_task
    assert run.effects == []
    assert run.state.next_event_id == 2
    assert not run.state.start_event.count(b"eager")
    decision = Decision(run.state, context(30))
    first_task_due(decision)
    assert run.take(decision) == [f"2 {PLAIN_TASK}"]
    assert not run.state.waits_for_first_task
    again = Decision(run.state, context(31))
    first_task_due(again)
    assert again.empty


def test_what_is_not_built_is_refused():
    request = start_request()
    request.completion_callbacks.add().nexus.url = "http://x"
    with pytest.raises(Unimplemented, match="completion_callbacks"):
        decide_start(request, context())


def current(status: int) -> CurrentRun:
    return CurrentRun(
        workflow_id="w",
        run_id="run",
        first_run_id="first",
        status=status,
        create_request_id="create",
        request_events={
            "create": RequestEvent(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, 1),
            "attached": RequestEvent(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED, 7),
        },
        start_ns=START_NS,
    )


@pytest.mark.parametrize("status", [1, 2, 3, 4, 5, 6, 7])
def test_a_request_id_seen_before_answers_as_it_did(status):
    for request_id, started in (("create", True), ("attached", False)):
        request = start_request(workflow_id_reuse_policy=3)
        request.request_id = request_id
        verdict = resolve_start(current(status), request, context())
        assert verdict.resolution is Resolution.ANSWER
        reply = verdict.reply
        assert (reply.run_id, reply.started, reply.status) == ("run", started, status)
        assert reply.link.workflow_event.HasField("event_ref") == started


@pytest.mark.parametrize("reuse", list(REUSE))
@pytest.mark.parametrize("conflict", list(CONFLICT))
@pytest.mark.parametrize("status", [1, 2, 3, 4, 5, 6, 7])
def test_every_cell_of_the_policy_tables(reuse, conflict, status):
    policies = {"workflow_id_reuse_policy": reuse, "workflow_id_conflict_policy": conflict}
    request = start_request(**policies)
    signal = SignalWithStartWorkflowExecutionRequest(workflow_id="w", **policies)
    if status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING:
        expected = Resolution.REPLACE if reuse == 4 else CONFLICT[conflict]
        signalled = Resolution.REPLACE if reuse == 4 else SIGNAL_CONFLICT[conflict]
    else:
        expected = signalled = Resolution.CREATE if status in REUSE[reuse] else None
    for resolve, wanted in (
        (lambda: resolve_start(current(status), request, context()), expected),
        (lambda: resolve_signal_with_start(current(status), signal), signalled),
    ):
        if wanted is None:
            with pytest.raises(AlreadyStarted) as refusal:
                resolve()
            assert (refusal.value.start_request_id, refusal.value.run_id) == ("create", "run")
        else:
            assert resolve().resolution is wanted


@pytest.mark.parametrize(
    ("status", "reuse", "message"),
    [
        (1, 1, "Workflow execution is already running. WorkflowId: w, RunId: run."),
        (
            2,
            2,
            "Workflow execution already finished successfully. WorkflowId: w, RunId: run."
            " Workflow Id reuse policy: allow duplicate workflow Id if last run failed.",
        ),
        (
            3,
            3,
            "Workflow execution already finished. WorkflowId: w, RunId: run."
            " Workflow Id reuse policy: reject duplicate workflow Id.",
        ),
    ],
)
def test_refusals_in_the_servers_words(status, reuse, message):
    with pytest.raises(AlreadyStarted) as refusal:
        resolve_start(current(status), start_request(workflow_id_reuse_policy=reuse), context())
    assert refusal.value.message == message


def test_no_run_and_an_existing_one():
    assert resolve_start(None, start_request(), context()).resolution is Resolution.CREATE
    run = Playback()
    request = start_request(workflow_id_conflict_policy=2)
    request.request_id = "start-2"
    verdict = resolve_start(current_run(run.state), request, context())
    assert verdict.resolution is Resolution.ANSWER
    assert (verdict.reply.run_id, verdict.reply.started) == (RUN, False)


def test_attaching_a_request_while_a_worker_holds_the_task():
    run = Playback()
    run.start_task()
    request = start_request(workflow_id_conflict_policy=2)
    request.request_id = "start-2"
    request.on_conflict_options.attach_request_id = True
    verdict = resolve_start(current_run(run.state), request, context())
    assert verdict.resolution is Resolution.ATTACH
    decision = decide_attach(run.state, request, context())
    reference = decision.reply.link.workflow_event.request_id_ref
    assert (reference.request_id, decision.reply.started) == ("start-2", False)
    assert run.take(decision) == []
    assert run.state.request_events["start-2"].event_id == 0
    assert run.complete()[1:] == [
        "5 WORKFLOW_EXECUTION_OPTIONS_UPDATED attached_request_id=start-2",
        f"6 {PLAIN_TASK}",
    ]
    assert run.state.request_events["start-2"].event_id == 5


def test_a_start_replaces_a_running_workflow():
    run = Playback()
    run.start_task()
    assert run.take(decide_replaced(run.state, "new", context(1))) == [
        "4 WORKFLOW_TASK_FAILED scheduled_event_id=2 started_event_id=3 cause=17"
        " identity=history-service",
        "5 WORKFLOW_EXECUTION_TERMINATED reason=TerminateIfRunning WorkflowIdReusePolicy"
        ' details="terminated by new runID: new" identity=history-service',
    ]
    assert run.state.status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED


def test_a_termination_keeps_what_was_buffered():
    run = Playback()
    run.start_task()
    request = start_request()
    request.on_conflict_options.attach_links = True
    run.take(decide_attach(run.state, request, context()))
    request = TerminateWorkflowExecutionRequest(reason="enough", identity="me", details=text("why"))
    request.links.add().workflow_event.workflow_id = "from"
    events = run.take(decide_terminate(run.state, request, context(1)))
    assert [line.split()[1] for line in events] == [
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_EXECUTION_OPTIONS_UPDATED",
        "WORKFLOW_EXECUTION_TERMINATED",
    ]
    assert events[-1].endswith("reason=enough details=why identity=me")


@pytest.mark.parametrize(
    ("policy", "second", "retry_state"),
    [
        (None, 50, 5),
        ({"maximum_attempts": 1}, 50, 4),
        ({"non_retryable_error_types": ["TemporalTimeout:StartToClose"]}, 50, 2),
        (None, 100, 3),
    ],
)
def test_a_run_times_out(policy, second, retry_state):
    request = start_request(
        workflow_run_timeout=seconds(50), workflow_execution_timeout=seconds(100)
    )
    if policy is not None:
        for name, value in policy.items():
            if isinstance(value, list):
                getattr(request.retry_policy, name).extend(value)
            else:
                setattr(request.retry_policy, name, value)
    run = Playback(decide_start(request, context()))
    decision = Decision(run.state, context(second))
    time_out_run(decision)
    assert run.take(decision) == [f"3 WORKFLOW_EXECUTION_TIMED_OUT retry_state={retry_state}"]


def test_a_payload_that_says_nothing():
    request = start_request()
    request.memo.fields["a"].CopyFrom(Payload(data=b"null"))
    request.memo.fields["b"].CopyFrom(Payload(data=b"[]"))
    assert "memo" not in take(decide_start(request, context()))[0]
