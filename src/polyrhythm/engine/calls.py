"""What enters a lane: calls of clients and workers, and what the lane asks of itself.

A call is dispatched on the type of its request: the engine's requests are the protocol's own
messages. The few things the protocol has no message for are the slotted values here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message
from temporalio.api.activity.v1 import ActivityExecutionListInfo
from temporalio.api.enums.v1 import BatchOperationType
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    ListSchedulesResponse,
    StartActivityExecutionRequest,
    StartBatchOperationRequest,
)

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.core.context import NamespaceInfo
from polyrhythm.engine.reply import Reply
from polyrhythm.stores.port import RunFilter


@dataclass(slots=True)
class Call:
    """One request on its way through a turn. `deadline_ns` 0: the caller waits for ever;
    `since_ns`: when a poll began to wait; `parked`: its time is running already, so looking at it
    again starts no second clock, and `late` is what it is answered when that is over; `pending`:
    what its handler knows of it."""

    namespace: NamespaceInfo
    request: Any
    deadline_ns: int = 0
    identity: str = ""
    reply: Reply = field(default_factory=Reply)
    since_ns: int = 0
    parked: bool = False
    late: Any = None
    pending: Any = None


@dataclass(slots=True)
class ListRuns:
    """A page of runs; the reply is a RunPage."""

    filter: RunFilter


@dataclass(slots=True)
class RunPage:
    """Runs as lists show them, and the filter's `after` of the next page (None at the end)."""

    infos: list[WorkflowExecutionInfo] | list[ActivityExecutionListInfo]
    after: tuple[int, int, int] | None


@dataclass(slots=True)
class CountRuns:
    """How many runs match; the reply is an int, or a dict of them by status."""

    filter: RunFilter
    by_status: bool = False


@dataclass(slots=True)
class BeginBatch:
    """A checked request for a batch operation; without a filter it lists the runs it means. The
    reply is a StartBatchOperationResponse."""

    request: StartBatchOperationRequest
    operation: BatchOperationType.ValueType
    identity: str
    filter: RunFilter | None = None


@dataclass(slots=True)
class StartTasks:
    """Checked starts of activities with the time they are due at (0: as their requests say), or
    what was wrong with one. The reply is a list of StartActivityExecutionResponse and errors."""

    starts: list[tuple[StartActivityExecutionRequest, int] | PolyrhythmError]


@dataclass(slots=True)
class ListSchedules:
    """A page of schedules; the reply is a SchedulePage."""

    filter: RunFilter


@dataclass(slots=True)
class SchedulePage:
    """Schedules as lists show them, and the filter's `after` of the next page (None at the end)."""

    response: ListSchedulesResponse
    after: tuple[int, int, int] | None


@dataclass(slots=True)
class AddAttributes:
    """Search attributes to register, name to type; the reply is `response`."""

    kinds: dict[str, str]
    response: Message


@dataclass(slots=True)
class RemoveAttributes:
    """Search attributes to forget; the reply is `response`."""

    names: list[str]
    response: Message


@dataclass(slots=True)
class FireDue:
    """A run's deadline has passed."""

    run_key: int


@dataclass(slots=True)
class Expire:
    """A closed run whose namespace keeps it no longer."""

    run_key: int


@dataclass(slots=True)
class Restore:
    """A run whose commit failed, or that was found at start: offer and owe again what it has."""

    run_key: int


@dataclass(slots=True)
class ServeQueue:
    """A queue whose limit is over, or has changed: give what waits to who waits."""

    namespace_key: int
    queue: str
    kind: int
