"""Cancellation: scopes that can be cancelled from outside, and work that must not be.

A scope cancels what runs inside its block and ends there; cancellation of the whole workflow goes
through it. Shielded work runs to its end first and lets the cancellation through after it. Both
are plain asyncio underneath: `asyncio.timeout` and `TaskGroup` nest with them as expected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, TypeVar

from polyrhythm.base.durations import Span, parse_span
from polyrhythm.sdk.errors import MisuseError

T = TypeVar("T")


class Scope:
    """A block that can be cancelled: `async with wf.scope() as scope: ...; scope.cancel()`.

    `cancelled` tells afterwards whether the block was cut short.
    """

    __slots__ = ("_asked", "_limit_s", "_task", "_timer", "cancelled")

    def __init__(self, limit_s: float = 0.0) -> None:
        self.cancelled = False
        self._asked = False
        self._limit_s = limit_s
        self._task: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """Cancel what runs in the block; before it begins, its first wait."""
        if self._asked:
            return
        self._asked = True
        if self._task is not None:
            self._task.cancel()

    async def __aenter__(self) -> Scope:
        """Begin the block in the running coroutine."""
        if self._task is not None:
            raise MisuseError("a scope is entered once")
        self._task = asyncio.current_task()
        assert self._task is not None
        if self._asked:
            self._task.cancel()
        elif self._limit_s:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._limit_s, self.cancel)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """End the block; its own cancellation ends here, anybody else's goes on."""
        task, self._task = self._task, None
        if self._timer is not None:
            self._timer.cancel()
        if not self._asked:
            return False
        assert task is not None
        others = task.uncancel()
        self.cancelled = isinstance(error, asyncio.CancelledError)
        return self.cancelled and others == 0


def scope(timeout: Span = 0) -> Scope:
    """Return a block that ends quietly when it is cancelled or `timeout` is over."""
    return Scope(parse_span(timeout))


async def shielded(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, whatever is cancelled meanwhile, and return its result.

    A cancellation that came in between is raised after it; the work's own error comes first.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    result = task.result()
    if cancelled is not None:
        raise cancelled
    return result
