"""Sends the answers of a worker, again and again while the service is away.

An answer that is sent twice is refused the second time as not found, and so is one whose task has
timed out meanwhile; both are the end of it. Polls have their own rhythm in `pollers.py`.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time

from google.protobuf.message import Message

from polyrhythm.base.errors import (
    Aborted,
    DeadlineExceeded,
    NotFound,
    PolyrhythmError,
    ResourceExhausted,
    Unavailable,
)
from polyrhythm.sdk.link import WORKFLOW_SERVICE, Link

LOG = logging.getLogger("polyrhythm.worker")

AWAY = (Unavailable, DeadlineExceeded, ResourceExhausted, Aborted)
CALL_S = 10.0
PAUSE_S_MIN = 0.02
PAUSE_S_MAX = 2.0


def pause_s(tries: int) -> float:
    """Return how long to wait after a try that failed: doubling, with jitter, bounded."""
    full = min(PAUSE_S_MIN * 2.0 ** min(tries, 16), PAUSE_S_MAX)
    return full * random.uniform(0.5, 1.0)


class Answers:
    """Calls of one worker that must arrive."""

    def __init__(self, link: Link, answer_s: float) -> None:
        self._link = link
        self._answer_s = answer_s

    async def send(
        self, method: str, request: Message, service: str = WORKFLOW_SERVICE
    ) -> Message | None:
        """Deliver a request; None when nobody waits for it any more.

        Raises an error of `base.errors` when the service refuses it, or stays away too long.
        """
        began, tries = time.monotonic(), 0
        while True:
            try:
                return await self._link.call(service + method, request, CALL_S)
            except NotFound as error:
                LOG.debug("%s: %s", method, error)
                return None
            except AWAY as error:
                if time.monotonic() - began > self._answer_s:
                    raise
                LOG.debug("%s is tried again: %s", method, error)
            await asyncio.sleep(pause_s(tries))
            tries += 1

    async def send_or_log(self, method: str, request: Message) -> Message | None:
        """Deliver a request; what cannot be delivered is logged, and its task times out."""
        try:
            return await self.send(method, request)
        except PolyrhythmError as error:
            LOG.error("%s was not taken: %s: %s", method, error.code, error)
            return None
