"""One attempt of a task in hand: what the function may ask, and how it learns that it should stop.

Shared between the worker's loop and the thread or process that runs the function. The function's
side only notes and raises; everything that waits happens on the loop. A function in a thread
learns of a cancellation at its next heartbeat or by asking; a coroutine is cancelled.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import Failure as FailureMessage
from temporalio.api.workflowservice.v1 import PollActivityTaskQueueResponse

from polyrhythm.sdk.definitions import TaskDefinition
from polyrhythm.sdk.retry import Bucket, Strategy
from polyrhythm.sdk.values import Converter


class StopReason(Enum):
    """Why an attempt should end before it is done."""

    CANCELLED = "the workflow, or somebody outside, cancelled it"
    PAUSED = "it was paused"
    RESET = "it was reset"
    GONE = "the service does not wait for it any more"
    TIMED_OUT = "its time is over"
    STOPPING = "the worker is shutting down"


@dataclass(slots=True)
class TaskInfo:
    """What is known of an attempt. Times are seconds, 0 for none. A task that was started by
    itself has no workflow, and a run id of its own."""

    task: str
    task_id: str
    attempt: int
    namespace: str
    queue: str
    workflow: str
    workflow_id: str
    run_id: str
    token: bytes
    timeout_s: float
    heartbeat_s: float
    scheduled: datetime | None
    started: datetime | None

    def __str__(self) -> str:
        """The attempt as log lines name it."""
        of = f" of {self.workflow_id}" if self.workflow_id else ""
        return f"task {self.task} {self.task_id} (attempt {self.attempt}){of}"


class CompletesLater(BaseException):
    """Raised by `task.complete_later()`: the function ends, its attempt does not."""


class FailedElsewhere(Exception):
    """What the function raised in another process, as the failure it wrote there."""

    def __init__(self, failure: FailureMessage, bucket: Bucket | None = None) -> None:
        super().__init__(failure.message)
        self.failure = failure
        # What a retry takes a token from.
        self.bucket = bucket


class Attempt:
    """The function's view of its attempt, and the worker's hold on it."""

    def __init__(self, info: TaskInfo, definition: TaskDefinition, converter: Converter) -> None:
        self.info = info
        self.definition = definition
        self.converter = converter
        # What the caller said beside its retry policy; None when the policy says it all.
        self.strategy: Strategy | None = None
        # Headers of the call, for interceptors.
        self.fields: Mapping[str, Payload] | None = None
        self.previous = Payloads()
        # What the task last said of its progress, for people.
        self.said = ""
        self.stop_reason: StopReason | None = None
        # Details of the newest heartbeat that the service has not been told of.
        self.unsent: Payloads | None = None
        self.notify: Callable[[], None] = _nobody
        self.stop_listener: Callable[[], None] = _nobody
        # The same for whoever waits on the worker's loop, and for the function's thread.
        self.asked_listener: Callable[[], None] = _nobody
        # One for each thread that waits to be stopped: few do, and an Event takes 1 us to make.
        self._waiting: list[threading.Event] = []

    def heartbeat(self, details: tuple[Any, ...]) -> None:
        """Note a sign of life; raises CancelledError when the attempt should stop."""
        self.note(self.converter.encode_values(details))
        self.raise_if_stopped()

    def note(self, details: Payloads) -> None:
        """Take details to be sent; newer ones replace those not sent yet."""
        self.unsent = details
        self.notify()

    def raise_if_stopped(self) -> None:
        """Raise CancelledError when somebody wants the attempt to end."""
        if self.stop_reason is not None:
            raise asyncio.CancelledError(self.stop_reason.value)

    @property
    def is_stopped(self) -> bool:
        """Whether the function should end soon."""
        return self.stop_reason is not None

    def wait_stopped(self, timeout_s: float) -> bool:
        """Wait, in a thread, until the attempt should end; False when the time is over first."""
        stopped = threading.Event()
        self._waiting.append(stopped)
        try:
            # NOTE: looked at behind the append. `stop` notes its reason before it looks who waits,
            # so one of the two sees the other.
            return self.is_stopped or stopped.wait(timeout_s)
        finally:
            self._waiting.remove(stopped)

    def stop(self, reason: StopReason) -> None:
        """Ask the function to end; the first reason counts. On the loop only."""
        if self.stop_reason is None:
            self.stop_reason = reason
            for stopped in list(self._waiting):
                stopped.set()
            self.asked_listener()
            self.stop_listener()


def info_of(task: PollActivityTaskQueueResponse, queue: str) -> TaskInfo:
    """Return what a polled task says about its attempt."""
    execution = task.workflow_execution
    # By position, in the order of TaskInfo: by keyword it takes three times as long.
    return TaskInfo(
        task.activity_type.name,
        task.activity_id,
        task.attempt,
        task.workflow_namespace,
        queue,
        task.workflow_type.name,
        execution.workflow_id,
        execution.run_id or task.activity_run_id,
        task.task_token,
        _seconds(task.start_to_close_timeout),
        _seconds(task.heartbeat_timeout),
        _moment(task, "current_attempt_scheduled_time"),
        _moment(task, "started_time"),
    )


def _seconds(duration: Any) -> float:
    return float(duration.seconds + duration.nanos / 1e9)


def _moment(task: Any, name: str) -> datetime | None:
    if not task.HasField(name):
        return None
    stamp = getattr(task, name)
    return datetime.fromtimestamp(stamp.seconds + stamp.nanos / 1e9, UTC)


def _nobody() -> None:
    return None


# The attempt whose function runs here: set in the context of its coroutine or thread.
ATTEMPT: ContextVar[Attempt | None] = ContextVar("polyrhythm.attempt", default=None)
