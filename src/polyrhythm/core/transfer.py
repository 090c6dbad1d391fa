"""A run's log on its way between files: notes that name keys of a file, histories without notes.

Notes hold keys of namespaces and runs, which are a file's own: they are changed to those of the
file that takes the run. A history from elsewhere has no notes; what a closed run needs of them is
made from its events. An open one cannot go on from its events alone: attempts, request ids,
buffered events, updates and messages on their way are not in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.history.v1 import History, HistoryEvent

from polyrhythm.api import notes
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.core import tables
from polyrhythm.core.apply import EVENTS
from polyrhythm.core.durations import span_ns
from polyrhythm.core.fold import fold_row
from polyrhythm.core.state import RunState

_STARTED = event_types.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
_RESET = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW


@dataclass(slots=True)
class ClosedRun:
    """A history as one row of a log: serialized History and NoteList, and what they fold to."""

    events: bytes
    notes: bytes
    state: RunState


def move_notes(data: bytes, namespaces: Mapping[int, int], runs: Mapping[int, int]) -> bytes:
    """Return a serialized NoteList with the keys of another file.

    A sender that does not come along keeps its key with the sign changed: no run has it, so what
    it sent is still known and never mistaken for a message of another.
    """
    taken = notes.NoteList.FromString(data)
    for note in taken.notes:
        if note.HasField("run_created"):
            note.run_created.namespace_key = namespaces[note.run_created.namespace_key]
        elif note.HasField("owed"):
            message = note.owed.message
            message.namespace_key = namespaces[message.namespace_key]
        elif note.HasField("received"):
            sender = note.received.sender_run_key
            note.received.sender_run_key = runs.get(sender, -abs(sender))
    return taken.SerializeToString()


def is_closed(events: Sequence[HistoryEvent]) -> bool:
    """Whether a history ends with the run's close."""
    return bool(events) and events[-1].event_type in tables.CLOSES


def close_history(
    events: Sequence[HistoryEvent], namespace_key: int, workflow_id: str, run_id: str
) -> ClosedRun:
    """Return the closed run that a history tells of.

    Raises InvalidArgument for one that is open, incomplete, contradicts itself, or holds events
    that this release does not know.
    """
    _check_whole(events)
    if not is_closed(events):
        raise InvalidArgument(
            f"the run is open (its last event is {_name(events[-1])}): it cannot go on from its"
            " history alone, which lacks attempts, buffered events, updates and messages it owes"
        )
    start = events[0].workflow_execution_started_event_attributes
    # A run that is no reset has the id it was started with.
    created = notes.Note(at_event_id=1, time_ns=span_ns(events[0].event_time))
    created.run_created.namespace_key = namespace_key
    created.run_created.workflow_id = workflow_id or start.workflow_id
    created.run_created.run_id = run_id or start.original_execution_run_id
    if not created.run_created.workflow_id or not created.run_created.run_id:
        raise InvalidArgument("the history does not say its workflow id and run id; give them")
    taken = notes.NoteList(notes=[created, *_forks(events, created.run_created.run_id)])
    log = ClosedRun(
        History(events=events).SerializeToString(deterministic=True),
        taken.SerializeToString(),
        RunState(),
    )
    try:
        fold_row(log.state, log.events, log.notes)
    except (KeyError, AssertionError) as error:
        raise InvalidArgument(
            f"the history contradicts itself at event {log.state.next_event_id - 1}: {error}"
        ) from error
    return log


def _check_whole(events: Sequence[HistoryEvent]) -> None:
    if not events or events[0].event_type != _STARTED:
        raise InvalidArgument("a history begins with WORKFLOW_EXECUTION_STARTED")
    for number, event in enumerate(events, 1):
        if event.event_id != number:
            raise InvalidArgument(f"event {event.event_id} stands in the place of event {number}")
        if event.event_type not in EVENTS:
            raise InvalidArgument(f"event {number} is of a kind not known here: {_name(event)}")
        if event.event_type in tables.CLOSES and number != len(events):
            raise InvalidArgument(f"event {number} closes the run and {number + 1} follows")
        if event.WhichOneof("attributes") != tables.ATTRIBUTES[event.event_type]:
            raise InvalidArgument(f"event {number}, {_name(event)}, has no attributes of its own")


def _forks(events: Sequence[HistoryEvent], run_id: str) -> list[notes.Note]:
    """Return the note of a run that a reset made: what comes before it is a copy."""
    for event in events:
        failed = event.workflow_task_failed_event_attributes
        if failed.cause == _RESET and failed.new_run_id == run_id:
            note = notes.Note(at_event_id=event.event_id, time_ns=span_ns(event.event_time))
            note.forked.base_run_id = failed.base_run_id
            return [note]
    return []


def _name(event: HistoryEvent) -> str:
    names = {number: name for name, number in EventType.items()}
    return names.get(event.event_type, str(event.event_type)).removeprefix("EVENT_TYPE_")
