"""Domain events of a run: markers with a name, a version and the event's values.

Checked in a replay like every command, by the name: a newer program may record a newer version of
what the history has, so neither version nor values are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import command_type_pb2 as commands
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.sdk.loop.origin import find_place

if TYPE_CHECKING:
    from polyrhythm.sdk.loop.context import Context

EVENT_MARKER = "polyrhythm.event"
HEAD_KEY, VALUES_KEY = "event", "values"


@dataclass(slots=True)
class Head:
    """Which event a marker records."""

    name: str
    version: int


READ_HEAD = msgspec.json.Decoder(Head)


class Recorded:
    """The marker of one domain event."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def record(self, event: HistoryEvent) -> bool:
        """Take the event the command was written as."""
        head = read_head(event)
        return head is not None and head.name == self.name


def record_event(context: Context, name: str, version: int, event: Any) -> None:
    """Write a domain event into the history."""
    context.check_writable("wf.record()")
    command = Command(command_type=commands.COMMAND_TYPE_RECORD_MARKER)
    attributes = command.record_marker_command_attributes
    attributes.marker_name = EVENT_MARKER
    head = attributes.details[HEAD_KEY].payloads.add()
    head.metadata["encoding"] = b"json/plain"
    head.data = msgspec.json.encode(Head(name, version))
    values = context.settings.converter.encode(event)
    attributes.details[VALUES_KEY].payloads.append(values)
    context.outbox.add(command, Recorded(name), find_place())


def read_head(event: HistoryEvent) -> Head | None:
    """Return which domain event a marker records; None for another marker."""
    attributes = event.marker_recorded_event_attributes
    if attributes.marker_name != EVENT_MARKER or HEAD_KEY not in attributes.details:
        return None
    return READ_HEAD.decode(attributes.details[HEAD_KEY].payloads[0].data)


def read_values(event: HistoryEvent) -> Payload:
    """Return the values of a domain event's marker."""
    return event.marker_recorded_event_attributes.details[VALUES_KEY].payloads[0]
