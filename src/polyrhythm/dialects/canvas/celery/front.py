"""The application as a Celery module sees it: tasks, configuration, sending, results by id.

Sending opens the application where it is not open, without work in this process, and leaves it open
until the program ends. A worker opens the same application and works.
"""

from __future__ import annotations

import atexit
import fnmatch
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

from polyrhythm.dialects.canvas.celery.eager import run_here
from polyrhythm.dialects.canvas.celery.request import Request
from polyrhythm.dialects.canvas.celery.results import AsyncResult, EagerResult
from polyrhythm.dialects.canvas.celery.signature import CelerySignature
from polyrhythm.dialects.canvas.celery.task import CeleryTask, TaskPlan
from polyrhythm.dialects.canvas.plan import result_type
from polyrhythm.dialects.canvas.problem import Problem
from polyrhythm.dialects.canvas.signature import Signature
from polyrhythm.sdk.client import blocking
from polyrhythm.sdk.client.session import new_id
from polyrhythm.sdk.declare.task import Task
from polyrhythm.sdk.declare.verbs import define_task
from polyrhythm.sdk.errors import MisuseError

ERRBACK = "polyrhythm.celery.errback"
# Settings of a task that mean nothing here: what they ask for is always so, or is never.
IGNORED = frozenset(
    """ignore_result acks_late reject_on_worker_lost track_started serializer compression typing
    store_errors_even_if_ignored acks_on_failure_or_timeout throws trail send_events shared lazy
    result_serializer pydantic""".split()
)


class Application(Protocol):
    """What is needed of an App."""

    plan: Any
    registry: Any

    @property
    def session(self) -> Any:
        """What calls are made with; raises MisuseError while it is not open."""
        ...

    @property
    def client(self) -> blocking.Client:
        """Runs by id."""
        ...

    def __enter__(self) -> Any:
        """Open it on a loop in a thread."""
        ...

    def __exit__(self, *error: Any) -> None:
        """Close it."""
        ...


@dataclass(slots=True)
class CeleryConfig:
    """What of Celery's configuration counts. `unused` has what was set and does not."""

    task_always_eager: bool = False
    task_eager_propagates: bool = False
    task_default_queue: str = ""
    task_routes: Mapping[str, Any] = field(default_factory=dict)
    task_time_limit: float = 0.0
    task_soft_time_limit: float = 0.0
    task_default_priority: int | None = None
    task_default_rate_limit: str = ""
    unused: dict[str, Any] = field(default_factory=dict)

    def update(self, values: Mapping[str, Any] | None = None, **named: Any) -> None:
        """Take settings. Raises MisuseError for a beat schedule, which jobs replace."""
        known = {one.name for one in fields(self)} - {"unused"}
        for name, value in {**(values or {}), **named}.items():
            if name == "beat_schedule" and value:
                raise MisuseError("beat_schedule: declare jobs, see docs/jobs.md")
            if name in known:
                setattr(self, name, value)
            else:
                self.unused[name] = value


class CeleryFront:
    """One application; made by `polyrhythm.celery.Celery`."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.conf = CeleryConfig()
        self.tasks: dict[str, CeleryTask] = {}
        self._opening = threading.Lock()
        self.errback: Task[..., Any, Any] = Task(
            define_task(self._call_error_callback, {"name": ERRBACK, "retry": 3}), home=app
        )
        app.registry.add_task(self.errback.definition)

    def __repr__(self) -> str:
        """The application's."""
        return f"<Celery-shaped {self.app!r}>"

    @property
    def main(self) -> str:
        """The name."""
        return str(self.app.name)

    def task(self, function: Callable[..., Any] | None = None, **settings: Any) -> Any:
        """Declare a task: `@app.task`, `@app.task(bind=True, max_retries=5)`."""

        def declare(function: Callable[..., Any]) -> CeleryTask:
            plan = self._plan(function, settings)
            task = CeleryTask(self, function, plan)
            self.app.registry.add_task(task.task.definition)
            self.tasks[plan.name] = task
            return task

        return declare if function is None else declare(function)

    def signature(self, task: CeleryTask, args: Any, kwargs: dict[str, Any]) -> CelerySignature:
        """Return a signature of a task."""
        value: Signature = task.task.s(*args, **task.parameters.join(args, kwargs))
        return self.wrap(self._routed(task.name, value))

    def wrap(self, value: Signature) -> CelerySignature:
        """Return a signature under Celery's names."""
        return CelerySignature(self, value)

    def send_task(
        self, name: str, args: Any = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> AsyncResult | EagerResult:
        """Send a task of this application by its name."""
        if name not in self.tasks:
            known = ", ".join(sorted(self.tasks)) or "none"
            raise MisuseError(f"there is no task {name!r} in this module; there are: {known}")
        return self.tasks[name].apply_async(args, kwargs, **options)

    def send(self, value: Signature, given: tuple[Any, ...]) -> AsyncResult:
        """Start a signature; it is durable when this returns."""
        self.open()
        started = value.start(*given)
        own_id = started.workflow_id if isinstance(started, blocking.Run) else started.task_id
        return AsyncResult(own_id, self, result_type(value))

    def run_eagerly(self, signature: CelerySignature, given: tuple[Any, ...] = ()) -> EagerResult:
        """Run a signature here and now; its exception is kept, or raised if that is configured."""
        value, error = None, None
        try:
            value = run_here(self, signature.value, given)
        except Exception as raised:
            if self.conf.task_always_eager and self.conf.task_eager_propagates:
                raise
            error = raised
        return EagerResult(new_id(), value, error)

    def AsyncResult(self, id: str) -> AsyncResult:  # noqa: A002, N802 - Celery's names
        """Return the result of an id."""
        return AsyncResult(id, self)

    def error_callback(self, callback: CelerySignature) -> Signature:
        """Return what calls an error callback as Celery does."""
        inner = callback.value
        task = inner.task
        if task is None or task.name not in self.tasks or inner.named:
            raise MisuseError("an error callback is the signature of one task, without names")
        value: Signature = self.errback.s(task.name, list(inner.args), inner.immutable)
        return value

    def open(self) -> Application:
        """Return the open application, opened without work in this process if it was not."""
        with self._opening:
            try:
                _ = self.app.session
            except MisuseError:
                self.app.plan.works = False
                self.app.__enter__()
                atexit.register(self.close)
        opened: Application = self.app
        return opened

    def close(self) -> None:
        """Close what `open` has opened."""
        atexit.unregister(self.close)
        self.app.__exit__(None, None, None)
        self.app.plan.works = True

    def config_from_object(self, source: Any, namespace: str = "") -> None:
        """Take settings from an object's attributes or a mapping, behind a prefix if it is said."""
        values = source if isinstance(source, Mapping) else vars(source)
        prefix = f"{namespace}_" if namespace else ""
        self.conf.update(
            {
                name.removeprefix(prefix).lower(): value
                for name, value in values.items()
                if name.startswith(prefix) and not name.startswith("__")
            }
        )

    def _plan(self, function: Callable[..., Any], settings: Mapping[str, Any]) -> TaskPlan:
        known = {one.name for one in fields(TaskPlan)}
        unknown = sorted(set(settings) - known - IGNORED)
        if unknown:
            raise MisuseError(f"@app.task has no {', '.join(unknown)} here; see docs/celery.md")
        given = {
            name: value for name, value in settings.items() if name in known and value is not None
        }
        if "max_retries" in settings:
            given["max_retries"] = settings["max_retries"]
        for name in ("autoretry_for", "dont_autoretry_for"):
            given[name] = tuple(given.get(name, ()))
        conf = self.conf
        # A module that is run as a program has tasks of the same names as where it is imported.
        module = self.main if function.__module__ == "__main__" else function.__module__
        given.setdefault("name", f"{module}.{function.__name__}")
        given.setdefault("time_limit", conf.task_time_limit)
        given.setdefault("soft_time_limit", conf.task_soft_time_limit)
        rate = given.get("rate_limit", conf.task_default_rate_limit)
        given["rate_limit"] = f"{rate}/s" if isinstance(rate, int | float) else rate
        return TaskPlan(**given)

    def _routed(self, name: str, value: Signature) -> Signature:
        changes: dict[str, Any] = {}
        if not self.tasks[name].plan.queue:
            queue = self.conf.task_default_queue
            for pattern, route in dict(self.conf.task_routes).items():
                if fnmatch.fnmatchcase(name, pattern):
                    queue = route if isinstance(route, str) else route.get("queue", queue)
                    break
            if queue:
                changes["queue"] = queue
        wrapped = self.wrap(value)
        priority = self.tasks[name].plan.priority
        if priority is None:
            priority = self.conf.task_default_priority
        return wrapped.set(**changes, priority=priority).value

    def _call_error_callback(
        self, problem: Problem, name: str, args: list[Any], immutable: bool
    ) -> None:
        """Call an error callback with what it takes: (request, exc, traceback), or the id."""
        task = self.tasks[name]
        request = Request(id=problem.canvas, task=problem.task, root_id=problem.canvas)
        error = Exception(f"{problem.type}: {problem.message}")
        wanted = len(task.parameters.signature.names) - len(args)
        given: dict[int, tuple[Any, ...]] = {0: (), 1: (problem.canvas,)}
        front = () if immutable else given.get(wanted, (request, error, problem.message)[:wanted])
        task(*front, *args)
