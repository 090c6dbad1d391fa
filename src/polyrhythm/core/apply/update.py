"""Applies workflow updates: admitted and sent by notes, accepted and completed by events.

Both tables are replaced and never changed in place, so that forks of a state share them and a run
without updates pays nothing. A completed update keeps only the id of the event that holds its
outcome; one that a close leaves behind stays, so that its callers are told the same ever after.
"""

from __future__ import annotations

from google.protobuf.message import Message
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.api import notes
from polyrhythm.core.state import RunState, UpdateStage, UpdateState


def apply_admitted(state: RunState, note: notes.Note) -> None:
    """An update waits for a worker."""
    admitted = note.update_admitted
    entry = UpdateState(UpdateStage.ADMITTED, admitted.request)
    state.updates = {**state.updates, admitted.update_id: entry}


def apply_admitted_again(state: RunState, event: HistoryEvent) -> None:
    """A reset brought an update along: its request stands in this event, for the worker too."""
    request = event.workflow_execution_update_admitted_event_attributes.request
    entry = UpdateState(UpdateStage.ADMITTED)
    state.updates = {**state.updates, request.meta.update_id: entry}


def apply_sent(state: RunState, note: notes.Note) -> None:
    """Updates are with a worker, or must be sent again."""
    stage = UpdateStage.ADMITTED if note.updates_sent.withdrawn else UpdateStage.SENT
    updates = dict(state.updates)
    for update_id in note.updates_sent.update_ids:
        updates[update_id] = UpdateState(stage, updates[update_id].request)
    state.updates = updates


def apply_dropped(state: RunState, note: notes.Note) -> None:
    """An update is gone without a trace, but for the event that a reset may have written of it."""
    update_id = note.update_dropped.update_id
    if state.updates[update_id].request:
        state.updates = _without(state, update_id)
    else:
        state.updates = {**state.updates, update_id: UpdateState(UpdateStage.LEFT)}


def apply_accepted(state: RunState, event: HistoryEvent) -> None:
    """The workflow took an update on; one that was never admitted here may be accepted too."""
    accepted = event.workflow_execution_update_accepted_event_attributes
    entry = UpdateState(UpdateStage.ACCEPTED, accepted_event_id=event.event_id)
    state.updates = {**state.updates, accepted.protocol_instance_id: entry}


def apply_completed(state: RunState, event: HistoryEvent) -> None:
    """An update has its outcome, in this event."""
    update_id = event.workflow_execution_update_completed_event_attributes.meta.update_id
    state.updates = _without(state, update_id)
    state.completed_updates = {**state.completed_updates, update_id: event.event_id}


def abort(state: RunState, event: HistoryEvent) -> None:
    """The run closes: updates that were not accepted yet never will be, at least not here."""
    stage = UpdateStage.MOVED if _goes_on(event) else UpdateStage.ABORTED
    state.updates = {
        update_id: entry if entry.stage == UpdateStage.ACCEPTED else UpdateState(stage)
        for update_id, entry in state.updates.items()
        if entry.stage != UpdateStage.LEFT
    }


def _without(state: RunState, update_id: str) -> dict[str, UpdateState]:
    return {key: entry for key, entry in state.updates.items() if key != update_id}


def _goes_on(event: HistoryEvent) -> bool:
    closed: Message = getattr(event, str(event.WhichOneof("attributes")))
    return bool(getattr(closed, "new_execution_run_id", ""))
