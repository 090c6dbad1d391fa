"""Applies messages between runs: what is owed, settled and received, and who asked for it.

The owed ones are kept as bytes until their receiver has them; the received ones by key alone, so
that the same message is never applied twice.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.api import notes
from polyrhythm.base.limits import RECEIVED_KEYS_MAX
from polyrhythm.core import tables
from polyrhythm.core.state import RunState

_SIGNAL_ENDS = frozenset(
    {
        event_types.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
        event_types.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED,
    }
)


def apply_signal(state: RunState, event: HistoryEvent) -> None:
    """The workflow asked to signal another run."""
    state.external_signals[event.event_id] = event.SerializeToString(deterministic=True)


def apply_cancel(state: RunState, event: HistoryEvent) -> None:
    """The workflow asked to cancel another run."""
    state.external_cancels[event.event_id] = event.SerializeToString(deterministic=True)


def apply_ended(state: RunState, event: HistoryEvent) -> None:
    """The other run answered, or there is none."""
    initiated = getattr(event, tables.ATTRIBUTES[event.event_type]).initiated_event_id
    pending = state.external_signals if event.event_type in _SIGNAL_ENDS else state.external_cancels
    pending.pop(initiated, None)


def apply_owed(state: RunState, note: notes.Note) -> None:
    """A message waits to be applied by its receiver."""
    state.owed[note.owed.sequence] = note.owed.message.SerializeToString()
    state.owed_next = note.owed.sequence + 1


def apply_settled(state: RunState, note: notes.Note) -> None:
    """The receiver has it."""
    state.owed.pop(note.settled.sequence, None)
    if not state.owed:
        state.close_event = b""


def apply_received(state: RunState, note: notes.Note) -> None:
    """Remember the sender's key and sequence: the same message is not applied twice.

    Only the newest are kept: a message that came is settled at its sender by the same commit, and
    one that is settled is never handed over again (`engine/handlers/deliver.py`).
    """
    key = (note.received.sender_run_key, note.received.sequence)
    state.received = (*state.received[1 - RECEIVED_KEYS_MAX :], key)
