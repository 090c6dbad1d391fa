"""The decorators `task` and `workflow`, with all their shapes for type checkers.

Bare and called, on coroutines, plain functions and classes. A decorator makes a definition and
hands it to a `Home`: the application, which keeps definitions, knows the service, and runs them.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from typing_extensions import Unpack

from polyrhythm.sdk.declare.home import Home
from polyrhythm.sdk.declare.methods import handlers_of
from polyrhythm.sdk.declare.registry import Registry
from polyrhythm.sdk.declare.signature import signature_of
from polyrhythm.sdk.declare.task import Task
from polyrhythm.sdk.declare.workflow import Workflow
from polyrhythm.sdk.definitions import (
    TaskDefinition,
    TaskKind,
    TaskOptions,
    WorkflowDefinition,
    WorkflowOptions,
)
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.settings import TaskSettings, WorkflowSettings, task_options, workflow_options

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
C = TypeVar("C")


class Runnable(Protocol[P, R_co]):
    """A workflow class: `run` is what a run does."""

    def run(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]:
        """Do everything, from the first task to the result."""
        ...


class TaskDecorator(Protocol):
    """What `@app.task(...)` returns."""

    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> Task[P, R, Coroutine[Any, Any, R]]: ...

    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R, R]: ...


class WorkflowDecorator(Protocol):
    """What `@app.workflow(...)` returns."""

    @overload
    def __call__(self, cls: type[Runnable[P, R]], /) -> Workflow[P, R]: ...

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Workflow[P, R]: ...


class TaskVerb:
    """`@app.task` and `@app.task(...)`."""

    __slots__ = ("_home", "_registry")

    def __init__(self, registry: Registry, home: Home) -> None:
        self._registry = registry
        self._home = home

    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> Task[P, R, Coroutine[Any, Any, R]]: ...

    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R, R]: ...

    @overload
    def __call__(self, **settings: Unpack[TaskSettings]) -> TaskDecorator: ...

    def __call__(self, function: Any = None, **settings: Any) -> Any:
        """Declare a task."""

        def declare(function: Any) -> Any:
            remote = settings.get("remote", False)
            definition = define_task(function, settings)
            self._registry.add_task(definition, remote)
            return Task(definition, home=self._home)

        return declare if function is None else declare(function)


class WorkflowVerb:
    """`@app.workflow` and `@app.workflow(...)`."""

    __slots__ = ("_home", "_registry")

    def __init__(self, registry: Registry, home: Home) -> None:
        self._registry = registry
        self._home = home

    @overload
    def __call__(self, cls: type[Runnable[P, R]], /) -> Workflow[P, R]: ...

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Workflow[P, R]: ...

    @overload
    def __call__(self, **settings: Unpack[WorkflowSettings]) -> WorkflowDecorator: ...

    def __call__(self, function: Any = None, **settings: Any) -> Any:
        """Declare a workflow."""

        def declare(function: Any) -> Any:
            remote = settings.get("remote", False)
            definition = define_workflow(function, settings)
            self._registry.add_workflow(definition, remote)
            return Workflow(definition, self._home)

        return declare if function is None else declare(function)


def define_task(function: Callable[..., Any], settings: Mapping[str, Any]) -> TaskDefinition:
    """Return the definition of a task. Raises MisuseError for what cannot be one."""
    changes: dict[str, Any] = dict(settings)
    changes.pop("remote", None)
    process = changes.pop("process", False)
    name = changes.pop("name", "") or _name_of(function, "task")
    is_coroutine = asyncio.iscoroutinefunction(inspect.unwrap(function))
    if isinstance(function, type) or not callable(function):
        raise MisuseError(f"@app.task decorates a function, not {function!r}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise MisuseError(f"task {name!r} yields: return a list, or send each part by a heartbeat")
    if process and is_coroutine:
        raise MisuseError(f"task {name!r}: process=True runs a plain function, not a coroutine")
    kind = TaskKind.PROCESS if process else TaskKind.LOOP if is_coroutine else TaskKind.THREAD
    options = task_options(TaskOptions(), changes)
    return TaskDefinition(name, function, kind, signature_of(function), options)


def define_workflow(target: Any, settings: Mapping[str, Any]) -> WorkflowDefinition:
    """Return the definition of a workflow function or class. Raises MisuseError."""
    changes: dict[str, Any] = dict(settings)
    changes.pop("remote", None)
    name = changes.pop("name", "") or _name_of(target, "workflow")
    is_class = isinstance(target, type)
    run = getattr(target, "run", None) if is_class else target
    if not asyncio.iscoroutinefunction(run):
        wanted = "has a method `async def run(self, ...)`" if is_class else "is an `async def`"
        raise MisuseError(f"a workflow {wanted}; {name!r} does not, so it could not wait durably")
    assert run is not None
    return WorkflowDefinition(
        name=name,
        run=run,
        signature=signature_of(run, method=is_class),
        factory=target if is_class else None,
        handlers=handlers_of(target) if is_class else {},
        options=workflow_options(WorkflowOptions(), changes),
    )


def _name_of(target: Any, what: str) -> str:
    name = getattr(target, "__name__", "")
    if not name or name == "<lambda>":
        raise MisuseError(f"{target!r} has no name: give the {what} one, as in name='...'")
    return str(name)
