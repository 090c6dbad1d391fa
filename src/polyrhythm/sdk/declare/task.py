"""A task as its user holds it: call it inside a workflow, `.fn` is the plain function.

Calling returns at once; the task runs whether or not the result is awaited, so that several run
side by side. Outside of a workflow the call is refused, because it would look durable and not be:
there `.start(...)` gives a plain task, durable by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Generic, ParamSpec, TypeVar

from typing_extensions import TypeVar as DefaultTypeVar
from typing_extensions import Unpack

from polyrhythm.sdk.client import blocking_tasks
from polyrhythm.sdk.client.task_starter import TaskStarter
from polyrhythm.sdk.declare.home import Home
from polyrhythm.sdk.declare.signature import bind
from polyrhythm.sdk.definitions import TaskDefinition, TaskOptions
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.loop.context import current
from polyrhythm.sdk.retry import needs_permits
from polyrhythm.sdk.settings import PlainOptions, TaskChanges, plain_options, task_options
from polyrhythm.sdk.values import Converter

NO_PLAIN = PlainOptions()
P = ParamSpec("P")
R = TypeVar("R", covariant=True)
# What the plain function returns: a coroutine or the result itself.
F = DefaultTypeVar("F", default=Any, covariant=True)


class Task(Generic[P, R, F]):
    """A function that workflows run durably: at least once, with retries and timeouts.

    receipt = await charge(order)                                  # in a workflow
    receipt = await charge.options(timeout="1m", retry=3)(order)
    receipt = charge.fn(order)                                     # the function itself
    run = charge.options(id="charge-7").start(order)               # by itself, anywhere else
    receipt = run.result()
    """

    def __init__(
        self,
        definition: TaskDefinition,
        options: TaskOptions | None = None,
        home: Home | None = None,
        plain: PlainOptions | None = None,
    ) -> None:
        self.definition = definition
        self._options = options or definition.options
        self._home = home
        self._plain = plain or NO_PLAIN
        self.__doc__ = definition.function.__doc__

    def __repr__(self) -> str:
        """The name."""
        return f"<task {self.definition.name}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
        """Run the task durably; await the result. Only inside a workflow."""
        context = current()
        if context is None:
            raise self._outside("it")
        self._check_inside()
        definition = self.definition
        values = bind(definition.signature, definition.name, args, kwargs)
        return context.schedule_task(definition, self._options, values)

    def local(self, *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
        """Run a short task inside the workflow task, without a round trip through the service.

        It is retried with the workflow task when the worker dies; only inside a workflow.
        """
        context = current()
        if context is None:
            raise self._outside(f"{self.definition.name}.local")
        self._check_inside()
        definition = self.definition
        declared = definition.options
        if declared.rate or declared.concurrency or needs_permits(self._options.retry):
            raise MisuseError(
                f"task {self.name!r} shares permits with other workers, which a local task cannot"
                f" wait for: call {self.name}(...) instead of {self.name}.local(...)"
            )
        values = bind(definition.signature, definition.name, args, kwargs)
        return context.start_local_task(definition, self._options, values)

    def s(self, *args: Any, **named: Any) -> Any:
        """Return a signature: this call, written down for a canvas. What comes before it in a
        chain is put in front of `args`."""
        return self.home.signatures.one(self, args, named)

    def si(self, *args: Any, **named: Any) -> Any:
        """Return a signature that takes nothing of what comes before it."""
        return self.s(*args, **named).as_immutable()

    def map(self, items: Iterable[Any]) -> Any:
        """Return a signature: one durable task that calls this one for every item, in order."""
        return self.home.signatures.batch(self, items, star=False)

    def starmap(self, items: Iterable[Any]) -> Any:
        """Return the same for items that are lists of arguments."""
        return self.home.signatures.batch(self, items, star=True)

    def chunks(self, items: Iterable[Any], size: int) -> Any:
        """Return a group of such tasks side by side, each with at most `size` items."""
        return self.home.signatures.chunks(self, items, size)

    @property
    def settings(self) -> tuple[TaskOptions, PlainOptions]:
        """The options of a call, and those of a start by itself."""
        return self._options, self._plain

    @property
    def converter(self) -> Converter | None:
        """The application's converter, which a child process needs too."""
        return None if self._home is None else self._home.converter

    @property
    def fn(self) -> Callable[P, F]:
        """The function as it was written; calling it is a plain call, nothing is durable."""
        return self.definition.function

    @property
    def name(self) -> str:
        """The name on the wire."""
        return self.definition.name

    @property
    def aio(self) -> TaskStarter[P, R]:
        """The starts for an event loop: `await charge.aio.start(order)`."""
        if current() is not None:
            raise MisuseError(
                f"task {self.name!r} is started by itself, inside a workflow: call"
                f" {self.name}(...), which makes it part of the run"
            )
        return TaskStarter(self.home.session, self.definition, self._options, self._plain)

    def start(self, *args: P.args, **kwargs: P.kwargs) -> blocking_tasks.TaskRun[R]:
        """Start the task by itself, without a workflow; it is durable when this returns.

        Raises ActivityAlreadyStarted when a task of its id runs.
        """
        return self._blocking.start(*args, **kwargs)

    def start_many(self, calls: Iterable[Sequence[Any]]) -> list[blocking_tasks.TaskRun[R]]:
        """Start the task once for each list of arguments, up to a hundred in one commit.

        Raises TasksRefused when some were not started; the others are.
        """
        return self._blocking.start_many(calls)

    def execute(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Start the task by itself and wait for its result. Raises a TaskError."""
        return self._blocking.execute(*args, **kwargs)

    def options(self, **changes: Unpack[TaskChanges]) -> Task[P, R, F]:
        """Return the same task with other options: timeout, deadline, retry, queue, summary ..."""
        plain, others = plain_options(self._plain, changes)
        options = task_options(self._options, others)
        if needs_permits(options.retry) and not needs_permits(self.definition.options.retry):
            raise MisuseError(
                f"task {self.name!r}: a token bucket is declared with it, in @app.task(retry=...),"
                " so that an application whose service has no permits is refused when it starts"
            )
        return Task(self.definition, options, self._home, plain)

    @property
    def _blocking(self) -> blocking_tasks.TaskStarter[P, R]:
        return blocking_tasks.TaskStarter(self.aio, self.home.portal)

    @property
    def home(self) -> Home:
        """The application. Raises MisuseError for a task that belongs to none."""
        if self._home is None:
            raise MisuseError(f"task {self.name!r} belongs to no application")
        return self._home

    def _check_inside(self) -> None:
        if self._plain != NO_PLAIN:
            raise MisuseError(
                f"task {self.name!r} has options of a task that is started by itself (id, delay"
                " ...), which a task of a workflow does not have"
            )

    def _outside(self, what: str) -> MisuseError:
        name = self.definition.name
        return MisuseError(
            f"task {name!r} was called outside of a workflow, where {what} cannot be durable: call"
            f" {name}.start(...) for a durable task by itself, {name}.fn(...) for the plain"
            " function, or start a workflow that runs it"
        )
