"""Hosts a lane on an event loop: turns run on the loop, only the commit runs in a thread.

Measured best for a server and for programs that live on a loop: no call crosses a thread, the
loop is held up for one stretch of a turn at a time, and the inbox of the next turn fills while the
commit waits for the disk. One turn is in flight at any moment.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from polyrhythm.base.errors import LaneLost, StoreError
from polyrhythm.engine.calls import Call
from polyrhythm.engine.lane import Lane, Progress

LOG = logging.getLogger("polyrhythm.host")

# After a failed commit the store gets this long before the next try, doubled up to the maximum.
PAUSE_S_MIN = 0.05
PAUSE_S_MAX = 2.0
# When turns write several runs each, calls come faster than commits: waiting this long before a
# turn gathers more of them into one commit. At 100 workflows in flight over gRPC it takes the
# turns a workflow from 3.4 to about 1. One workflow at a time never waits: its turns write one run.
# A turn that has its fill already (every call of a program in process is there) never waits.
GATHER_S = 0.004
GATHER_RUNS = 1.5
GATHER_CALLS = 16
# A loop is held up for no longer than this by one stretch of a turn, if workflow code does not.
STRETCH_S = 0.004
# Weight of the newest turn in the mean number of runs a turn writes.
GATHER_WEIGHT = 0.1


class LoopHost:
    """Drives one lane from the running loop."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._executor = ThreadPoolExecutor(1, "polyrhythm-commit")
        self._closing = False
        self._runs_mean = 1.0
        self._task = self._loop.create_task(self._run())

    def submit(self, call: Call) -> None:
        """Hand a call to the lane; must be called on the host's loop."""
        self._lane.submit(call)
        self._wake.set()

    def nudge(self) -> None:
        """Take a turn; must be called on the host's loop."""
        self._wake.set()

    def now_ns(self) -> int:
        """Return the wall clock: deadlines are moments that outlive this process."""
        return time.time_ns()

    async def stop(self) -> None:
        """Finish the turn in flight, refuse what waits, and stop."""
        self._closing = True
        self._wake.set()
        await self._task
        self._executor.shutdown()

    @property
    def _gathers(self) -> bool:
        """Whether calls come over a wire: those of a worker in this process wait for the commit
        that is on its way, which gathers them by itself."""
        return not self._lane.memory.residents

    @property
    def task(self) -> asyncio.Task[None]:
        """Ends when the host was stopped or its lane was lost."""
        return self._task

    async def _run(self) -> None:
        try:
            await self._drive()
        finally:
            # However it ends: whoever waits is told.
            self._lane.close("the server is shutting down")

    async def _drive(self) -> None:
        lane = self._lane
        pause_s = PAUSE_S_MIN
        while not lane.lost:
            if not lane.busy:
                await self._rest()
            if self._gathers and self._runs_mean >= GATHER_RUNS and lane.waiting < GATHER_CALLS:
                await asyncio.sleep(0 if self._closing else GATHER_S)
            if self._closing:
                break
            self._wake.clear()
            progress = lane.begin(time.time_ns())
            await self._decide(progress)
            error = await self._commit(progress)
            if error is None:
                lane.perform(progress)
                pause_s = PAUSE_S_MIN
            else:
                LOG.error("commit failed: %s", error)
                lane.abort(progress, error)
                if not isinstance(error, LaneLost):
                    await asyncio.sleep(pause_s)
                    pause_s = min(2 * pause_s, PAUSE_S_MAX)

    async def _decide(self, progress: Progress) -> None:
        began = time.perf_counter()
        while self._lane.decide(progress):
            self._lane.activate(progress)
            if time.perf_counter() - began > STRETCH_S:
                # Between two stretches everything else on the loop gets its turn.
                await asyncio.sleep(0)
                began = time.perf_counter()

    async def _commit(self, progress: Progress) -> StoreError | None:
        runs = self._lane.writes(progress)
        if not runs:
            return None
        self._runs_mean += GATHER_WEIGHT * (runs - self._runs_mean)
        try:
            await self._loop.run_in_executor(self._executor, self._lane.commit, progress)
        except StoreError as error:
            return error
        return None

    async def _rest(self) -> None:
        due_s = (self._lane.next_ns() - time.time_ns()) / 1e9
        if due_s <= 0:
            return
        timer = self._loop.call_later(min(due_s, 3600.0), self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
