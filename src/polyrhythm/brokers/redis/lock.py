"""The lock that Go workers take before they send a chord's callback: one for a whole database.

It is the protocol of the library they use: a key with a random value that expires, set only where
there is none, and deleted only by who set it.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from polyrhythm.brokers.errors import BrokerDown
from polyrhythm.brokers.redis.connect import mapped
from polyrhythm.brokers.redis.scripts import UNLOCK

KEY = "TriggerChordMutex"
EXPIRES_MS = 8000
TRIES = 32
WAIT_S = (0.05, 0.25)


@asynccontextmanager
async def chord_lock(client: Any) -> AsyncIterator[None]:
    """Hold the lock. Raises BrokerDown when others keep it."""
    value = secrets.token_urlsafe(16)
    with mapped("lock a chord"):
        for _ in range(TRIES):
            if await client.set(KEY, value, nx=True, px=EXPIRES_MS):
                break
            await asyncio.sleep(random.uniform(*WAIT_S))
        else:
            raise BrokerDown(f"others keep {KEY} locked")
    try:
        yield
    finally:
        with mapped("unlock a chord"):
            await client.eval(UNLOCK, 1, KEY, value)
