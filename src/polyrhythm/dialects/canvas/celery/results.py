"""Results by id, as Celery has them: of a plain task or of a canvas, whichever has the id.

An id that nobody knows is PENDING, as with Celery. What a task raised is raised again where its
class is imported, else as the failure that arrived.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polyrhythm.base.errors import FailedPrecondition, NotFound
from polyrhythm.dialects.canvas.celery import errors
from polyrhythm.dialects.canvas.celery.request import STATE
from polyrhythm.dialects.canvas.walker import PROGRESS
from polyrhythm.sdk.client.task_views import TaskDescription, TaskStatus
from polyrhythm.sdk.client.views import RunStatus
from polyrhythm.sdk.errors import (
    FailureError,
    TaskCancelled,
    TaskTimedOut,
    WorkflowCancelled,
    WorkflowTerminated,
)

if TYPE_CHECKING:
    from polyrhythm.dialects.canvas.celery.front import CeleryFront

READY = frozenset(("SUCCESS", "FAILURE", "REVOKED"))
STATES = {
    "COMPLETED": "SUCCESS",
    "FAILED": "FAILURE",
    "TIMED_OUT": "FAILURE",
    "CANCELLED": "REVOKED",
    "TERMINATED": "REVOKED",
}
ASK_S = 0.1


@dataclass(slots=True)
class Seen:
    """What was found under an id. `run`: a TaskRun or a Run, None if there is nothing."""

    run: Any = None
    state: str = "PENDING"
    info: Any = None


class AsyncResult:
    """The result of what was sent, by its id."""

    def __init__(self, id: str, app: CeleryFront, kind: Any = Any) -> None:  # noqa: A002
        self.id = id
        self.app = app
        self._kind = kind

    def __repr__(self) -> str:
        """The id."""
        return f"<AsyncResult: {self.id}>"

    def __str__(self) -> str:
        """The id."""
        return self.id

    @property
    def task_id(self) -> str:
        """The id."""
        return self.id

    @property
    def state(self) -> str:
        """PENDING, STARTED, RETRY, SUCCESS, FAILURE, REVOKED, or one that the task reported."""
        return self._look().state

    @property
    def status(self) -> str:
        """The state."""
        return self.state

    @property
    def info(self) -> Any:
        """The result, the exception, or what the task reported with its state."""
        seen = self._look()
        return self.get(propagate=False) if seen.state in READY else seen.info

    @property
    def result(self) -> Any:
        """The result or the exception, as `info`."""
        return self.info

    def ready(self) -> bool:
        """Whether it has ended."""
        return self.state in READY

    def successful(self) -> bool:
        """Whether it has ended with a result."""
        return self.state == "SUCCESS"

    def failed(self) -> bool:
        """Whether it has failed."""
        return self.state == "FAILURE"

    def get(self, timeout: float | None = None, propagate: bool = True, **_: Any) -> Any:
        """Wait for the result; raise what the task raised, or return it without `propagate`.

        Raises `polyrhythm.celery.TimeoutError`, and TaskRevokedError for what was revoked.
        """
        until_s = None if timeout is None else time.monotonic() + timeout
        try:
            return self._wait(until_s)
        except (TimeoutError, errors.TimeoutError) as error:
            raise errors.TimeoutError(f"{self!r} has no result after {timeout} s") from error
        except FailureError as error:
            raised = _raised(error)
            if propagate:
                raise raised from error
            return raised

    join = get

    def wait(self, timeout: float | None = None, propagate: bool = True, **_: Any) -> Any:
        """Do what `get` does."""
        return self.get(timeout, propagate)

    def revoke(self, terminate: bool = False, **_: Any) -> None:
        """Have it not run; what runs is told, with `terminate` it is ended at once."""
        run = self._look().run
        if run is None:
            return
        try:
            if terminate:
                run.terminate("revoked")
            else:
                run.cancel()
        except (FailedPrecondition, NotFound):
            # It has ended, or somebody has revoked it before.
            return

    def forget(self) -> None:
        """Delete what is kept of it."""
        run = self._look().run
        if run is not None:
            run.delete()

    def completed_count(self) -> int:
        """How many tasks of a canvas have a result."""
        run = self._look().run
        if run is None or hasattr(run, "task_id"):
            return int(self.successful())
        return int(run.query(PROGRESS).done)

    def _wait(self, until_s: float | None) -> Any:
        while True:
            run = self._look().run
            left_s = None if until_s is None else until_s - time.monotonic()
            if run is not None:
                return run.result(timeout=None if left_s is None else max(0.0, left_s))
            if left_s is not None and left_s <= 0:
                raise errors.TimeoutError(self.id)
            time.sleep(ASK_S)

    def _look(self) -> Seen:
        client = self.app.open().client
        try:
            task = client.task_run(self.id, result=self._kind)
            return _seen_task(task, task.describe())
        except NotFound:
            pass
        try:
            run = client.run(self.id, result=self._kind)
            status = run.describe().status
        except NotFound:
            return Seen()
        state = "STARTED" if status is RunStatus.RUNNING else STATES.get(status.name, "STARTED")
        return Seen(run, state)


class EagerResult:
    """The result of what was run here and now."""

    def __init__(self, task_id: str, value: Any, error: BaseException | None) -> None:
        self.id = self.task_id = task_id
        self._value = value
        self._error = error

    @property
    def state(self) -> str:
        """SUCCESS or FAILURE."""
        return "SUCCESS" if self._error is None else "FAILURE"

    status = state

    @property
    def result(self) -> Any:
        """The result or the exception."""
        return self._value if self._error is None else self._error

    info = result

    def ready(self) -> bool:
        """Whether it has ended: yes."""
        return True

    def successful(self) -> bool:
        """Whether it has a result."""
        return self._error is None

    def failed(self) -> bool:
        """Whether it has failed."""
        return self._error is not None

    def get(self, timeout: float | None = None, propagate: bool = True, **_: Any) -> Any:
        """Return the result; raise what the task raised, or return it without `propagate`."""
        if self._error is not None and propagate:
            raise self._error
        return self.result

    join = get

    def revoke(self, **_: Any) -> None:
        """Do nothing: it has ended."""

    def forget(self) -> None:
        """Do nothing: nothing is kept."""


def _seen_task(run: Any, said: TaskDescription) -> Seen:
    if said.status is not TaskStatus.RUNNING:
        return Seen(run, STATES.get(said.status.name, "STARTED"))
    for beat in said.heartbeat:
        if isinstance(beat, dict) and STATE in beat and said.state != "scheduled":
            return Seen(run, beat[STATE], beat.get("meta"))
    if said.state == "scheduled":
        return Seen(run, "RETRY" if said.attempt > 1 else "PENDING")
    return Seen(run, "STARTED")


def _raised(error: FailureError) -> BaseException:
    if isinstance(error, TaskCancelled | WorkflowCancelled | WorkflowTerminated):
        return errors.TaskRevokedError("revoked")
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, TaskTimedOut):
            return errors.TimeLimitExceeded(str(below))
        if type(below).__name__ == "Terminated":
            return errors.TaskRevokedError("terminated")
        below = below.__cause__
    return errors.arrived(error)
