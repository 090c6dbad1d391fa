"""The commands a run has made since its last answer, and their match with the history's events.

Every command is kept with its owner (who recognizes its event and remembers the event's id) and the
place in the user's code that made it. An owner that is cancelled before its command has left drops
it. Matching is strict and in order, but for markers of deprecated patches, which may be there or
not. The first difference raises NondeterminismError with both sides and the place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import command_type_pb2 as commands
from temporalio.api.enums.v1 import event_type_pb2 as types
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.protocol.v1 import Message

from polyrhythm.sdk.errors import NondeterminismError
from polyrhythm.sdk.loop.origin import Place, spell_place
from polyrhythm.sdk.loop.wording import spell_command, spell_event

# A protocol message becomes one of two events: its owner tells which.
EVENT_OF = {
    commands.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK: types.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    commands.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK: (
        types.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED
    ),
    commands.COMMAND_TYPE_START_TIMER: types.EVENT_TYPE_TIMER_STARTED,
    commands.COMMAND_TYPE_CANCEL_TIMER: types.EVENT_TYPE_TIMER_CANCELED,
    commands.COMMAND_TYPE_RECORD_MARKER: types.EVENT_TYPE_MARKER_RECORDED,
    commands.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION: (
        types.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED
    ),
    commands.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION: (
        types.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED
    ),
    commands.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION: (
        types.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED
    ),
    commands.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: (
        types.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES
    ),
    commands.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES: (
        types.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED
    ),
    commands.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION: (
        types.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
    ),
    commands.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION: types.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
    commands.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION: types.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
    commands.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION: (
        types.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW
    ),
}
_PROTOCOL = commands.COMMAND_TYPE_PROTOCOL_MESSAGE
_UPDATE_EVENTS = (
    types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
    types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
)


class Owner(Protocol):
    """Who made a command."""

    def record(self, event: HistoryEvent) -> bool:
        """Whether the event, of the right type, is the command's; remembers its id."""
        ...


class Made:
    """One command; `waits`: it is not in the outbox yet."""

    __slots__ = ("command", "dropped", "owner", "place", "waits")

    def __init__(self, command: Command, owner: Owner, place: Place | None) -> None:
        self.command = command
        self.owner = owner
        self.place = place
        self.dropped = self.waits = False

    def becomes(self, event: HistoryEvent) -> bool:
        """Whether the event is what the command was written as."""
        kind = self.command.command_type
        if kind == _PROTOCOL:
            return event.event_type in _UPDATE_EVENTS and self.owner.record(event)
        return EVENT_OF[kind] == event.event_type and self.owner.record(event)


class Outbox:
    """What leaves with the next answer."""

    __slots__ = ("made", "messages", "rejections")

    def __init__(self) -> None:
        self.made: list[Made] = []
        self.messages: list[Message] = []
        self.rejections: list[Message] = []

    def add(self, command: Command, owner: Owner, place: Place | None) -> Made:
        """Keep a command for the next answer."""
        made = Made(command, owner, place)
        self.made.append(made)
        return made

    @property
    def empty(self) -> bool:
        """Whether the answer says nothing but, at most, that updates were refused."""
        return not self.messages and all(made.dropped for made in self.made)

    def leaving(self) -> Iterable[Command]:
        """Yield the commands that leave."""
        return [made.command for made in self.made if not made.dropped]

    def match(self, events: Iterable[HistoryEvent]) -> None:
        """Forget what was made: the history has it as these events. Raises NondeterminismError."""
        made = iter([one for one in self.made if not one.dropped])
        self.made = []
        self.messages = []
        self.rejections = []
        skip_next = False
        for event in events:
            if skip_next and _lists_patches(event):
                skip_next = False
                continue
            skip_next = False
            one = next(made, None)
            if one is not None and one.becomes(event):
                continue
            if _is_deprecated_patch(event):
                skip_next = True
                made = iter([] if one is None else [one, *made])
                continue
            raise _difference(one, event)
        left = next(made, None)
        if left is not None:
            raise _difference(left, None)


def _is_deprecated_patch(event: HistoryEvent) -> bool:
    attributes = event.marker_recorded_event_attributes
    if event.event_type != types.EVENT_TYPE_MARKER_RECORDED:
        return False
    data = attributes.details["patch-data"].payloads if "patch-data" in attributes.details else ()
    return any(b'"deprecated":true' in payload.data for payload in data)


def _lists_patches(event: HistoryEvent) -> bool:
    attributes = event.upsert_workflow_search_attributes_event_attributes
    return set(attributes.search_attributes.indexed_fields) == {"TemporalChangeVersion"}


def _difference(made: Made | None, event: HistoryEvent | None) -> NondeterminismError:
    now = "the workflow code now makes no command"
    if made is not None:
        place = spell_place(made.place)
        now = f"the workflow code at {place} now makes {spell_command(made.command)}"
    then = "nothing" if event is None else f"{spell_event(event)} (event {event.event_id})"
    return NondeterminismError(
        f"{now}, where the history has {then}. The code was changed under an open run, or"
        " something in it is not the same in a replay; keep the old path behind"
        " wf.patched(...) for runs that began with it."
    )
