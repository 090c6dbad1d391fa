"""Stories of markers, memos and search attributes, and of messages between two runs."""

from __future__ import annotations

import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType
from temporalio.api.workflowservice.v1 import (
    RespondWorkflowTaskCompletedRequest,
    SignalWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)

from core.playback import Playback, context, start_request, text
from polyrhythm.api import notes
from polyrhythm.base.errors import InvalidArgument, NamespaceNotFound
from polyrhythm.base.limits import RECEIVED_KEYS_MAX
from polyrhythm.core.decide.completion import decide_completed
from polyrhythm.core.decide.message import failed_cause, receive, refuse_delivery, settle
from polyrhythm.core.decide.signal import decide_signal
from polyrhythm.core.decide.start import decide_start
from polyrhythm.core.decide.terminate import decide_terminate
from polyrhythm.core.effects import Delivery

SENDER_KEY = 7
TASK = "WORKFLOW_TASK_SCHEDULED task_queue={name=q kind=1} start_to_close_timeout=10s attempt=1"
SENDER = "external_workflow_execution={workflow_id=w run_id=00000000-0000-7000-8000-000000000001}"


def command(kind: str) -> Command:
    return Command(command_type=CommandType.Value(f"COMMAND_TYPE_{kind}"))


def signal_other(workflow_id: str = "other", **fields: object) -> Command:
    asked = command("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION")
    attributes = asked.signal_external_workflow_execution_command_attributes
    attributes.namespace = str(fields.get("namespace", "default"))
    attributes.execution.workflow_id = workflow_id
    attributes.execution.run_id = str(fields.get("run_id", ""))
    attributes.signal_name = str(fields.get("signal_name", "ext"))
    attributes.input.CopyFrom(text("x"))
    attributes.control = "ctl"
    attributes.child_workflow_only = bool(fields.get("child_workflow_only"))
    return asked


def cancel_other(workflow_id: str = "other", **fields: object) -> Command:
    asked = command("REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION")
    attributes = asked.request_cancel_external_workflow_execution_command_attributes
    attributes.namespace = str(fields.get("namespace", "default"))
    attributes.workflow_id = workflow_id
    attributes.run_id = str(fields.get("run_id", ""))
    attributes.reason = "stop"
    return asked


def other() -> Playback:
    request = start_request()
    request.workflow_id = "other"
    return Playback(decide_start(request, context()))


def sender(asked: Command) -> tuple[Playback, Delivery]:
    run = Playback()
    run.start_task()
    run.complete(asked)
    (delivery,) = run.effects
    assert isinstance(delivery, Delivery)
    return run, delivery


def exchange(run: Playback, delivery: Delivery, target: Playback) -> tuple[list[str], list[str]]:
    decision = receive(target.state, delivery.message, SENDER_KEY, delivery.sequence, context(1))
    cause = failed_cause(decision)
    received = target.take(decision)
    settled = run.take(settle(run.state, delivery.sequence, context(1), cause))
    assert run.state.owed == {}
    return received, settled


def refused(asked: Command) -> str:
    run = Playback()
    run.start_task()
    events = run.complete(asked)
    assert events[0].startswith("4 WORKFLOW_TASK_FAILED")
    return events[0].split("failure={message=")[1].split(" server_failure_info=")[0]


def test_a_signal_to_another_run():
    run, delivery = sender(signal_other())
    target = other()
    received, settled = exchange(run, delivery, target)
    assert received == [
        f"3 WORKFLOW_EXECUTION_SIGNALED signal_name=ext input=x identity=history-service {SENDER}"
    ]
    assert settled == [
        "6 EXTERNAL_WORKFLOW_EXECUTION_SIGNALED initiated_event_id=5 namespace=default"
        " workflow_execution={workflow_id=other} control=ctl namespace_id=namespace-id",
        f"7 {TASK}",
    ]
    assert run.state.external_signals == {}


def test_a_cancel_request_to_another_run():
    run, delivery = sender(cancel_other())
    target = other()
    received, settled = exchange(run, delivery, target)
    assert received == [
        "3 WORKFLOW_EXECUTION_CANCEL_REQUESTED cause=stop external_initiated_event_id=5"
        f" {SENDER} identity=history-service"
    ]
    assert settled[0].startswith(
        "6 EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED initiated_event_id=5"
    )
    assert run.state.external_cancels == {}


@pytest.mark.parametrize("asked", [signal_other(), cancel_other()])
def test_a_repeated_delivery_is_applied_once_even_after_the_receivers_end(asked):
    run, delivery = sender(asked)
    target = other()
    target.take(receive(target.state, delivery.message, SENDER_KEY, 1, context(1)))
    target.take(decide_terminate(target.state, TerminateWorkflowExecutionRequest(), context(2)))
    again = receive(target.state, delivery.message, SENDER_KEY, 1, context(3))
    assert (again.empty, failed_cause(again)) == (True, 0)
    run.take(settle(run.state, 1, context(3)))
    assert settle(run.state, 1, context(3)).empty


def test_only_the_newest_messages_are_remembered():
    _, delivery = sender(signal_other())
    target = other()
    last = 3 * RECEIVED_KEYS_MAX
    for sequence in range(1, last + 1):
        target.take(receive(target.state, delivery.message, SENDER_KEY, sequence, context(1)))
    assert target.state.signal_count == last
    assert target.state.received[0] == (SENDER_KEY, last + 1 - RECEIVED_KEYS_MAX)
    assert len(target.state.received) == RECEIVED_KEYS_MAX
    for sequence in (last, last + 1 - RECEIVED_KEYS_MAX):
        assert receive(target.state, delivery.message, SENDER_KEY, sequence, context(2)).empty


def test_no_receiver():
    for asked, name in (
        (signal_other(), "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED"),
        (cancel_other(), "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED"),
    ):
        run, delivery = sender(asked)
        decision = refuse_delivery(run.state, delivery.message, 1, context(1))
        events = run.take(decision)
        assert events[0].startswith(f"6 {name} cause=1 namespace=default")
        assert events[1] == f"7 {TASK}"


def test_a_closed_receiver_refuses_signals_and_does_not_mind_cancel_requests():
    target = other()
    target.take(decide_terminate(target.state, TerminateWorkflowExecutionRequest(), context()))
    for asked, cause in ((signal_other(), 1), (cancel_other(), 0)):
        _, delivery = sender(asked)
        decision = receive(target.state, delivery.message, SENDER_KEY, 1, context())
        assert (decision.empty, failed_cause(decision)) == (True, cause)


def test_a_workflow_may_not_address_itself_nor_a_stranger_as_its_child():
    run, delivery = sender(signal_other("w"))
    decision = receive(run.state, delivery.message, SENDER_KEY, 1, context())
    assert (decision.empty, failed_cause(decision)) == (True, 1)
    _, delivery = sender(signal_other(child_workflow_only=True))
    decision = receive(other().state, delivery.message, SENDER_KEY, 1, context())
    assert (decision.empty, failed_cause(decision)) == (True, 1)


def test_a_receiver_with_too_many_signals():
    run, delivery = sender(signal_other())
    target = other()
    world = context(signals_max=1)
    request = SignalWorkflowExecutionRequest(signal_name="s")
    target.take(decide_signal(target.state, request, world))
    decision = receive(target.state, delivery.message, SENDER_KEY, 1, world)
    assert (decision.empty, failed_cause(decision)) == (True, 3)
    events = run.take(settle(run.state, 1, world, 3))
    assert events[0].startswith("6 SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED cause=3")


def test_a_sender_that_closed_only_forgets():
    run, _ = sender(signal_other())
    run.take(decide_terminate(run.state, TerminateWorkflowExecutionRequest(), context()))
    decision = settle(run.state, 1, context())
    assert not decision.empty
    assert run.take(decision) == []
    assert run.state.owed == {}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            command("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION"),
            "BadSignalWorkflowExecutionAttributes: SignalExternalWorkflowExecutionCommandAttributes"
            " is not set on SignalExternalWorkflowExecutionCommand.",
        ),
        (
            signal_other("a", signal_name=""),
            "BadSignalWorkflowExecutionAttributes: SignalName is not set on"
            " SignalExternalWorkflowExecutionCommand. WorkflowId=a Namespace=default RunId=",
        ),
        (
            signal_other("a", run_id="nonsense"),
            "BadSignalWorkflowExecutionAttributes: Invalid RunId set on"
            " SignalExternalWorkflowExecutionCommand. WorkflowId=a Namespace=default"
            " RunId=nonsense SignalName=ext",
        ),
        (
            signal_other("a", namespace="other"),
            "BadSignalWorkflowExecutionAttributes: cross namespace commands are not allowed",
        ),
        (
            cancel_other(""),
            "BadRequestCancelExternalWorkflowExecutionAttributes: WorkflowId is not set on"
            " RequestCancelExternalWorkflowExecutionCommand. Namespace=default RunId=",
        ),
        (
            command("RECORD_MARKER"),
            "BadRecordMarkerAttributes: RecordMarkerCommandAttributes is not set on"
            " RecordMarkerCommand.",
        ),
        (
            command("MODIFY_WORKFLOW_PROPERTIES"),
            "BadModifyWorkflowPropertiesAttributes: ModifyWorkflowPropertiesCommandAttributes is"
            " not set on ModifyWorkflowPropertiesCommand.",
        ),
    ],
)
def test_commands_refused_in_the_servers_words(asked, message):
    assert refused(asked) == message


def test_an_unknown_namespace_is_the_workers_error_and_the_task_stays():
    run = Playback()
    run.start_task()
    for asked in (signal_other(namespace="nowhere"), cancel_other(namespace="nowhere")):
        with pytest.raises(NamespaceNotFound, match="Namespace nowhere is not found"):
            run.complete(asked)
        run.check_fold()
    assert run.state.task_started


def test_markers_attributes_and_memo():
    request = start_request()
    request.memo.fields["keep"].data = b"1"
    request.memo.fields["gone"].data = b"2"
    run = Playback(decide_start(request, context()))
    run.start_task()
    marker = command("RECORD_MARKER")
    attributes = marker.record_marker_command_attributes
    attributes.marker_name = "m"
    attributes.details["d"].CopyFrom(text("x"))
    attributes.failure.message = "mf"
    upsert = command("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES")
    fields = upsert.upsert_workflow_search_attributes_command_attributes.search_attributes
    fields.indexed_fields["TemporalChangeVersion"].data = b'["v-1"]'
    modify = command("MODIFY_WORKFLOW_PROPERTIES")
    memo = modify.modify_workflow_properties_command_attributes.upserted_memo
    memo.fields["new"].data = b"3"
    memo.fields["gone"].metadata["encoding"] = b"binary/null"
    assert run.complete(marker, upsert, modify)[1:] == [
        "5 MARKER_RECORDED marker_name=m details={d=x} workflow_task_completed_event_id=4"
        " failure={message=mf}",
        "6 UPSERT_WORKFLOW_SEARCH_ATTRIBUTES workflow_task_completed_event_id=4"
        ' search_attributes={indexed_fields={TemporalChangeVersion=["v-1"]}}',
        "7 WORKFLOW_PROPERTIES_MODIFIED workflow_task_completed_event_id=4"
        " upserted_memo={fields={gone= new=3}}",
    ]
    assert b"gone" not in run.state.memo
    assert b"new" in run.state.memo
    assert b"KeywordList" in run.state.search_attributes


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Custom", "Namespace default has no mapping defined for search attribute Custom"),
        ("WorkflowId", "WorkflowId attribute can't be set in SearchAttributes"),
    ],
)
def test_search_attributes_a_user_may_not_set(name, message):
    upsert = command("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES")
    fields = upsert.upsert_workflow_search_attributes_command_attributes.search_attributes
    fields.indexed_fields[name].data = b'"x"'
    assert refused(upsert) == f"BadSearchAttributes: {message}"


def test_an_oversize_marker_ends_the_workflow():
    run = Playback()
    run.start_task()
    marker = command("RECORD_MARKER")
    marker.record_marker_command_attributes.marker_name = "m"
    marker.record_marker_command_attributes.details["d"].CopyFrom(text("x" * 100))
    task = run.state.workflow_task
    token = notes.TaskToken(
        scheduled_event_id=2, started_event_id=3, started_ns=task.started_ns, attempt=1
    )
    request = _completion(marker)
    world = context(blob_bytes_max=50)
    decision = decide_completed(run.state, token, request, world)
    assert isinstance(decision.reply, InvalidArgument)
    events = run.take(decision)
    assert [line.split()[1] for line in events] == [
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_EXECUTION_TERMINATED",
    ]


def _completion(*commands: Command):
    return RespondWorkflowTaskCompletedRequest(identity="worker", commands=commands)
