"""The history of a run, and its JSON.

The format is that of Temporal's tools, so that either reads what the other has written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from google.protobuf.json_format import MessageToJson, Parse, ParseError
from temporalio.api.history.v1 import History as HistoryMessage
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.sdk.errors import MisuseError


@dataclass(slots=True)
class History:
    """All events of one run, in order."""

    workflow_id: str
    run_id: str
    events: list[HistoryEvent] = field(default_factory=list)

    def __iter__(self) -> Iterator[HistoryEvent]:
        """Every event."""
        return iter(self.events)

    def __len__(self) -> int:
        """Return how many events there are."""
        return len(self.events)

    def to_json(self) -> str:
        """Return the history as JSON, as `temporal workflow show --output json` prints it."""
        return MessageToJson(HistoryMessage(events=self.events))

    @classmethod
    def from_json(cls, text: str, workflow_id: str = "") -> History:
        """Return the history of such a text. Raises MisuseError."""
        try:
            message = Parse(text, HistoryMessage(), ignore_unknown_fields=True)
        except ParseError as error:
            raise MisuseError(f"not a history: {error}") from error
        if not message.events:
            raise MisuseError("not a history: it has no events")
        started = message.events[0].workflow_execution_started_event_attributes
        run_id = started.original_execution_run_id
        return cls(workflow_id or started.workflow_id, run_id, list(message.events))
