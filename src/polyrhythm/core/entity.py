"""Decisions about things that are no workflow runs: schedules, standalone activities, batches.

Such an entity has the same log, fold, row and turn as a run, but its log holds notes alone. Its
state is a class of its own with the fields of `EntityState`; its `apply` gets every note of it,
and may leave messages to `apply_message`. What an entity owes to runs (a start, a cancellation)
is in its log before it is delivered, and the outcome is in the note that settles it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from polyrhythm.api import notes
from polyrhythm.core.context import Context
from polyrhythm.core.decision import Effect, encode_frame
from polyrhythm.core.effects import Delivery

Apply = Callable[[Any, notes.Note], None]


class EntityState(Protocol):
    """What the engine needs of any entity's state; `workflow_id` is the entity's own id."""

    namespace_key: int
    workflow_id: str
    run_id: str
    transitions: int
    owed: dict[int, bytes]
    owed_next: int

    @property
    def running(self) -> bool:
        """Whether the entity is open."""
        ...


class EntityDecision:
    """Collects what one request does to one entity. `apply` is the only writer of its state."""

    __slots__ = (
        "apply",
        "context",
        "counts",
        "effects",
        "event_frames",
        "first_event_id",
        "note_frames",
        "reply",
        "state",
    )

    def __init__(self, state: Any, context: Context, apply: Apply) -> None:
        self.state = state
        self.context = context
        self.apply = apply
        self.event_frames: list[bytes] = []
        self.note_frames: list[bytes] = []
        self.effects: list[Effect] = []
        self.first_event_id = 0
        self.counts = False
        self.reply: object = None

    def new_note(self) -> notes.Note:
        """Return a note at this place of the log, to be filled and appended."""
        return notes.Note(time_ns=self.context.now_ns)

    def append_note(self, note: notes.Note) -> None:
        """Write a note made by `new_note`."""
        self.counts = True
        self.apply(self.state, note)
        self.note_frames.append(encode_frame(note.SerializeToString()))

    def owe(self, message: notes.Message) -> None:
        """Put an addressed message to a run into the log and ask for its delivery."""
        state = self.state
        # NOTE: no sender ids: they name a workflow, which may not address itself.
        message.namespace_key = state.namespace_key
        note = self.new_note()
        note.owed.sequence = state.owed_next
        note.owed.message.CopyFrom(message)
        self.append_note(note)
        self.effect(Delivery(note.owed.sequence, message))

    def deliver(self, sequence: int) -> None:
        """Ask for the delivery of a message that a note of the kind's own has put into the log."""
        message = notes.Message.FromString(self.state.owed[sequence])
        self.effect(Delivery(sequence, message))

    def settle(self, sequence: int, outcome: notes.Settled) -> None:
        """Forget a message that has been delivered; `outcome` says what became of it."""
        if sequence not in self.state.owed:
            return
        note = self.new_note()
        note.settled.CopyFrom(outcome)
        note.settled.sequence = sequence
        self.append_note(note)

    def effect(self, effect: Effect) -> None:
        """Ask the engine for something once the decision stands."""
        self.effects.append(effect)


def apply_message(state: EntityState, note: notes.Note) -> bool:
    """Apply the notes of messages, the same for every kind; False for any other note."""
    if note.HasField("owed"):
        state.owed[note.owed.sequence] = note.owed.message.SerializeToString()
        state.owed_next = note.owed.sequence + 1
        return True
    if note.HasField("settled"):
        state.owed.pop(note.settled.sequence, None)
        return True
    return False


def fold_notes(state: EntityState, note_bytes: bytes, apply: Apply) -> None:
    """Apply one log row of an entity; `note_bytes` is a serialized NoteList."""
    for note in notes.NoteList.FromString(note_bytes).notes:
        apply(state, note)
    state.transitions += 1
