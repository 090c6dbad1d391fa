"""Rebuilds a run's state from its log: the newest snapshot, then every row after it.

A row holds the events of one commit and its notes; a note says before which event id it was
taken, so the two lists merge into the order in which they were decided.
"""

from __future__ import annotations

from temporalio.api.history.v1 import History

from polyrhythm.api import notes
from polyrhythm.core.apply import apply_event, apply_note
from polyrhythm.core.state import RunState


def fold_row(state: RunState, events: bytes, note_bytes: bytes) -> None:
    """Apply one log row. `events` is a serialized History, `note_bytes` a serialized NoteList."""
    row = notes.NoteList.FromString(note_bytes) if note_bytes else notes.NoteList()
    taken = row.notes
    index = 0
    if events:
        for event in History.FromString(events).events:
            while index < len(taken) and taken[index].at_event_id <= event.event_id:
                apply_note(state, taken[index])
                index += 1
            apply_event(state, event, event.SerializeToString())
    for note in taken[index:]:
        apply_note(state, note)
    state.transitions += bool(events) or not all(note.silent for note in taken)
    state.transitions += row.more_transitions
