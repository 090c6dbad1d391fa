"""Keeps an application at work: its worker at whoever owns its runs now.

In the process that owns the file the worker stands inside the engine; attached to another process,
or at a service on another machine, it polls. When the file changes hands the worker moves, and what
it has in hand is answered to the new owner.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from polyrhythm.app.switch_link import SwitchLink
from polyrhythm.sdk.worker import Progress, Worker

LOG = logging.getLogger("polyrhythm.app")

PAUSE_S = 0.1


class Crew:
    """One worker and the link it works through."""

    def __init__(self, worker: Worker, link: SwitchLink) -> None:
        self._worker = worker
        self._link = link
        # Set once the worker has taken its place for the first time.
        self.at_work = asyncio.Event()

    @property
    def progress(self) -> Progress:
        """What the worker has done and is doing."""
        return self._worker.attempts.progress

    @property
    def busy(self) -> bool:
        """Whether the worker has anything in hand."""
        return self._worker.busy

    async def run(self) -> None:
        """Work until cancelled. Raises what the service refuses for good."""
        while True:
            changed, target = self._link.changed, self._link.target
            if target is None:
                await changed.wait()
                continue
            self._worker.check(target)
            if target.traits.hosts_workers:
                await self._stand(target, changed)
            else:
                await self._poll(changed)

    async def stop(self) -> None:
        """Finish what is in hand, in bounded time."""
        await self._worker.stop()

    async def _stand(self, service: Any, changed: asyncio.Event) -> None:
        self._worker.move_in(service)
        self.at_work.set()
        try:
            await changed.wait()
        finally:
            self._worker.move_out(service)

    async def _poll(self, changed: asyncio.Event) -> None:
        moved = asyncio.ensure_future(changed.wait())
        polling = asyncio.ensure_future(self._worker.poll())
        self.at_work.set()
        try:
            await asyncio.wait([moved, polling], return_when=asyncio.FIRST_COMPLETED)
        finally:
            moved.cancel()
            polling.cancel()
            await asyncio.wait([polling])
        if not polling.cancelled() and (error := polling.exception()) is not None:
            if not changed.is_set():
                raise error
            # The owner went away in the middle of a poll; whoever is next will be asked.
            LOG.debug("polls ended with the owner of the file: %s", error)
            await asyncio.sleep(PAUSE_S)
