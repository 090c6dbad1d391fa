"""Decides signals: to a run, with a start, and to a run that a start found running.

Source: SignalWorkflowExecution and SignalWithStartWorkflowExecution of the server. A signal wakes
the workflow but for one case: a plain signal does not end a start delay, a signal-with-start does.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    SignalWithStartWorkflowExecutionRequest,
    SignalWithStartWorkflowExecutionResponse,
    SignalWorkflowExecutionRequest,
    SignalWorkflowExecutionResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)

from polyrhythm.base.errors import InvalidArgument, NotFound, ResourceExhausted
from polyrhythm.core.context import Context
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.start import begin_start, schedule_first
from polyrhythm.core.decision import Decision
from polyrhythm.core.state import RunState

# Fields of a signal-with-start that are its own, not the start's.
_SIGNAL_FIELDS = frozenset({"signal_name", "signal_input", "control"})


def decide_signal(
    state: RunState, request: SignalWorkflowExecutionRequest, context: Context
) -> Decision:
    """Decide a signal; a request id taken before succeeds without effect, closed runs included.

    Raises NotFound for a closed run, InvalidArgument past the limit, ResourceExhausted while the
    workflow is closing.
    """
    decision = Decision(state, context)
    decision.reply = SignalWorkflowExecutionResponse()
    if request.request_id and request.request_id in state.signal_request_ids:
        return decision
    if not state.running:
        raise NotFound("workflow execution already completed")
    check_signal(state, context)
    write_signal(decision, request)
    tasks.ensure_task(decision)
    return decision


def decide_signal_with_start(
    request: SignalWithStartWorkflowExecutionRequest, context: Context
) -> Decision:
    """Decide a fresh run whose second event is the signal."""
    start = StartWorkflowExecutionRequest()
    for field, value in request.ListFields():
        if field.name in _SIGNAL_FIELDS:
            continue
        if field.is_repeated:
            getattr(start, field.name).extend(value)
        elif field.message_type is not None:
            getattr(start, field.name).CopyFrom(value)
        else:
            setattr(start, field.name, value)
    decision = begin_start(start, context)
    write_signal(decision, _signal_of(request))
    schedule_first(decision, start)
    started = decision.reply
    assert isinstance(started, StartWorkflowExecutionResponse)
    decision.reply = SignalWithStartWorkflowExecutionResponse(run_id=started.run_id, started=True)
    return decision


def decide_signal_existing(
    state: RunState, request: SignalWithStartWorkflowExecutionRequest, context: Context
) -> Decision:
    """Decide the signal of a signal-with-start that found the workflow running.

    Raises as `decide_signal`. What is left of a start delay is skipped.
    """
    check_signal(state, context)
    decision = Decision(state, context)
    decision.reply = SignalWithStartWorkflowExecutionResponse(run_id=state.run_id)
    if request.request_id and request.request_id in state.signal_request_ids:
        return decision
    write_signal(decision, _signal_of(request))
    if state.workflow_task is None:
        tasks.schedule_task(decision)
    return decision


def check_signal(state: RunState, context: Context) -> None:
    """Raise if the open run takes no more signals, or none now."""
    if state.signal_count >= context.limits.signals_max:
        raise InvalidArgument("exceeded workflow execution limit for signal events")
    if state.close_attempted and state.task_started:
        raise ResourceExhausted(
            "workflow operation can not be applied because workflow is closing", "BUSY_WORKFLOW"
        )


def write_signal(
    decision: Decision,
    request: SignalWorkflowExecutionRequest,
    sender: tuple[str, str] | None = None,
) -> None:
    """Write the signal's event and its request id; `sender` is the (workflow id, run id) of
    another workflow that sent it."""
    if request.request_id:
        note = decision.new_note()
        note.signal_requested.request_id = request.request_id
        decision.append_note(note)
    event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
    if request.links:
        event.links.extend(request.links)
    _fill(event, request, sender)
    decision.append(event)


def _fill(
    event: HistoryEvent, request: SignalWorkflowExecutionRequest, sender: tuple[str, str] | None
) -> None:
    signaled = event.workflow_execution_signaled_event_attributes
    signaled.signal_name = request.signal_name
    signaled.identity = request.identity
    if request.HasField("input"):
        signaled.input.CopyFrom(request.input)
    if request.HasField("header"):
        signaled.header.CopyFrom(request.header)
    if sender is not None:
        execution = signaled.external_workflow_execution
        execution.workflow_id, execution.run_id = sender


def _signal_of(request: SignalWithStartWorkflowExecutionRequest) -> SignalWorkflowExecutionRequest:
    signal = SignalWorkflowExecutionRequest()
    signal.signal_name = request.signal_name
    signal.identity = request.identity
    signal.request_id = request.request_id
    if request.HasField("signal_input"):
        signal.input.CopyFrom(request.signal_input)
    if request.HasField("header"):
        signal.header.CopyFrom(request.header)
    signal.links.extend(request.links)
    return signal
