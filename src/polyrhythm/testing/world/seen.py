"""What a simulated program knows of its history: what it asked for, what is done, who updates it.

Read from the events alone, anew with every workflow task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.update.v1 import Request


@dataclass(slots=True)
class Seen:
    """What a history says: event ids of what was asked for, names of what is done."""

    asked: dict[str, int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    # Children by name: the workflow ids they were given.
    targets: dict[str, str] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    cancels: set[str] = field(default_factory=set)
    signals: int = 0
    cancel_requested: bool = False
    # Updates by id: those the history brings along, those taken on and not answered yet.
    admitted: dict[str, Request] = field(default_factory=dict)
    accepted: dict[str, Request] = field(default_factory=dict)
    completed: set[str] = field(default_factory=set)

    def ask(self, name: str, event_id: int) -> None:
        """Note an item as asked for."""
        self.asked[name] = event_id
        self.names[event_id] = name

    def pending(self, kind: str) -> list[str]:
        """Return names of items asked for and not done, whose name begins with `kind`."""
        return [n for n in self.asked if n.startswith(kind) and n not in self.done]


def read_history(events: list[HistoryEvent]) -> Seen:
    """Return what a program needs to know of its history."""
    seen = Seen()
    for event in events:
        read = _READ.get(event.event_type)
        if read is not None:
            name = event.WhichOneof("attributes") or ""
            read(seen, event.event_id, getattr(event, name))
    return seen


def _activity(seen: Seen, event_id: int, attributes: Any) -> None:
    seen.ask(attributes.activity_id, event_id)


def _activity_cancel(seen: Seen, _event_id: int, attributes: Any) -> None:
    seen.cancels.add(seen.names[attributes.scheduled_event_id])


def _activity_end(seen: Seen, _event_id: int, attributes: Any) -> None:
    seen.done.add(seen.names[attributes.scheduled_event_id])


def _timer(seen: Seen, event_id: int, attributes: Any) -> None:
    seen.ask(attributes.timer_id, event_id)


def _timer_end(seen: Seen, _event_id: int, attributes: Any) -> None:
    seen.done.add(attributes.timer_id)


def _marker(seen: Seen, event_id: int, attributes: Any) -> None:
    seen.ask(attributes.marker_name, event_id)
    seen.done.add(attributes.marker_name)


def _properties(seen: Seen, event_id: int, attributes: Any) -> None:
    for key in attributes.upserted_memo.fields:
        seen.ask(key, event_id)
        seen.done.add(key)


def _initiated(seen: Seen, event_id: int, attributes: Any) -> None:
    seen.ask(attributes.control, event_id)


def _child(seen: Seen, event_id: int, attributes: Any) -> None:
    seen.ask(attributes.control, event_id)
    seen.targets[attributes.control] = attributes.workflow_id


def _child_started(seen: Seen, _event_id: int, attributes: Any) -> None:
    seen.started.add(seen.names[attributes.initiated_event_id])


def _initiated_end(seen: Seen, _event_id: int, attributes: Any) -> None:
    seen.done.add(seen.names[attributes.initiated_event_id])


def _signaled(seen: Seen, _event_id: int, _attributes: Any) -> None:
    seen.signals += 1


def _cancel(seen: Seen, _event_id: int, _attributes: Any) -> None:
    seen.cancel_requested = True


def _update_admitted(seen: Seen, _event_id: int, attributes: Any) -> None:
    seen.admitted[attributes.request.meta.update_id] = attributes.request


def _update_accepted(seen: Seen, _event_id: int, attributes: Any) -> None:
    update_id = attributes.protocol_instance_id
    admitted = seen.admitted.pop(update_id, None)
    own = attributes.accepted_request if attributes.HasField("accepted_request") else None
    request = own or admitted
    assert request is not None, "an update without its request"
    seen.accepted[update_id] = request


def _update_completed(seen: Seen, _event_id: int, attributes: Any) -> None:
    seen.accepted.pop(attributes.meta.update_id, None)
    seen.completed.add(attributes.meta.update_id)


_READ: dict[int, Callable[[Seen, int, Any], None]] = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: _activity,
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED: _activity_cancel,
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: _activity_end,
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: _activity_end,
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: _activity_end,
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: _activity_end,
    EventType.EVENT_TYPE_TIMER_STARTED: _timer,
    EventType.EVENT_TYPE_TIMER_FIRED: _timer_end,
    EventType.EVENT_TYPE_TIMER_CANCELED: _timer_end,
    EventType.EVENT_TYPE_MARKER_RECORDED: _marker,
    EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: _properties,
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: _initiated,
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: _initiated_end,
    EventType.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED: _initiated_end,
    EventType.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: _initiated,
    EventType.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: _initiated_end,
    EventType.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED: _initiated_end,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: _child,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED: _initiated_end,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED: _child_started,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED: _initiated_end,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED: _initiated_end,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED: _initiated_end,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT: _initiated_end,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED: _initiated_end,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: _signaled,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED: _cancel,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED: _update_admitted,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: _update_accepted,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED: _update_completed,
}
