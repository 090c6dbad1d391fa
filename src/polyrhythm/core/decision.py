"""The record of one decision in progress: the events and notes it writes, the effects it asks for.

Every decide function takes a Decision (or makes one), appends to it and leaves a reply in it.
Appending applies at once, so each step sees the state the steps before it left: decide and fold
run the very same `apply`. While a worker holds the workflow task, events of the outside world are
buffered without an id (`tables.UNBUFFERED` lists those that never are) and get their ids, moved
and wired as the protocol wants, when that task closes. A speculative workflow task has no events;
whatever else is written makes it a normal one, whose events come first.
"""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.api import notes
from polyrhythm.core import tables
from polyrhythm.core.apply import apply_event, apply_note
from polyrhythm.core.closing import closing_messages
from polyrhythm.core.context import Context
from polyrhythm.core.durations import set_span
from polyrhythm.core.effects import (
    ActivityOffer,
    BatchStep,
    Delivery,
    UpdateEnded,
    WorkflowTaskOffer,
)
from polyrhythm.core.state import RunState
from polyrhythm.core.task_events import encode_task, scheduled_event, started_event


def encode_frame(data: bytes) -> bytes:
    """Frame a message as one element of repeated field 1: frames joined are a History message."""
    size = len(data)
    if size < len(_HEADS):
        return _HEADS[size] + data
    return _head(size) + data


def _head(size: int) -> bytes:
    head = bytearray(b"\x0a")
    while size >= 0x80:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head)


# Of the sizes that nearly all events and notes have.
_HEADS = tuple(_head(size) for size in range(1024))


class Decision:
    """Collects what one request does to one run."""

    __slots__ = (
        "context",
        "counts",
        "effects",
        "event_count",
        "event_frames",
        "first_event_id",
        "note_frames",
        "reply",
        "state",
    )

    def __init__(self, state: RunState, context: Context) -> None:
        self.state = state
        self.context = context
        self.event_frames: list[bytes] = []
        self.note_frames: list[bytes] = []
        self.effects: list[Effect] = []
        self.first_event_id = state.next_event_id
        self.event_count = 0
        # Whether the server this follows would count a transition of the run's state.
        self.counts = False
        self.reply: object = None

    @property
    def empty(self) -> bool:
        """Whether nothing has to be written."""
        return not self.event_frames and not self.note_frames

    def new_event(self, event_type: EventType.ValueType, time_ns: int = 0) -> HistoryEvent:
        """Return an event of this type at the decision's time (or `time_ns`), to be filled."""
        if not time_ns:
            # Type and time are the same in every decision of a turn: parsed they cost a third.
            opening = self.context.openings.get(event_type)
            if opening is not None:
                return HistoryEvent.FromString(opening)
        event = HistoryEvent()
        event.event_type = event_type
        set_span(event.event_time, time_ns or self.context.now_ns)
        if not time_ns:
            self.context.openings[event_type] = event.SerializeToString()
        return event

    def append(self, event: HistoryEvent) -> None:
        """Write the event, or buffer it while a worker holds the workflow task."""
        state, event_type = self.state, event.event_type
        task = state.workflow_task
        if task is not None:
            if task.speculative and event_type not in tables.KEEP_SPECULATIVE:
                self.write_speculative()
            if state.task_started and event_type not in tables.UNBUFFERED:
                note = self.new_note()
                note.buffered.event = event.SerializeToString(deterministic=True)
                self.append_note(note)
                return
        event.event_id = state.next_event_id
        if event_type not in tables.CLOSES:
            self._write(event)
            return
        messages = closing_messages(state, event)
        self._write(event)
        for message in messages:
            self.owe(message)

    def append_note(self, note: notes.Note) -> None:
        """Write a note made by `new_note`."""
        if not note.silent:
            self.counts = True
            task = self.state.workflow_task
            if task is not None and task.speculative:
                self.write_speculative()
                note.at_event_id = self.state.next_event_id
        data = note.SerializeToString()
        apply_note(self.state, note)
        self.note_frames.append(encode_frame(data))

    def new_note(self) -> notes.Note:
        """Return a note at this place of the log, to be filled and appended."""
        note = notes.Note()
        note.at_event_id = self.state.next_event_id
        note.time_ns = self.context.now_ns
        return note

    def write_speculative(self) -> None:
        """Make a speculative workflow task a normal one, if there is one: its events are written,
        and nobody is told whose it is."""
        task = self.state.workflow_task
        if task is None or not task.speculative:
            return
        scheduled = scheduled_event(self.state, task)
        scheduled.event_id = task.scheduled_event_id
        self._write(scheduled)
        if task.started_event_id:
            started = started_event(task, task.scheduled_event_id, "")
            started.event_id = task.started_event_id
            self._write(started)
            return
        # Nothing else but its deadline remembers that it was speculative.
        note = self.new_note()
        encode_task(note.workflow_task, task)
        note.workflow_task.speculative = False
        self.append_note(note)

    def flush(self) -> None:
        """Give the buffered events their ids: completions last, started ids wired."""
        state = self.state
        if not state.buffered:
            return
        events = [HistoryEvent.FromString(data) for data in state.buffered]
        ordered = [event for event in events if event.event_type not in tables.MOVED_LAST]
        ordered += [event for event in events if event.event_type in tables.MOVED_LAST]
        note = self.new_note()
        note.buffer_flushed.count = len(ordered)
        self.append_note(note)
        started_ids: dict[int, int] = {}
        for event in ordered:
            event.event_id = state.next_event_id
            _wire(event, started_ids)
            self._write(event)

    def owe(self, message: notes.Message) -> None:
        """Put an addressed message to another run into the log and ask for its delivery."""
        state = self.state
        message.namespace_key = state.namespace_key
        message.sender_workflow_id = state.workflow_id
        message.sender_run_id = state.run_id
        note = self.new_note()
        note.owed.sequence = state.owed_next
        note.owed.message.CopyFrom(message)
        self.append_note(note)
        self.effect(Delivery(note.owed.sequence, message))

    def effect(self, effect: Effect) -> None:
        """Ask the engine for something once the decision stands."""
        self.effects.append(effect)

    def _write(self, event: HistoryEvent) -> None:
        # Deterministic costs 0.3 us and makes a log the same bytes in every process.
        data = event.SerializeToString(deterministic=True)
        apply_event(self.state, event, data)
        self.event_frames.append(encode_frame(data))
        self.event_count += 1
        self.counts = True


@dataclass(slots=True)
class NewRun:
    """The run that follows this one, decided already: created in the same turn and commit."""

    decision: Decision


# Everything a decision may ask of the engine.
Effect = WorkflowTaskOffer | ActivityOffer | Delivery | UpdateEnded | NewRun | BatchStep


def _wire(event: HistoryEvent, started_ids: dict[int, int]) -> None:
    subject = tables.STARTS.get(event.event_type)
    if subject is not None:
        started_ids[_named(event, subject)] = event.event_id
        return
    subject = tables.MOVED_LAST.get(event.event_type)
    if subject is not None:
        started = started_ids.get(_named(event, subject))
        if started is not None:
            getattr(event, tables.ATTRIBUTES[event.event_type]).started_event_id = started


def _named(event: HistoryEvent, subject: str) -> int:
    number: int = getattr(getattr(event, tables.ATTRIBUTES[event.event_type]), subject)
    return number
