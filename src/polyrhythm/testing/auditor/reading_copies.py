"""How the first events of a reset run are read: as another run's, copied up to a point.

They must be the other run's, byte for byte. What they say is taken over without asking whether it
came in time, for that was asked when they were written; what only notes said is not there.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.testing.auditor.finding import require
from polyrhythm.testing.auditor.ledger import Ledger
from polyrhythm.testing.auditor.view import RunView


def check_copy(view: RunView, base: RunView | None, event: HistoryEvent) -> None:
    """Check that an event is the base run's at its place."""
    known = base.events if base is not None else []
    if base is not None and base.going and event.event_id > len(known):
        # The base was deleted by the same step: what it did in it is in no log.
        return
    same = event.event_id <= len(known) and known[event.event_id - 1] == event
    require(same, "fork", f"{view.name}: event {event.event_id} is not as in its base run")


def begin_anew(view: RunView, now_ns: int) -> None:
    """Take in that the copies end: the run, its timeouts and its activities start now."""
    view.copying = False
    view.copied_id = len(view.events)
    view.start_ns = now_ns
    if view.execution_timeout_ns:
        view.execution_deadline_ns = now_ns + view.execution_timeout_ns
    if view.run_timeout_ns:
        view.run_deadline_ns = now_ns + view.run_timeout_ns
        if view.execution_deadline_ns:
            view.run_deadline_ns = min(view.run_deadline_ns, view.execution_deadline_ns)
    for activity in view.activities.values():
        activity.scheduled_ns = activity.available_ns = now_ns
        activity.attempt = 1


def _activity_started(_ledger: Ledger, _view: RunView, _event: HistoryEvent) -> None:
    """Its end follows."""


def _activity_ended(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    attributes = getattr(event, event.WhichOneof("attributes") or "")
    view.activities.pop(attributes.scheduled_event_id, None)
    view.closed_activities.add(attributes.scheduled_event_id)


def _cancel_requested(_ledger: Ledger, view: RunView, _event: HistoryEvent) -> None:
    view.cancel_requested = True


def _signaled(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    signaled = event.workflow_execution_signaled_event_attributes
    view.signals[signaled.input.payloads[0].data] += 1


def _task_ended(_ledger: Ledger, view: RunView, _event: HistoryEvent) -> None:
    view.task = None


COPY_EVENTS: dict[int, Callable[[Ledger, RunView, HistoryEvent], None]] = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED: _activity_started,
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: _activity_ended,
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: _activity_ended,
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: _activity_ended,
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: _activity_ended,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED: _cancel_requested,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: _signaled,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT: _task_ended,
}
