"""The blocking mirror of the client: the same verbs, for programs without an event loop.

Written by tools/mirror.py from the async classes, which have the documentation; change those and
run it again. Every verb runs its twin on the application's loop and waits; `aio` is the twin.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Generic, ParamSpec, TypeVar

from polyrhythm.base.durations import Span
from polyrhythm.sdk.client import task_run, task_starter
from polyrhythm.sdk.client.portal import Portal, block
from polyrhythm.sdk.client.task_views import TaskDescription

M = TypeVar("M")
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class TaskRun(Generic[R]):
    """Blocking twin of `task_run.TaskRun`."""

    __slots__ = ("_portal", "aio")

    def __init__(self, aio: task_run.TaskRun[R], portal: Portal) -> None:
        self.aio = aio
        self._portal = portal

    def __repr__(self) -> str:
        """As its twin."""
        return repr(self.aio)

    @property
    def task(self) -> str:
        """As of the twin."""
        return self.aio.task

    @property
    def task_id(self) -> str:
        """As of the twin."""
        return self.aio.task_id

    @property
    def run_id(self) -> str:
        """As of the twin."""
        return self.aio.run_id

    def result(self, *, timeout: Span | None = None) -> R:
        """Wait for the result. Raises TaskFailed, TaskTimedOut, TaskCancelled, and TimeoutError
        when `timeout` is over first. The cause of a terminated task's failure is Terminated.
        """
        return block(self._portal, self.aio.result(timeout=timeout), "taskrun.result")

    def cancel(self, reason: str = "") -> None:
        """Ask the task to end: at once if no worker has it, else told by its next heartbeat.

        Raises FailedPrecondition when it has ended, or when somebody else has asked before.
        """
        block(self._portal, self.aio.cancel(reason), "taskrun.cancel")

    def terminate(self, reason: str = "") -> None:
        """End the task at once; its code is told by its next heartbeat."""
        block(self._portal, self.aio.terminate(reason), "taskrun.terminate")

    def delete(self) -> None:
        """Forget the task, whether it has ended or not."""
        block(self._portal, self.aio.delete(), "taskrun.delete")

    def describe(self) -> TaskDescription:
        """Return status, attempt, times, progress and the last failure."""
        return block(self._portal, self.aio.describe(), "taskrun.describe")

    def requeue(self) -> TaskRun[R]:
        """Begin a task that failed or ran out of time again, under the same id and with the same
        input and options, at once. Asking twice is one new task. Raises MisuseError for any other.
        """
        return TaskRun(block(self._portal, self.aio.requeue(), "taskrun.requeue"), self._portal)


class TaskStarter(Generic[P, R]):
    """Blocking twin of `task_starter.TaskStarter`."""

    __slots__ = ("_portal", "aio")

    def __init__(self, aio: task_starter.TaskStarter[P, R], portal: Portal) -> None:
        self.aio = aio
        self._portal = portal

    def __repr__(self) -> str:
        """As its twin."""
        return repr(self.aio)

    def start(self, *args: P.args, **kwargs: P.kwargs) -> TaskRun[R]:
        """Start the task by itself; it is durable when this returns.

        Raises ActivityAlreadyStarted, and MisuseError at a service without plain tasks.
        """
        return TaskRun(
            block(self._portal, self.aio.start(*args, **kwargs), "taskstarter.start"), self._portal
        )

    def start_many(self, calls: Iterable[Sequence[Any]]) -> list[TaskRun[R]]:
        """Start the task once for each list of arguments, up to a hundred in one call and commit;
        all are durable when this returns. With interceptors, and at a service that is not
        Polyrhythm's, each is a call of its own.

        Raises TasksRefused when some were not started; the others are.
        """
        return [
            TaskRun(one, self._portal)
            for one in block(self._portal, self.aio.start_many(calls), "taskstarter.start_many")
        ]

    def execute(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Start the task and wait for its result. Raises a TaskError."""
        return block(self._portal, self.aio.execute(*args, **kwargs), "taskstarter.execute")
