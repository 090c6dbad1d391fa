"""From blocking code to the application's event loop.

A call that waits is refused where it would stop an event loop, a workflow's included: there its
twin under `.aio` is awaited.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, Protocol, TypeVar

from polyrhythm.sdk.errors import MisuseError

T = TypeVar("T")


class Portal(Protocol):
    """Runs coroutines on a loop that another thread drives."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it there and wait; raises what it raises."""
        ...


def block(portal: Portal, coroutine: Coroutine[Any, Any, T], name: str) -> T:
    """Run a coroutine through the portal. Raises MisuseError on a running loop."""
    if asyncio._get_running_loop() is not None:
        coroutine.close()
        raise _misuse(name)
    return portal.run(coroutine)


def step(portal: Portal, values: AsyncIterator[T], name: str) -> Iterator[T]:
    """Every value of an async iterator, one by one."""
    while True:
        try:
            value = block(portal, _next(values), name)
        except StopAsyncIteration:
            return
        yield value


async def _next(values: AsyncIterator[T]) -> T:
    return await values.__anext__()


def _misuse(name: str) -> MisuseError:
    verb = name.rpartition(".")[2]
    return MisuseError(
        f"{name}() waits, and would stop the event loop it is called on: write"
        f" `await ....aio.{verb}(...)` there; in a workflow, use a task or a child instead"
    )
