"""What workflow code of these tests is made of: definitions without decorators, verbs, errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from polyrhythm.sdk.definitions import (
    HandlerKind,
    Signature,
    TaskDefinition,
    TaskKind,
    TaskOptions,
    WorkflowDefinition,
)
from polyrhythm.sdk.loop import Context, Handler, current

# In workflow code a durable timer; nothing of a test waits for it.
SLEEP = asyncio.sleep


class Again(Exception):
    """Raised by a local task's function: to be run again after a long wait."""

    def __init__(self, delay_s: float) -> None:
        super().__init__("again")
        self.delay_s = delay_s


class Held(Exception):
    """Raised by a task's function: its attempt stays open."""


def anything(count: int = 0) -> Signature:
    """A signature of so many parameters of any type."""
    names = tuple(f"p{i}" for i in range(count))
    return Signature(names, (Any,) * count)


def task_of(function: Callable[..., Any], count: int = 1, **options: Any) -> TaskDefinition:
    """A task's definition; its function is called in the test's process."""
    signature = anything(count)
    return TaskDefinition(
        function.__name__, function, TaskKind.LOOP, signature, TaskOptions(**options)
    )


def workflow_of(run: Callable[..., Any], count: int = 0, **handlers: Any) -> WorkflowDefinition:
    """A function workflow's definition."""
    return WorkflowDefinition(run.__name__, run, anything(count), **handlers)


def ctx() -> Context:
    """The run whose code this is."""
    context = current()
    assert context is not None
    return context


def call(definition: TaskDefinition, *args: Any, **options: Any) -> Any:
    """Schedule a task, as Task.__call__ will."""
    chosen = TaskOptions(**options) if options else definition.options
    return ctx().schedule_task(definition, chosen, args)


def call_local(definition: TaskDefinition, *args: Any) -> Any:
    return ctx().start_local_task(definition, definition.options, args)


def answer_updates(name: str, function: Callable[..., Any], count: int = 1, **more: Any) -> None:
    """Set an update's handler from workflow code."""
    ctx().set_handler(name, Handler(HandlerKind.UPDATE, function, anything(count), **more))
