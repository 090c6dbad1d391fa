"""Ends tasks of the loop for certain.

Clients of brokers turn a cancellation that meets them while they connect into an error of their
own, after which whoever asks again would go on for ever; so it is repeated until it has its effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

REPEAT_S = 0.5


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until each of them has ended."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=REPEAT_S)
