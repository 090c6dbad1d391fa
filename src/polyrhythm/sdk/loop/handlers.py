"""The handlers of a run: declared as methods of its class, or set by its code as it goes.

They are looked up by kind and name, then by kind and "*", which gets the name as its first
argument. Handlers that have not ended when the run does are named in a warning.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from polyrhythm.sdk.definitions import HandlerKind, Signature, WorkflowDefinition
from polyrhythm.sdk.loop.futures import DurableTask
from polyrhythm.sdk.loop.passing import Fields, around_handler

if TYPE_CHECKING:
    from polyrhythm.sdk.loop.context import Context

ANY_NAME = "*"


class Handler:
    """Who answers messages of one kind and name."""

    __slots__ = ("function", "is_any", "is_async", "kind", "signature", "validator")

    def __init__(
        self,
        kind: HandlerKind,
        function: Callable[..., Any],
        signature: Signature,
        validator: Callable[..., Any] | None = None,
    ) -> None:
        self.kind = kind
        self.function = function
        self.signature = signature
        self.validator = validator
        self.is_any = False
        self.is_async = asyncio.iscoroutinefunction(function)


class Handlers:
    """All handlers of a run, and those that are at work."""

    __slots__ = ("_context", "_table", "running")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._table: dict[tuple[HandlerKind, str], Handler] = {}
        self.running: dict[DurableTask[Any], tuple[HandlerKind, str]] = {}

    def bind(self, definition: WorkflowDefinition, instance: object | None) -> None:
        """Take the declared handlers, for the object of a class workflow."""
        for (kind, name), declared in definition.handlers.items():
            function, validator = declared.function, declared.validator
            bound = function if instance is None else _bind(function, instance)
            check = validator
            if validator is not None and instance is not None:
                check = _bind(validator, instance)
            self.set(name, Handler(kind, bound, declared.signature, check))

    def set(self, name: str, handler: Handler) -> None:
        """Set or replace a handler."""
        handler.is_any = name == ANY_NAME
        self._table[handler.kind, name] = handler

    def remove(self, kind: HandlerKind, name: str) -> None:
        """Remove a handler, if there is one."""
        self._table.pop((kind, name), None)

    def find(self, kind: HandlerKind, name: str) -> Handler | None:
        """Return who answers a message."""
        table = self._table
        return table.get((kind, name)) or table.get((kind, ANY_NAME))

    def names(self, kind: HandlerKind) -> list[str]:
        """Return the names of a kind that are answered."""
        return sorted(name for one, name in self._table if one is kind)

    def run(
        self, handler: Handler, name: str, args: list[Any], fields: Fields
    ) -> DurableTask[Any] | None:
        """Begin a signal's handler; its task if it is async, or has interceptors around it."""
        loop = self._context.loop
        intercepted = bool(self._context.settings.chain.messages)
        if not handler.is_async and not intercepted:
            loop.call_soon(handler.function, *args, context=contextvars.Context())
            return None
        if intercepted:
            work = around_handler(self._context, handler, name, args, fields)
        else:
            work = handler.function(*args)
        task = loop.spawn(work, f"signal-{name}", contextvars.Context())
        self.watch(task, handler.kind, name)
        task.add_done_callback(self._report)
        return task

    def watch(self, task: DurableTask[Any], kind: HandlerKind, name: str) -> None:
        """Count a handler as at work until its task has ended."""
        self.running[task] = (kind, name)
        task.add_done_callback(self._forget)

    def _forget(self, task: Any) -> None:
        self.running.pop(task, None)

    def _report(self, task: Any) -> None:
        if not task.cancelled():
            error = task.exception()
            if error is not None:
                self._context.report(error)


def _bind(function: Callable[..., Any], instance: object) -> Callable[..., Any]:
    bind = getattr(function, "__get__", None)
    return partial(function, instance) if bind is None else bind(instance, type(instance))
