"""Many things at once: all results in order, the first failure ends the rest, bounded if asked.

Unlike asyncio's function nothing is left running behind a failure: the others are cancelled and
have ended before the error is raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from polyrhythm.sdk.errors import MisuseError

T = TypeVar("T")
R = TypeVar("R")


async def gather(*works: Awaitable[Any]) -> list[Any]:
    """Return the results of all works, in their order; the first failure cancels the others."""
    tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(work) for work in works]
    return await _all(tasks)


async def each(
    function: Callable[[T], Awaitable[R]], items: Iterable[T], limit: int = 0
) -> list[R]:
    """Call `function` for every item and return the results in order of the items.

    At most `limit` at a time (0: all at once). The first failure cancels the others.
    """
    if limit < 0:
        raise MisuseError("the limit of each() is 0 or more")
    if not limit:
        return await _all([asyncio.ensure_future(function(item)) for item in items])
    room = asyncio.Semaphore(limit)

    async def one(item: T) -> R:
        async with room:
            return await function(item)

    return await _all([asyncio.ensure_future(one(item)) for item in items])


async def _all(tasks: list[asyncio.Future[R]]) -> list[R]:
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
