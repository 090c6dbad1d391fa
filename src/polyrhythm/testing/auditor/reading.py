"""Reads a run's log bytes into its view, and checks on the way what one run's log must obey.

The auditor's own reading of the format: events and notes of a row merge by the event id that a
note was taken before. Everything here is derived from the protocol and from the comments of
`notes.proto`, never from the engine's fold.
"""

from __future__ import annotations

from temporalio.api.history.v1 import History, HistoryEvent

from polyrhythm.api import notes
from polyrhythm.testing.auditor.finding import require
from polyrhythm.testing.auditor.fleet import Fleet
from polyrhythm.testing.auditor.ledger import Ledger
from polyrhythm.testing.auditor.reading_activities import ACTIVITY_EVENTS
from polyrhythm.testing.auditor.reading_copies import COPY_EVENTS, begin_anew, check_copy
from polyrhythm.testing.auditor.reading_events import CLOSES, RUN_EVENTS
from polyrhythm.testing.auditor.reading_messages import MESSAGE_EVENTS
from polyrhythm.testing.auditor.reading_notes import NOTES, blank
from polyrhythm.testing.auditor.reading_updates import UPDATE_EVENTS, UPDATE_NOTES
from polyrhythm.testing.auditor.view import RunView

_EVENTS = {**RUN_EVENTS, **ACTIVITY_EVENTS, **MESSAGE_EVENTS, **UPDATE_EVENTS}
_COPIES = {**_EVENTS, **COPY_EVENTS}
_NOTES = {**NOTES, **UPDATE_NOTES}
# What is still written to a run after its close: what others have taken, and a reset of it; and
# in the row of the close what it owes because of it, and what the same worker rejected.
_AFTER_CLOSE = frozenset({"settled", "reset_to", "batch"})
_WITH_CLOSE = _AFTER_CLOSE | {"owed", "update_dropped"}


class Reader:
    """Reads rows into views; `newest_ns` is the latest time any turn was given, `by_run` are the
    views known so far by their run ids."""

    def __init__(self, ledger: Ledger, by_run: dict[str, RunView]) -> None:
        self.ledger = ledger
        self.by_run = by_run
        self.fleet = Fleet()
        self.newest_ns = 0

    def read_row(self, view: RunView, event_bytes: bytes, note_bytes: bytes) -> None:
        """Take in one row of the log."""
        view.newest_ns = self.newest_ns
        events = list(History.FromString(event_bytes).events)
        taken = list(notes.NoteList.FromString(note_bytes).notes)
        view.base_run_id = view.base_run_id or _base_of(taken)
        view.copying = view.forking = bool(view.base_run_id) and not view.events
        self.fleet.begin_row(view)
        at = 0
        for event in events:
            while at < len(taken) and taken[at].at_event_id <= event.event_id:
                self._note(view, taken[at])
                at += 1
            self._event(view, event)
        for note in taken[at:]:
            self._note(view, note)
        require(not view.flushing, "buffer", f"{view.name}: flushed events are missing")
        require(not view.copying, "fork", f"{view.name}: copies without an end")
        self.fleet.end_row(view)
        view.forking = view.closing = False
        view.event_bytes += _payload_bytes(event_bytes)

    def happen(self, view: RunView, event: HistoryEvent) -> None:
        """Let an event count: when it is written, or when it is buffered."""
        table = _COPIES if view.copying else _EVENTS
        handler = table.get(event.event_type)
        require(handler, "unknown", f"{view.name}: event type {event.event_type}")
        assert handler is not None
        self.fleet.event(view, event)
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
        if view.copying:
            check_copy(view, self.by_run.get(view.base_run_id), event)
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
            not view.close_type or kind in (_WITH_CLOSE if view.closing else _AFTER_CLOSE),
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
        if kind == "forked":
            begin_anew(view, note.time_ns)
            return
        if kind == "batch" and not view.copying:
            # Decided apart from the reset, in the same commit.
            view.forking = False
        self.fleet.note(view, note)
        _NOTES[kind](self.ledger, view, note)


def _base_of(taken: list[notes.Note]) -> str:
    bases = [note.forked.base_run_id for note in taken if note.HasField("forked")]
    return bases[0] if bases else ""


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
