"""The blocking mirror of the client: the same verbs, for programs without an event loop.

Written by tools/mirror.py from the async classes, which have the documentation; change those and
run it again. Every verb runs its twin on the application's loop and waits; `aio` is the twin.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Generic, ParamSpec, TypeVar, overload

from typing_extensions import Unpack

from polyrhythm.base.durations import Span
from polyrhythm.sdk.client import attempts, client, projections, run, starter
from polyrhythm.sdk.client.blocking_tasks import TaskRun
from polyrhythm.sdk.client.history import History
from polyrhythm.sdk.client.letters import DeadLetter
from polyrhythm.sdk.client.moment import RunMoment
from polyrhythm.sdk.client.portal import Portal, block, step
from polyrhythm.sdk.client.task_views import TaskSummary
from polyrhythm.sdk.client.views import Description, RunSummary
from polyrhythm.sdk.declare.methods import QueryMethod, SignalMethod, UpdateMethod
from polyrhythm.sdk.messages import Query, Signal, Update, UpdateCall
from polyrhythm.sdk.settings import StartSettings

M = TypeVar("M")
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class AttemptHandle:
    """Blocking twin of `attempts.AttemptHandle`."""

    __slots__ = ("_portal", "aio")

    def __init__(self, aio: attempts.AttemptHandle, portal: Portal) -> None:
        self.aio = aio
        self._portal = portal

    def __repr__(self) -> str:
        """As its twin."""
        return repr(self.aio)

    def complete(self, value: Any = None) -> None:
        """End the attempt with a result."""
        block(self._portal, self.aio.complete(value), "attempthandle.complete")

    def fail(self, error: BaseException) -> None:
        """End the attempt with an error; it is retried unless it is Permanent."""
        block(self._portal, self.aio.fail(error), "attempthandle.fail")

    def heartbeat(self, *details: Any) -> bool:
        """Say that it is alive; returns whether it should stop."""
        return block(self._portal, self.aio.heartbeat(*details), "attempthandle.heartbeat")

    def cancelled(self, *details: Any) -> None:
        """End the attempt as cancelled, after a cancellation was asked for."""
        block(self._portal, self.aio.cancelled(*details), "attempthandle.cancelled")


class UpdateHandle(Generic[R]):
    """Blocking twin of `run.UpdateHandle`."""

    __slots__ = ("_portal", "aio")

    def __init__(self, aio: run.UpdateHandle[R], portal: Portal) -> None:
        self.aio = aio
        self._portal = portal

    def __repr__(self) -> str:
        """As its twin."""
        return repr(self.aio)

    @property
    def run(self) -> Run[Any]:
        """As of the twin."""
        return Run(self.aio.run, self._portal)

    @property
    def name(self) -> str:
        """As of the twin."""
        return self.aio.name

    @property
    def update_id(self) -> str:
        """As of the twin."""
        return self.aio.update_id

    def result(self, *, timeout: Span | None = None) -> R:
        """Wait for what the update returned. Raises UpdateFailed, TimeoutError."""
        return block(self._portal, self.aio.result(timeout=timeout), "updatehandle.result")


class Run(Generic[R]):
    """Blocking twin of `run.Run`."""

    __slots__ = ("_portal", "aio")

    def __init__(self, aio: run.Run[R], portal: Portal) -> None:
        self.aio = aio
        self._portal = portal

    def __repr__(self) -> str:
        """As its twin."""
        return repr(self.aio)

    @property
    def workflow_id(self) -> str:
        """As of the twin."""
        return self.aio.workflow_id

    @property
    def run_id(self) -> str:
        """As of the twin."""
        return self.aio.run_id

    def result(self, *, timeout: Span | None = None, follow: bool = True) -> R:
        """Wait for the result. Raises WorkflowFailed, -Cancelled, -Terminated, -TimedOut, and
        TimeoutError when `timeout` is over first. `follow`: also through continue-as-new.
        """
        return block(self._portal, self.aio.result(timeout=timeout, follow=follow), "run.result")

    @overload
    def send(self, signal: Signal[None]) -> None: ...

    @overload
    def send(self, signal: Signal[T], value: T) -> None: ...

    @overload
    def send(self, signal: SignalMethod[Any, P], *args: P.args, **kwargs: P.kwargs) -> None: ...

    @overload
    def send(self, signal: str, *args: Any) -> None: ...

    def send(self, signal: Any, *args: Any, **kwargs: Any) -> None:
        """Send a signal: a declared one, a marked method, or a name. Raises NotFound when the run
        has ended.
        """
        block(self._portal, self.aio.send(signal, *args, **kwargs), "run.send")

    @overload
    def query(self, query: Query[T]) -> T: ...

    @overload
    def query(self, query: QueryMethod[Any, P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...

    @overload
    def query(self, query: str, *args: Any) -> Any: ...

    def query(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        """Ask a question; a closed run answers while its history is kept. Raises QueryFailed."""
        return block(self._portal, self.aio.query(query, *args, **kwargs), "run.query")

    @overload
    def update(self, update: Update[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...

    @overload
    def update(self, update: UpdateMethod[Any, P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...

    @overload
    def update(self, update: str, *args: Any) -> Any: ...

    def update(self, update: Any, *args: Any, **kwargs: Any) -> Any:
        """Make an update and wait for what it returns. Raises UpdateFailed."""
        return block(self._portal, self.aio.update(update, *args, **kwargs), "run.update")

    @overload
    def start_update(
        self, update: Update[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> UpdateHandle[T]: ...

    @overload
    def start_update(
        self, update: UpdateMethod[Any, P, T], *args: P.args, **kwargs: P.kwargs
    ) -> UpdateHandle[T]: ...

    @overload
    def start_update(self, update: str, *args: Any) -> UpdateHandle[Any]: ...

    def start_update(self, update: Any, *args: Any, **kwargs: Any) -> UpdateHandle[Any]:
        """Make an update and return once a worker has accepted it. Raises UpdateFailed."""
        return UpdateHandle(
            block(self._portal, self.aio.start_update(update, *args, **kwargs), "run.start_update"),
            self._portal,
        )

    def cancel(self, reason: str = "") -> None:
        """Ask the run to end: its code gets CancelledError and may clean up."""
        block(self._portal, self.aio.cancel(reason), "run.cancel")

    def terminate(self, reason: str = "", *details: Any) -> None:
        """End the run at once; its code does not learn of it."""
        block(self._portal, self.aio.terminate(reason, *details), "run.terminate")

    def describe(self) -> Description:
        """Return status, times, pending tasks and children."""
        return block(self._portal, self.aio.describe(), "run.describe")

    def history(self) -> History:
        """Return all events so far."""
        return block(self._portal, self.aio.history(), "run.history")

    def at(self, time: datetime | None = None, *, event_id: int = 0) -> RunMoment:
        """Return the run as it was: after the last commit at or before a time, or after the commit
        that wrote an event; as it is now without either. Also of closed runs.

            moment = run.at(datetime.now(UTC) - timedelta(hours=1))
            moment.status, moment.description.pending_tasks, len(moment.history)

        Raises NotFound before the run's start, InvalidArgument for an event it does not have,
        MisuseError at a service without notes (a Temporal cluster), where `history()` has events.
        """
        return block(self._portal, self.aio.at(time, event_id=event_id), "run.at")


class Starter(Generic[P, R]):
    """Blocking twin of `starter.Starter`."""

    __slots__ = ("_portal", "aio")

    def __init__(self, aio: starter.Starter[P, R], portal: Portal) -> None:
        self.aio = aio
        self._portal = portal

    def __repr__(self) -> str:
        """As its twin."""
        return repr(self.aio)

    def start(self, *args: P.args, **kwargs: P.kwargs) -> Run[R]:
        """Start a run; it is durable when this returns. Raises AlreadyStarted."""
        return Run(
            block(self._portal, self.aio.start(*args, **kwargs), "starter.start"), self._portal
        )

    def execute(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Start a run and wait for its result. Raises a WorkflowError."""
        return block(self._portal, self.aio.execute(*args, **kwargs), "starter.execute")

    def start_update(
        self, update: UpdateCall[T], *args: P.args, **kwargs: P.kwargs
    ) -> UpdateHandle[T]:
        """Update the open run of the id, started first if there is none: `APPROVE.of(value)`.

        Raises MisuseError without an id, UpdateFailed. `handle.run` is the run.
        """
        return UpdateHandle(
            block(
                self._portal, self.aio.start_update(update, *args, **kwargs), "starter.start_update"
            ),
            self._portal,
        )


class Client:
    """Blocking twin of `client.Client`."""

    __slots__ = ("_portal", "aio")

    def __init__(self, aio: client.Client, portal: Portal) -> None:
        self.aio = aio
        self._portal = portal

    def __repr__(self) -> str:
        """As its twin."""
        return repr(self.aio)

    @overload
    def run(self, workflow_id: str, run_id: str = ..., *, result: type[T]) -> Run[T]: ...

    @overload
    def run(self, workflow_id: str, run_id: str = ...) -> Run[Any]: ...

    def run(self, workflow_id: str, run_id: str = "", *, result: Any = Any) -> Run[Any]:
        """Return a handle for a run, the newest of its id without a run id. Asks nothing yet."""
        return Run(self.aio.run(workflow_id, run_id, result=result), self._portal)

    def workflow(
        self, name: str, *, result: Any = Any, **settings: Unpack[StartSettings]
    ) -> Starter[..., Any]:
        """Return what starts a workflow by name, of any SDK: `client.workflow("Order").start(1)`.

        Arguments are sent as they are.
        """
        return Starter(self.aio.workflow(name, result=result, **settings), self._portal)

    @overload
    def task_run(self, task_id: str, run_id: str = ..., *, result: type[T]) -> TaskRun[T]: ...

    @overload
    def task_run(self, task_id: str, run_id: str = ...) -> TaskRun[Any]: ...

    def task_run(self, task_id: str, run_id: str = "", *, result: Any = Any) -> TaskRun[Any]:
        """Return a handle for a task that was started by itself, the newest of its id without a
        run id. Asks nothing yet.
        """
        return TaskRun(self.aio.task_run(task_id, run_id, result=result), self._portal)

    def attempt(self, token: bytes) -> AttemptHandle:
        """Return a handle for an attempt that `task.complete_later()` left open, by its token."""
        return AttemptHandle(self.aio.attempt(token), self._portal)

    def list(self, query: str = "", *, limit: int = 0) -> Iterator[RunSummary]:
        """Every run that a filter matches, newest first: `"WorkflowType = 'checkout'"`."""
        return step(self._portal, self.aio.list(query, limit=limit), "client.list")

    def list_tasks(self, query: str = "", *, limit: int = 0) -> Iterator[TaskSummary]:
        """Every plain task that a filter matches, newest first: `"ActivityType = 'charge'"`."""
        return step(self._portal, self.aio.list_tasks(query, limit=limit), "client.list_tasks")

    def count_tasks(self, query: str = "") -> int:
        """Return how many plain tasks a filter matches."""
        return block(self._portal, self.aio.count_tasks(query), "client.count_tasks")

    def dead_letters(self, query: str = "", *, limit: int = 0) -> Iterator[DeadLetter]:
        """Every run that failed or ran out of time and that no newer run of its id follows, newest
        first, with what failed in it; read page by page as it is asked for.

            for letter in app.client.dead_letters("WorkflowType = 'checkout'", limit=50):
                print(letter.workflow_id, letter.task, letter.error)
                app.client.requeue(letter.workflow_id)
        """
        return step(self._portal, self.aio.dead_letters(query, limit=limit), "client.dead_letters")

    def requeue(self, workflow_id: str, run_id: str = "") -> Run[Any]:
        """Begin a dead letter again, under the same id and with the same input and options; the
        memo of the new run says `requeued_from` and `requeued_times`. Asking twice is one new run.

        Without a run id the newest run is meant. Raises MisuseError for a run that did not fail,
        AlreadyStarted when another run of the id is open. A child begins again as nobody's child.
        """
        return Run(
            block(self._portal, self.aio.requeue(workflow_id, run_id), "client.requeue"),
            self._portal,
        )

    def discard(self, workflow_id: str, run_id: str = "") -> None:
        """Delete a dead letter, with its history. Raises MisuseError for any other run."""
        block(self._portal, self.aio.discard(workflow_id, run_id), "client.discard")

    def count(self, query: str = "") -> int:
        """Return how many runs a filter matches."""
        return block(self._portal, self.aio.count(query), "client.count")


class Model(Generic[M]):
    """Blocking twin of `projections.Model`."""

    __slots__ = ("_portal", "aio")

    def __init__(self, aio: projections.Model[M], portal: Portal) -> None:
        self.aio = aio
        self._portal = portal

    def __repr__(self) -> str:
        """As its twin."""
        return repr(self.aio)

    @property
    def name(self) -> str:
        """As of the twin."""
        return self.aio.name

    def read(self, *, fresh: bool = False) -> M:
        """Return the model: as it was kept last, a moment behind the runs; `fresh`: with everything
        that was committed before this call, which takes as long as the way that is missing.

        The value is a copy: changing it changes nothing.
        """
        return block(self._portal, self.aio.read(fresh=fresh), "model.read")

    def position(self) -> int:
        """Return how far in the log the kept model is."""
        return block(self._portal, self.aio.position(), "model.position")

    def rebuild(self) -> None:
        """Forget the model and make it again from the first event, with the code of now: after a
        change of handlers or of the model. Returns when it has caught up.
        """
        block(self._portal, self.aio.rebuild(), "model.rebuild")
