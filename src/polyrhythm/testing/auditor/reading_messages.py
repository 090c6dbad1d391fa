"""What a run's events say of other runs: children and external workflows, asked for and heard of.

Whether what was asked has happened, and happened once, is the ledger's to say; how children end,
`families` looks at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.testing.auditor.finding import require
from polyrhythm.testing.auditor.ledger import Errand, Ledger
from polyrhythm.testing.auditor.view import ChildView, RunView

# How a parent hears of an end -> how the child's last run has closed.
CHILD_ENDS: dict[int, int] = {
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED: (
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
    ),
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED: (
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED
    ),
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED: (
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED
    ),
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT: (
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT
    ),
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED: (
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED
    ),
}


def _signal_initiated(ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    initiated = event.signal_external_workflow_execution_initiated_event_attributes
    errand = Errand(view.run_id, event.event_id, "signal", view.copying)
    ledger.ask(errand, initiated.input.payloads[0].data)


def _cancel_initiated(ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    ledger.ask(Errand(view.run_id, event.event_id, "cancel", view.copying))


def _outcome(failed: bool) -> Callable[[Ledger, RunView, HistoryEvent], None]:
    def take(ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
        _tell(ledger, view, _attributes(event).initiated_event_id, failed)

    return take


def _tell(ledger: Ledger, view: RunView, event_id: int, failed: bool) -> None:
    if view.copying:
        ledger.forget(view.run_id, event_id)
    else:
        ledger.outcome(view.run_id, event_id, failed)


def _child_initiated(ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    initiated = event.start_child_workflow_execution_initiated_event_attributes
    child = ChildView(initiated.workflow_id, initiated.parent_close_policy)
    view.children[event.event_id] = child
    ledger.ask(Errand(view.run_id, event.event_id, "child", view.copying))


def _child_started(ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    started = event.child_workflow_execution_started_event_attributes
    child = view.children.get(started.initiated_event_id)
    pending = child is not None and not child.run_id
    require(pending, "family", f"{view.name}: {child} of {started.initiated_event_id} started")
    assert child is not None
    child.run_id = started.workflow_execution.run_id
    _tell(ledger, view, started.initiated_event_id, failed=False)


def _child_not_started(ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    failed = event.start_child_workflow_execution_failed_event_attributes
    child = view.children.pop(failed.initiated_event_id, None)
    pending = child is not None and not child.run_id
    require(pending, "family", f"{view.name}: {child} of {failed.initiated_event_id} failed")
    _tell(ledger, view, failed.initiated_event_id, failed=True)


def _child_ended(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    ended = _attributes(event)
    child = view.children.pop(ended.initiated_event_id, None)
    pending = child is not None and child.run_id
    require(pending, "family", f"{view.name}: {child} of {ended.initiated_event_id} ended")
    assert child is not None
    if not view.copying:
        view.heard.append((event.event_type, child.run_id, ended.workflow_execution.run_id))


def _attributes(event: HistoryEvent) -> Any:
    return getattr(event, event.WhichOneof("attributes") or "")


_E = EventType
MESSAGE_EVENTS: dict[int, Callable[[Ledger, RunView, HistoryEvent], None]] = {
    _E.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: _signal_initiated,
    _E.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: _cancel_initiated,
    _E.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED: _outcome(failed=False),
    _E.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: _outcome(failed=True),
    _E.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED: _outcome(failed=False),
    _E.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: _outcome(failed=True),
    _E.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: _child_initiated,
    _E.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED: _child_not_started,
    _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED: _child_started,
    **dict.fromkeys(CHILD_ENDS, _child_ended),
}
