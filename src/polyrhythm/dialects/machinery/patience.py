"""Doing something until it works, while what it needs may be away.

Pauses grow, so that nothing is hammered; the first failure and the recovery are said, no more.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from polyrhythm.base.errors import Aborted, DeadlineExceeded, ResourceExhausted, Unavailable
from polyrhythm.brokers.errors import BrokerDown

T = TypeVar("T")
LOG = logging.getLogger("polyrhythm.machinery")
PAUSE_S_MIN = 0.1
PAUSE_S_MAX = 10.0
# Of brokers, and of the App's own service.
AWAY = (BrokerDown, Unavailable, ResourceExhausted, Aborted, DeadlineExceeded)


async def patiently(work: Callable[[], Awaitable[T]], what: str) -> T:
    """Return what `work` returns, asked again with growing pauses for as long as it is away."""
    pause_s = PAUSE_S_MIN
    while True:
        try:
            result = await work()
        except AWAY as error:
            if pause_s == PAUSE_S_MIN:
                LOG.warning("%s: %s; it is tried until it works", what, error)
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, PAUSE_S_MAX)
        else:
            if pause_s > PAUSE_S_MIN:
                LOG.warning("%s: it works again", what)
            return result
