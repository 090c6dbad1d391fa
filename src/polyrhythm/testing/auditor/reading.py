"""Reads a run's log bytes into its view, and checks on the way what one run's log must obey.

The auditor's own reading of the format: events and notes of a row merge by the event id that a
note was taken before. Everything here is derived from the protocol and from the comments of
`notes.proto`, never from the engine's fold.
"""

from __future__ import annotations

from temporalio.api.history.v1 import History, HistoryEvent

from polyrhythm.api import notes
from polyrhythm.testing.auditor.finding import require
from polyrhythm.testing.auditor.ledger import Ledger
from polyrhythm.testing.auditor.reading_events import CLOSES, EVENTS
from polyrhythm.testing.auditor.reading_notes import NOTES, blank
from polyrhythm.testing.auditor.view import RunView


class Reader:
    """Reads rows into views; `newest_ns` is the latest time any turn was given."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.newest_ns = 0

    def read_row(self, view: RunView, event_bytes: bytes, note_bytes: bytes) -> None:
        """Take in one row of the log."""
        view.newest_ns = self.newest_ns
        events = list(History.FromString(event_bytes).events)
        taken = list(notes.NoteList.FromString(note_bytes).notes)
        at = 0
        for event in events:
            while at < len(taken) and taken[at].at_event_id <= event.event_id:
                self._note(view, taken[at])
                at += 1
            self._event(view, event)
        for note in taken[at:]:
            self._note(view, note)
        require(not view.flushing, "buffer", f"{view.name}: flushed events are missing")
        view.event_bytes += _payload_bytes(event_bytes)

    def happen(self, view: RunView, event: HistoryEvent) -> None:
        """Let an event count: when it is written, or when it is buffered."""
        handler = EVENTS.get(event.event_type)
        require(handler, "unknown", f"{view.name}: event type {event.event_type}")
        assert handler is not None
        handler(self.ledger, view, event)

    def _event(self, view: RunView, event: HistoryEvent) -> None:
        expected = len(view.events) + 1
        require(
            event.event_id == expected,
            "gapless",
            f"{view.name}: event {event.event_id}, {expected} is next",
        )
        require(not view.close_type, "closed", f"{view.name}: event {expected} after the close")
        require(
            event.event_time.ToNanoseconds() <= self.newest_ns,
            "time",
            f"{view.name}: event {expected} is from the future",
        )
        view.events.append(event)
        if view.flushing:
            data = blank(event)
            require(
                data in view.flushing, "buffer", f"{view.name}: event {expected} was not buffered"
            )
            view.flushing.remove(data)
        else:
            require(
                not view.buffer or event.event_type not in CLOSES,
                "buffer",
                f"{view.name}: closed over {len(view.buffer)} buffered events",
            )
            self.happen(view, event)
        self._wired(view, event)

    def _wired(self, view: RunView, event: HistoryEvent) -> None:
        name = event.WhichOneof("attributes") or ""
        if name == "activity_task_started_event_attributes":
            started = event.activity_task_started_event_attributes
            view.started_events[event.event_id] = started.scheduled_event_id
        elif name.startswith("activity_task_") and name.split("_")[2] in (
            "completed",
            "failed",
            "timed",
            "canceled",
        ):
            attributes = getattr(event, name)
            started_id = attributes.started_event_id
            known = view.started_events.get(started_id)
            require(
                not started_id or known == attributes.scheduled_event_id,
                "wiring",
                f"{view.name}: event {event.event_id} names {started_id} as its start",
            )

    def _note(self, view: RunView, note: notes.Note) -> None:
        kind = note.WhichOneof("kind") or ""
        require(
            note.at_event_id == len(view.events) + 1,
            "notes",
            f"{view.name}: a note for {note.at_event_id} at {len(view.events) + 1}",
        )
        require(
            not view.close_type or kind == "settled",
            "closed",
            f"{view.name}: note {kind} after the close",
        )
        if kind == "buffered":
            event = HistoryEvent.FromString(note.buffered.event)
            require(not event.event_id, "buffer", f"{view.name}: buffered with an id")
            require(
                view.task is not None and view.task.started_id,
                "buffer",
                f"{view.name}: buffered while no worker has the task",
            )
            view.buffer.append(event)
            self.happen(view, event)
            return
        NOTES[kind](self.ledger, view, note)


def _payload_bytes(data: bytes) -> int:
    """Return the bytes of the events of a serialized History, without their frames."""
    total = at = 0
    while at < len(data):
        at += 1
        size = shift = 0
        while True:
            byte = data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        total += size
        at += size
    return total
