"""Futures and tasks of a run: asyncio's own, with an order and a say in their cancellation.

A set of asyncio tasks iterates by address, which differs from replay to replay; TaskGroup, wait and
as_completed all keep such sets. Here a hash is a number counted in the run, beside a salt of the
run that keeps asyncio's set of all tasks of the process from colliding.

`on_cancel` decides what cancelling a wait does: it sends what has to be sent, and answers whether
the wait ends at once or goes on until the other side has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context as Variables
from typing import Any, TypeVar

T = TypeVar("T")


class DurableFuture(asyncio.Future[T]):
    """What a verb returns: resolved by an event of the history."""

    __slots__ = ("number", "on_cancel")

    def __init__(self, loop: Any, number: int, on_cancel: Callable[[], bool] | None) -> None:
        self.number = number
        self.on_cancel = on_cancel
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        """Return the number of the future, the same in every replay."""
        return self.number

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel the wait, or ask for it, as `on_cancel` says."""
        if self.on_cancel is not None and not self.done() and not self.on_cancel():
            return True
        return super().cancel(msg)

    def end_cancelled(self) -> None:
        """Cancel the wait: the other side has ended."""
        super().cancel()

    def let_fail(self, error: BaseException) -> None:
        """Set an exception that nobody has to look at: it is in the history as well."""
        self.set_exception(error)
        self._log_traceback = False


class DurableTask(asyncio.Task[T]):
    """A coroutine of the run."""

    __slots__ = ("number",)

    def __init__(
        self,
        coro: Coroutine[Any, Any, T],
        loop: Any,
        number: int,
        name: str,
        variables: Variables | None,
    ) -> None:
        self.number = number
        super().__init__(coro, loop=loop, name=name, context=variables)

    def __hash__(self) -> int:
        """Return the number of the task, the same in every replay."""
        return self.number
