"""The port to a service: what the SDK needs of a Polyrhythm or Temporal service, and no more.

A link makes calls of the Temporal API by their full method names. What a service can beyond that,
or cannot, is in its traits; a feature that a link lacks is refused when an application starts,
never weakened. A link whose service lives in this process can also host a local worker: then
workflow code runs inside the engine's turn, and no task crosses a wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from google.protobuf.message import Message
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueResponse,
    PollWorkflowTaskQueueResponse,
)

WORKFLOW_SERVICE = "/temporal.api.workflowservice.v1.WorkflowService/"
# Of Polyrhythm's own services only: see `Traits.permits` and `Traits.notes`.
OWN_SERVICE = "/polyrhythm.api.v1.PolyrhythmService/"


@dataclass(slots=True)
class Traits:
    """What a service has beside the calls that every service answers.

    `permits`: tokens and leases that all workers share (TokenBucket, `rate=`, `concurrency=`).
    `notes`: the log beneath the events: `run.at()`, projections. A Temporal cluster has neither.
    `standalone_activities`: tasks are started without a workflow; a Temporal cluster that does not
    have them refuses the start, and says so.
    """

    name: str
    permits: bool = False
    notes: bool = False
    standalone_activities: bool = False
    hosts_workers: bool = False


class Link(Protocol):
    """Calls a service; used on one running loop."""

    @property
    def traits(self) -> Traits:
        """What the service can."""
        ...

    async def call(self, method_name: str, request: Message, timeout_s: float) -> Message:
        """Call `/package.Service/Method` and wait. Raises an error of `base.errors`."""
        ...

    async def close(self) -> None:
        """End the connection; open calls fail."""
        ...


class LocalWorker(Protocol):
    """A worker in the process of its service, driven by the engine's host.

    `activate` is called inside a turn, on the loop of the host: it must not wait. What it returns
    is decided in the same turn. When the commit fails, `forget` drops the run's live code.
    """

    @property
    def identity(self) -> str:
        """Who the worker is, as histories and task queues show it."""
        ...

    @property
    def room(self) -> int:
        """How many more attempts of tasks the worker takes now; asked before each `perform`."""
        ...

    def holds(self, run_id: str, started_event_id: int) -> bool:
        """Whether the run's live code is kept, as of the workflow task started by that event: then
        the next activation carries only what is new, else the whole history.
        """
        ...

    def activate(self, task: PollWorkflowTaskQueueResponse) -> Message | None:
        """Run workflow code; return the request that answers the task: RespondWorkflowTaskCompleted
        or -Failed, or RespondQueryTaskCompleted when `task.query` is set. None: the answer comes
        as a call, because the code waits for local tasks or has gone to a thread.
        """
        ...

    def perform(self, task: PollActivityTaskQueueResponse) -> None:
        """Begin an attempt of a task whose start is written; its answer is a call."""
        ...

    def stop(self, run_id: str, task_id: str, why: str) -> None:
        """Ask an attempt to end, if it is in hand: it is CANCELLED, PAUSED or RESET, or its run has
        ended and it is GONE; a name of `StopReason`. May come more than once.
        """
        ...

    def forget(self, run_id: str) -> None:
        """Drop what is kept of a run; the next activation carries its whole history."""
        ...


class Hosting(Protocol):
    """What a link can beyond, where `traits.hosts_workers`: its service is in this process."""

    def host(self, namespace: str, queue: str, worker: LocalWorker) -> None:
        """Give the tasks of a queue to a worker of this process, before any poll."""
        ...

    def nudge(self) -> None:
        """Look whether tasks wait for room that has come free without a call."""
        ...

    def dismiss(self, namespace: str, queue: str) -> None:
        """Give no more tasks; what is in hand is answered as usual."""
        ...
