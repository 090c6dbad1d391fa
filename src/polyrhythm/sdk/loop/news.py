"""What every event of a history means to the code: one function an event type.

Signals are told before everything else of their workflow task, so that a workflow that begins with
one finds it; the rest is told in the order of the history.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from temporalio.api.enums.v1 import event_type_pb2 as types
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.sdk.loop import children, closing, external, signals, tasks, timers

if TYPE_CHECKING:
    from polyrhythm.sdk.loop.context import Context

FIRST = frozenset((types.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,))


def on_started(context: Context, event: HistoryEvent) -> None:
    """Begin the main coroutine; arguments that cannot be read fail the run."""
    try:
        context.begin_main()
    except Exception as error:  # noqa: BLE001 - user code may raise anything
        closing.fail(context, error)


def on_cancel_requested(context: Context, event: HistoryEvent) -> None:
    """Cancel the main coroutine, once it has had its first step."""
    context.cancel_requested = True
    context.cancel_reason = event.workflow_execution_cancel_requested_event_attributes.cause
    if context.main is not None:
        context.loop.call_soon(context.main.cancel)


def on_task_attempt_failed(context: Context, event: HistoryEvent) -> None:
    """Change the random numbers where a reset begins."""
    attributes = event.workflow_task_failed_event_attributes
    if attributes.new_run_id:
        context.seed(attributes.new_run_id)


NEWS: dict[int, Callable[[Context, HistoryEvent], None]] = {
    types.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: on_started,
    types.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED: on_cancel_requested,
    types.EVENT_TYPE_WORKFLOW_TASK_FAILED: on_task_attempt_failed,
    types.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: signals.on_signaled,
    types.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: tasks.on_task_completed,
    types.EVENT_TYPE_ACTIVITY_TASK_FAILED: tasks.on_task_failed,
    types.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: tasks.on_task_timed_out,
    types.EVENT_TYPE_ACTIVITY_TASK_CANCELED: tasks.on_task_cancelled,
    types.EVENT_TYPE_TIMER_FIRED: timers.on_timer_fired,
    types.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED: children.on_child_start_failed,
    types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED: children.on_child_started,
    types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED: children.on_child_completed,
    types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED: children.on_child_failed,
    types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT: children.on_child_timed_out,
    types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED: children.on_child_terminated,
    types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED: children.on_child_cancelled,
    types.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED: external.on_signal_delivered,
    types.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: external.on_signal_failed,
    types.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED: external.on_cancel_delivered,
    types.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: external.on_cancel_failed,
}


def apply_event(context: Context, event: HistoryEvent) -> None:
    """Tell the code one event; types that mean nothing to it are passed over."""
    apply = NEWS.get(event.event_type)
    if apply is not None:
        apply(context, event)
