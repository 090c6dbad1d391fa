"""StartTimer and CancelTimer.

A timer that fired while the workflow task was running is buffered and still unseen by the
workflow: cancelling it takes the fire back, as the server does.
"""

from __future__ import annotations

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.core.decide.commands.record import CommandRefused, Completion, check_attributes
from polyrhythm.core.durations import set_span, span_ns
from polyrhythm.core.state import RunState

_BAD_START = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_TIMER_ATTRIBUTES
_DUPLICATE = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_START_TIMER_DUPLICATE_ID
_BAD_CANCEL = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_CANCEL_TIMER_ATTRIBUTES

# How the server words a contradiction with its state.
_BAD_STATE = "invalid history builder state for action: "


def decide_start_timer(completion: Completion, command: Command) -> None:
    """Start a timer; a zero or missing time is accepted and fires at once, as on the server."""
    attributes = command.start_timer_command_attributes
    decision = completion.decision
    limits = decision.context.limits
    timer_id = attributes.timer_id
    check_attributes(command, "start_timer_command_attributes", _BAD_START, "StartTimerCommand")
    if not timer_id:
        raise CommandRefused(_BAD_START, "TimerId is not set on StartTimerCommand.")
    if len(timer_id.encode()) > limits.id_bytes_max:
        raise CommandRefused(_BAD_START, "TimerId on StartTimerCommand exceeds length limit.")
    timeout = attributes.start_to_fire_timeout
    if timeout.seconds < 0 or timeout.nanos < 0:
        raise CommandRefused(
            _BAD_START,
            "An invalid StartToFireTimeout is set on StartTimerCommand: negative duration."
            f" TimerId={timer_id}",
        )
    if timer_id in decision.state.timers:
        raise CommandRefused(
            _DUPLICATE, f"{_BAD_STATE}add-timer-started-event, TimerID: {timer_id}"
        )
    event = completion.new_event(event_types.EVENT_TYPE_TIMER_STARTED, command)
    started = event.timer_started_event_attributes
    started.timer_id = timer_id
    if attributes.HasField("start_to_fire_timeout"):
        started.start_to_fire_timeout.CopyFrom(timeout)
    if span_ns(timeout) > limits.duration_ns_max:
        set_span(started.start_to_fire_timeout, limits.duration_ns_max)
    started.workflow_task_completed_event_id = completion.completed_event_id
    decision.append(event)


def decide_cancel_timer(completion: Completion, command: Command) -> None:
    """Cancel a timer; one that fired while the workflow was busy is taken back."""
    timer_id = command.cancel_timer_command_attributes.timer_id
    decision = completion.decision
    state = decision.state
    check_attributes(command, "cancel_timer_command_attributes", _BAD_CANCEL, "CancelTimerCommand")
    if not timer_id:
        raise CommandRefused(_BAD_CANCEL, "TimerId is not set on CancelTimerCommand.")
    if len(timer_id.encode()) > decision.context.limits.id_bytes_max:
        raise CommandRefused(_BAD_CANCEL, "TimerId on CancelTimerCommand exceeds length limit.")
    timer = state.timers.get(timer_id)
    if timer is not None:
        started_event_id = timer.started_event_id
    else:
        index, started_event_id = _find_fired(state, timer_id)
        if index < 0:
            raise CommandRefused(
                _BAD_CANCEL, f"{_BAD_STATE}add-timer-canceled-event, TimerID: {timer_id}"
            )
        note = decision.new_note()
        note.buffer_dropped.index = index
        decision.append_note(note)
        completion.unhandled = completion.unhandled and bool(state.buffered)
    event = completion.new_event(event_types.EVENT_TYPE_TIMER_CANCELED, command)
    cancelled = event.timer_canceled_event_attributes
    cancelled.timer_id = timer_id
    cancelled.started_event_id = started_event_id
    cancelled.workflow_task_completed_event_id = completion.completed_event_id
    cancelled.identity = completion.request.identity
    decision.append(event)


def _find_fired(state: RunState, timer_id: str) -> tuple[int, int]:
    for index, data in enumerate(state.buffered):
        event = HistoryEvent.FromString(data)
        fired = event.timer_fired_event_attributes
        if event.event_type == event_types.EVENT_TYPE_TIMER_FIRED and fired.timer_id == timer_id:
            return index, fired.started_event_id
    return -1, 0
