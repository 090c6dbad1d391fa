"""Batches: which events of a run were decided together.

The server writes one batch a transaction and shows it: a run can be reset to the end of a batch
only. Here one commit, and so one row of the log, may hold what several decisions wrote; where a
decision does not begin a row its first event id is noted. And as there, a WorkflowTaskStarted
event ends its batch whatever follows it in the same transaction.
Whoever drops old notes of a log must keep these.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.history.v1 import History, HistoryEvent

from polyrhythm.api import notes

_STARTED = event_types.EVENT_TYPE_WORKFLOW_TASK_STARTED


# One for nearly every workflow task: ids repeat from run to run.
@lru_cache(maxsize=4096)
def encode_batch(first_event_id: int) -> bytes:
    """Return the framed note that a batch begins with this event."""
    note = notes.Note(at_event_id=first_event_id)
    note.batch.first_event_ids.append(first_event_id)
    return notes.NoteList(notes=[note]).SerializeToString()


@lru_cache(maxsize=64)
def encode_transitions(more: int) -> bytes:
    """Return what a commit of several transitions of a run's state adds to its notes."""
    return notes.NoteList(more_transitions=more).SerializeToString()


@dataclass(slots=True)
class RunHistory:
    """The whole history of a run: framed events from event 1 on, and where batches begin."""

    frames: list[bytes] = field(default_factory=list)
    first_event_ids: set[int] = field(default_factory=set)

    def add(self, first_event_id: int, frames: Iterable[bytes], note_bytes: bytes) -> None:
        """Add a row of the log; `note_bytes` is a serialized NoteList."""
        self.frames.extend(frames)
        self.first_event_ids.add(first_event_id)
        for note in notes.NoteList.FromString(note_bytes).notes:
            self.first_event_ids.update(note.batch.first_event_ids)

    def ends_batch(self, event_id: int) -> bool:
        """Whether this event is the last of its batch."""
        if event_id >= len(self.frames) or event_id + 1 in self.first_event_ids:
            return True
        return parse_events(self.frames[event_id - 1 : event_id])[0].event_type == _STARTED


def parse_events(frames: Iterable[bytes]) -> list[HistoryEvent]:
    """Return framed events as messages."""
    return list(History.FromString(b"".join(frames)).events)
