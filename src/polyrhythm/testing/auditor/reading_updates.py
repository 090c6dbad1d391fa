"""What events and notes of updates must obey: admitted once, accepted once, one outcome for ever.

An update leaves by being completed, by being dropped before it was accepted, or with its run.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.api import notes
from polyrhythm.testing.auditor.finding import require
from polyrhythm.testing.auditor.ledger import Ledger
from polyrhythm.testing.auditor.view import RunView, UpdateView

ADMITTED, SENT, ACCEPTED = "admitted", "sent", "accepted"


def _admitted_again(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    admitted = event.workflow_execution_update_admitted_event_attributes
    update_id = admitted.request.meta.update_id
    require(view.forking, "update", f"{view.name}: {update_id} admitted by an event")
    view.updates[update_id] = UpdateView(ADMITTED)
    view.admitted.add(update_id)
    view.brought.add(update_id)
    if not view.copying:
        view.reapplied.append((event.event_type, update_id.encode()))


def _accepted(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    update_id = event.workflow_execution_update_accepted_event_attributes.protocol_instance_id
    update = view.updates.get(update_id)
    waiting = update is not None and update.stage != ACCEPTED
    # The note of its admission is not among the copies.
    require(waiting or view.copying, "update", f"{view.name}: {update_id} {update} is accepted")
    view.updates[update_id] = UpdateView(ACCEPTED, event.event_id)
    view.admitted.add(update_id)
    view.accepted.add(update_id)


def _completed(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    completed = event.workflow_execution_update_completed_event_attributes
    update_id = completed.meta.update_id
    update = view.updates.pop(update_id, None)
    own = update is not None and update.stage == ACCEPTED
    require(own, "update", f"{view.name}: {update_id} {update} is completed")
    assert update is not None
    named = update.accepted_id == completed.accepted_event_id
    require(named, "update", f"{view.name}: {update_id} names {completed.accepted_event_id}")
    require(update_id not in view.outcomes, "update", f"{view.name}: {update_id} completed twice")
    view.outcomes[update_id] = completed.outcome.SerializeToString(deterministic=True)


def _note_admitted(_ledger: Ledger, view: RunView, note: notes.Note) -> None:
    update_id = note.update_admitted.update_id
    new = update_id not in view.updates and update_id not in view.outcomes
    require(new, "update", f"{view.name}: {update_id} is admitted twice")
    view.updates[update_id] = UpdateView(ADMITTED)
    view.admitted.add(update_id)


def _note_sent(_ledger: Ledger, view: RunView, note: notes.Note) -> None:
    for update_id in note.updates_sent.update_ids:
        update = view.updates.get(update_id)
        left = update is None and update_id in view.brought - view.accepted
        if left and note.updates_sent.withdrawn:
            update = view.updates[update_id] = UpdateView(ADMITTED)
        waiting = update is not None and update.stage != ACCEPTED
        require(waiting, "update", f"{view.name}: {update_id} {update} is sent")
        assert update is not None
        update.stage = ADMITTED if note.updates_sent.withdrawn else SENT


def _note_dropped(_ledger: Ledger, view: RunView, note: notes.Note) -> None:
    update_id = note.update_dropped.update_id
    update = view.updates.pop(update_id, None)
    waiting = update is not None and update.stage != ACCEPTED
    require(waiting, "update", f"{view.name}: {update_id} {update} is dropped")
    view.dropped.add(update_id)


UPDATE_EVENTS: dict[int, Callable[[Ledger, RunView, HistoryEvent], None]] = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED: _admitted_again,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: _accepted,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED: _completed,
}
UPDATE_NOTES: dict[str, Callable[[Ledger, RunView, notes.Note], None]] = {
    "update_admitted": _note_admitted,
    "updates_sent": _note_sent,
    "update_dropped": _note_dropped,
}
