"""Workers of this process: they get their tasks inside the turn, with no poll and no second commit.

A resident stands at a task queue. A workflow task that is offered there is started at once and
becomes an activation; the host runs it through the worker between two stretches of the turn, and
what the worker answers is decided in the same turn. Attempts of activities are handed over after
the commit that says they were started. Nothing here calls a worker but `perform`, after a commit.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from typing import Protocol

from google.protobuf.message import Message
from temporalio.api.enums.v1 import workflow_pb2 as statuses
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueRequest,
    PollActivityTaskQueueResponse,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
)

from polyrhythm.core.context import NamespaceInfo
from polyrhythm.core.held import INSIDE
from polyrhythm.core.standalone import StandaloneState
from polyrhythm.core.state import RunState

# Attempts that a run left behind when it ended so may come to their own end.
_IN_ORDER = (
    statuses.WORKFLOW_EXECUTION_STATUS_COMPLETED,
    statuses.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW,
)
_SEED = secrets.token_hex(4)


def process_mark() -> str:
    """Return what tells this process from all others, also from its parent."""
    return f"{_SEED}{os.getpid():x}"


class Worker(Protocol):
    """What a lane needs of a worker in its process: the LocalWorker of `sdk/link.py`."""

    @property
    def identity(self) -> str:
        """Who the worker is."""
        ...

    @property
    def room(self) -> int:
        """How many more attempts it takes."""
        ...

    def holds(self, run_id: str, started_event_id: int) -> bool:
        """Whether it has the run's live code as of that workflow task."""
        ...

    def activate(self, task: PollWorkflowTaskQueueResponse) -> Message | None:
        """Answer a workflow or query task with a Respond... request; None: by a call, later."""
        ...

    def perform(self, task: PollActivityTaskQueueResponse) -> None:
        """Begin an attempt."""
        ...

    def stop(self, run_id: str, task_id: str, why: str) -> None:
        """Ask an attempt to end, if it is in hand."""
        ...

    def forget(self, run_id: str) -> None:
        """Drop live code of a run."""
        ...


@dataclass(slots=True)
class Resident:
    """A worker at one queue. `given`: attempts of this turn that wait for its commit; `waiting`:
    the turn was full before its queues were empty."""

    namespace: NamespaceInfo
    queue: str
    worker: Worker
    workflow_poll: PollWorkflowTaskQueueRequest = field(init=False)
    activity_poll: PollActivityTaskQueueRequest = field(init=False)
    given: int = 0
    waiting: bool = False

    def __post_init__(self) -> None:
        identity = self.worker.identity + INSIDE + process_mark()
        self.workflow_poll = PollWorkflowTaskQueueRequest(identity=identity)
        self.activity_poll = PollActivityTaskQueueRequest(identity=identity)

    @property
    def has_room(self) -> bool:
        """Whether the worker takes one more attempt."""
        return self.worker.room > self.given


@dataclass(slots=True)
class Activation:
    """A workflow or query task that a resident has to answer within the turn."""

    resident: Resident
    run_key: int
    task: PollWorkflowTaskQueueResponse


@dataclass(slots=True)
class Attempt:
    """An attempt of an activity that a resident begins after the commit."""

    resident: Resident
    task: PollActivityTaskQueueResponse


class Residents:
    """The workers of this process, by namespace and queue."""

    def __init__(self) -> None:
        self._by_queue: dict[tuple[int, str], Resident] = {}

    def __bool__(self) -> bool:
        return bool(self._by_queue)

    def add(self, resident: Resident) -> None:
        """Let a worker stand at its queue; it replaces the one that stood there."""
        self._by_queue[resident.namespace.key, resident.queue] = resident

    def remove(self, namespace_key: int, queue: str) -> None:
        """Let nobody stand at a queue any more."""
        self._by_queue.pop((namespace_key, queue), None)

    def find(self, namespace_key: int, queue: str) -> Resident | None:
        """Return who stands at a queue."""
        return self._by_queue.get((namespace_key, queue))

    @property
    def busy(self) -> bool:
        """Whether some worker's queues wait for the next turn."""
        return any(resident.waiting for resident in self._by_queue.values())

    def all(self) -> list[Resident]:
        """Return everybody."""
        return list(self._by_queue.values())

    def tell(self, state: RunState) -> None:
        """Say what is wanted of a run's attempts, as a heartbeat would learn it."""
        for activity in state.activities.values():
            if not activity.started_ns or INSIDE not in activity.identity:
                continue
            if not state.running:
                why = "" if state.status in _IN_ORDER else "GONE"
            elif activity.cancel_requested:
                why = "CANCELLED"
            else:
                why = "RESET" if activity.reset else "PAUSED" if activity.pause else ""
            if why:
                self._stop(state.run_id, activity.activity_id, why)

    def tell_alone(self, state: StandaloneState) -> None:
        """Say what is wanted of the attempt of an activity without a workflow."""
        attempt = state.attempt
        if not attempt.started_ns or INSIDE not in attempt.identity:
            return
        if not state.running:
            self._stop(state.run_id, attempt.activity_id, "GONE")
        elif attempt.cancel_requested:
            self._stop(state.run_id, attempt.activity_id, "CANCELLED")

    def _stop(self, run_id: str, task_id: str, why: str) -> None:
        for resident in self._by_queue.values():
            resident.worker.stop(run_id, task_id, why)

    def forget(self, namespace_key: int, run_id: str) -> None:
        """Have live code of a run dropped: its commit failed."""
        for resident in self._by_queue.values():
            if resident.namespace.key == namespace_key:
                resident.worker.forget(run_id)
