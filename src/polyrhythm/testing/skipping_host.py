"""Drives a lane under a clock that skips: what waits for nothing but time does not wait.

While it is locked the clock goes as the wall clock does. Locks are a count: those of clients,
and one for each workflow task that is not answered, each activity that is not closed and does not
back off, and the queries in flight. When the count is nothing the clock jumps to the next deadline
of a run, or to the end of a `sleep`; when there is neither it goes on as the wall clock does. These
are the rules of the Java SDK's test server (its `SelfAdvancingTimer`), which other SDKs' time
skipping environments count on. Calls that wait count their time by the wall clock: jumps move them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from heapq import heappop, heappush

from temporalio.api.testservice.v1 import SleepResponse

from polyrhythm.base.errors import FailedPrecondition, StoreError, Unavailable
from polyrhythm.core.decide.activity_attempt import backs_off
from polyrhythm.core.state import RunState
from polyrhythm.engine.calls import Call
from polyrhythm.engine.lane import Lane
from polyrhythm.engine.reply import Reply
from polyrhythm.engine.turn import Turn

LOG = logging.getLogger("polyrhythm.skipping")

# The longest rest without a look; the wall clock may be set.
REST_S_MAX = 3600.0


class SkippingHost:
    """Drives one lane, kept in memory, from the running loop; see `engine.host_loop.LoopHost`."""

    def __init__(self, lane: Lane, locks: int) -> None:
        self._lane = lane
        # How far the clock is ahead of the wall clock.
        self.offset_ns = 0
        # Held by clients; below 0 when one unlocks from within an activity, whose own lock counts.
        self._locks = locks
        self._held: dict[int, int] = {}
        # Clients that sleep: until when, a number, whether the clock is locked then.
        self._sleeps: list[tuple[int, int, bool, Reply]] = []
        self._slept = 0
        self._wake = asyncio.Event()
        self._closing = False
        self._task = asyncio.get_running_loop().create_task(self._run())

    def submit(self, call: Call) -> None:
        """Hand a call to the lane; must be called on the host's loop."""
        self._lane.submit(call)
        self._wake.set()

    def nudge(self) -> None:
        """Take a turn; must be called on the host's loop."""
        self._wake.set()

    def now_ns(self) -> int:
        """Return the clock's time."""
        return time.time_ns() + self.offset_ns

    async def stop(self) -> None:
        """Finish the turn in flight, refuse what waits, and stop."""
        self._closing = True
        self._wake.set()
        await self._task

    @property
    def task(self) -> asyncio.Task[None]:
        """Ends when the host was stopped."""
        return self._task

    @property
    def locked(self) -> bool:
        """Whether the clock goes as the wall clock does."""
        queried = self._lane.memory.queries.waited_for
        return self._locks + sum(self._held.values()) + queried > 0

    def lock(self) -> None:
        """Stop skipping, until as many unlocks have come."""
        self._locks += 1

    def unlock(self) -> None:
        """Take a lock back. Raises FailedPrecondition when there is none."""
        if not self.locked:
            raise FailedPrecondition("time skipping is not locked: more unlocks than locks")
        self._locks -= 1
        self._wake.set()

    def sleep_until(self, until_ns: int, locks: bool = False) -> Reply:
        """Return a reply that comes when the clock is there; `locks`: the clock is locked then."""
        reply = Reply()
        self._slept += 1
        heappush(self._sleeps, (until_ns, self._slept, locks, reply))
        self._wake.set()
        return reply

    async def _run(self) -> None:
        try:
            while not self._closing:
                if not self._lane.busy:
                    await self._rest()
                self._wake.clear()
                self._turn()
                # Whoever was answered gets to say more before the clock jumps.
                await asyncio.sleep(0)
        finally:
            self._lane.close("the test server is shutting down")
            for *_, reply in self._sleeps:
                reply.fail(Unavailable("the test server is shutting down"))

    def _turn(self) -> None:
        lane = self._lane
        progress = lane.begin(self.now_ns())
        while lane.decide(progress):
            lane.activate(progress)
        try:
            if lane.writes(progress):
                lane.commit(progress)
        except StoreError as error:
            LOG.error("commit failed: %s", error)
            lane.abort(progress, error)
            return
        self._count(progress.desk.turn)
        lane.perform(progress)

    def _count(self, turn: Turn) -> None:
        """Count the locks of the runs that a turn has touched."""
        for key, run in turn.touched.items():
            self._held[key] = locks_of(run.state, turn.now_ns)
        for key in turn.deleted:
            self._held.pop(key, None)

    async def _rest(self) -> None:
        """Wait for the next turn; let the clock jump when it may."""
        while not (self._wake.is_set() or self._closing):
            self._end_sleeps()
            if not self.locked and self._skip():
                continue
            now_ns = self.now_ns()
            due_ns = min([self._lane.next_ns(), *(until_ns for until_ns, *_ in self._sleeps[:1])])
            if due_ns <= now_ns:
                return
            delay_s = min((due_ns - now_ns) / 1e9, REST_S_MAX)
            timer = asyncio.get_running_loop().call_later(delay_s, self._wake.set)
            await self._wake.wait()
            timer.cancel()

    def _skip(self) -> bool:
        """Jump to whatever comes first; False when nothing waits for a later time."""
        due = self._lane.memory.world.store.scan_due((0, 0), 1)
        times_ns = [due_ns for due_ns, _ in due] + [until_ns for until_ns, *_ in self._sleeps[:1]]
        span_ns = min(times_ns, default=0) - self.now_ns()
        if span_ns <= 0:
            return False
        self.offset_ns += span_ns
        self._lane.memory.waiters.shift(span_ns)
        return True

    def _end_sleeps(self) -> None:
        now_ns = self.now_ns()
        while self._sleeps and self._sleeps[0][0] <= now_ns:
            _, _, locks, reply = heappop(self._sleeps)
            self._locks += locks
            reply.resolve(SleepResponse())


def locks_of(state: RunState, now_ns: int) -> int:
    """Return how many locks of the clock a run holds."""
    if not state.running:
        return 0
    at_work = sum(not (one.pause or backs_off(one, now_ns)) for one in state.activities.values())
    return at_work + (state.workflow_task is not None)
