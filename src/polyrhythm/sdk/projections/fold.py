"""The fold of a projection: pages of the log in, a model out. Pure but for the user's handlers.

What a reset copied into its new run was read in the old one and is left out here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.json_format import MessageToJson, Parse, ParseError
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.enums.v1 import event_type_pb2 as types
from temporalio.api.history.v1 import History, HistoryEvent

from polyrhythm.api.service import LogEntry
from polyrhythm.sdk.errors import MisuseError, PayloadError
from polyrhythm.sdk.events.catalogue import CATALOGUE, EventError, bring_up
from polyrhythm.sdk.events.meta import EventMeta
from polyrhythm.sdk.loop.recording import read_head, read_values
from polyrhythm.sdk.values import Codec, Converter, decode_message

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RESET = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
_TASK_FAILED = types.EVENT_TYPE_WORKFLOW_TASK_FAILED
_MARKER = types.EVENT_TYPE_MARKER_RECORDED


Handler = Callable[[Any, Any, EventMeta], Any]


@dataclass(slots=True)
class ProjectionDefinition:
    """One read model. `workflows` are the types whose events it reads, empty for all; `kind` is
    what a model is read as; `handlers` by the name of the event.
    """

    name: str
    initial: Callable[[], Any]
    kind: Any = Any
    workflows: frozenset[str] = frozenset()
    handlers: dict[str, Handler] = field(default_factory=dict)

    def wants(self, entry: LogEntry) -> bool:
        """Whether an entry's run is one of those that it reads."""
        return not self.workflows or entry.workflow_type in self.workflows


class Fold:
    """One definition with what values are read by."""

    def __init__(
        self, definition: ProjectionDefinition, converter: Converter, codec: Codec | None
    ) -> None:
        self.definition = definition
        self._converter = converter
        self._codec = codec

    async def events_of(self, entry: LogEntry) -> list[HistoryEvent]:
        """Return the events of an entry that have a handler, with readable values."""
        if not self.definition.wants(entry):
            return []
        history = History.FromString(entry.events)
        found = [event for event in _own(history.events) if event.event_type == _MARKER]
        if self._codec is not None:
            for event in found:
                await decode_message(self._codec, event)
        return [event for event in found if self._handler(event) is not None]

    def apply(self, model: Any, entry: LogEntry, events: Iterable[HistoryEvent]) -> Any:
        """Return the model after the events of an entry. Raises EventError, and what a handler
        raises.
        """
        definition = self.definition
        for event in events:
            head = read_head(event)
            assert head is not None
            values = self._converter.decode(read_values(event))
            known = CATALOGUE.types[head.name]
            value = bring_up(known, head.version, values, self._converter)
            stamp = event.event_time
            at = EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)
            meta = EventMeta(
                workflow=entry.workflow_type,
                workflow_id=entry.workflow_id,
                run_id=entry.run_id,
                event_id=event.event_id,
                at=at,
                position=entry.position,
            )
            changed = definition.handlers[head.name](model, value, meta)
            model = model if changed is None else changed
        return model

    async def encode(self, model: Any) -> bytes:
        """Return a model as it is kept: JSON, which a codec may make unreadable for others."""
        payload = self._converter.encode(model)
        if payload.metadata["encoding"] != b"json/plain":
            raise MisuseError(
                f"the model of projection {self.definition.name!r} is no JSON but a"
                f" {type(model).__name__}: a handler returns the new model, or None after it has"
                " changed the one it got"
            )
        if self._codec is None:
            return payload.data
        (coded,) = await self._codec.encode([payload])
        return MessageToJson(coded, indent=None).encode()

    async def decode(self, body: bytes) -> Any:
        """Return a model that was kept. Raises EventError."""
        if not body:
            return self.definition.initial()
        payload = Payload(data=body)
        payload.metadata["encoding"] = b"json/plain"
        try:
            if self._codec is not None:
                (payload,) = await self._codec.decode([Parse(body, Payload())])
            return self._converter.decode(payload, self.definition.kind)
        except (PayloadError, ParseError) as error:
            name = self.definition.name
            raise EventError(
                f"what is kept of projection {name!r} cannot be read as its model: {error}. If the"
                " model has changed, build it anew by .rebuild()"
            ) from error

    def _handler(self, event: HistoryEvent) -> Handler | None:
        head = read_head(event)
        return None if head is None else self.definition.handlers.get(head.name)


def _own(events: Iterable[HistoryEvent]) -> Iterator[HistoryEvent]:
    """The events that are not copies of those of the run that was reset."""
    own: list[HistoryEvent] = []
    for event in events:
        if event.event_type == _TASK_FAILED:
            failed = event.workflow_task_failed_event_attributes
            if failed.cause == _RESET and failed.base_run_id:
                own = []
        own.append(event)
    yield from own
