"""Drives a lane under a clock that stands still and jumps, for tests of users.

While anything is at work the clock stands. It jumps to the next deadline of a run when nothing is
in hand and somebody waits for a run to change, since only time can bring the answer then; and as
far as `advance` says. Without either it stands, so that whatever a test does between two calls
happens at one moment. Commits are made on the loop: a stage is in memory. A run that can never go
on is given up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from polyrhythm.base.errors import StoreError
from polyrhythm.engine.calls import Call
from polyrhythm.engine.lane import Lane, Progress
from polyrhythm.sdk.errors import MisuseError

LOG = logging.getLogger("polyrhythm.stage")

# Rounds of the loop without a call: whatever was woken by the last turn has had its say.
QUIET_ROUNDS = 8
# Work that ends without a call, as a worker's answered task does, is looked for this often.
LOOK_S = 0.001
# A workflow task of a stage that has failed so often will not succeed.
FAILURES_MAX = 10


@dataclass(slots=True)
class Crashes:
    """Which of the next commits fail, 1 for the very next; 0 for none. Turns that only read make
    no commit.
    """

    before: int = 0
    after: int = 0

    def count(self) -> tuple[bool, bool]:
        """Count a commit; return whether it fails before, and whether after it is made."""
        due = self.before == 1, self.after == 1
        self.before, self.after = max(self.before - 1, 0), max(self.after - 1, 0)
        return due


class StageHost:
    """Drives one lane from the running loop; see `engine.host_loop.LoopHost`."""

    def __init__(
        self, lane: Lane, now_ns: int, is_busy: Callable[[], bool], stuck_s: float | None
    ) -> None:
        self._lane = lane
        self._stuck_s = stuck_s
        self._now_ns = now_ns
        self._is_busy = is_busy
        self._wake = asyncio.Event()
        self._closing = False
        # How far `advance` wants to go, whether work in hand holds it up, and who waits for it.
        self._target_ns = 0
        self._patient = True
        self._arrived: asyncio.Future[None] | None = None
        self.crashes = Crashes()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def submit(self, call: Call) -> None:
        """Hand a call to the lane; must be called on the host's loop."""
        self._lane.submit(call)
        self._wake.set()

    def nudge(self) -> None:
        """Take a turn; must be called on the host's loop."""
        self._wake.set()

    def now_ns(self) -> int:
        """Return the stage's time."""
        return self._now_ns

    async def stop(self) -> None:
        """Finish the turn in flight, refuse what waits, and stop."""
        self._closing = True
        self._wake.set()
        await self._task

    @property
    def task(self) -> asyncio.Task[None]:
        """Ends when the host was stopped."""
        return self._task

    async def advance(self, span_ns: int, patient: bool) -> None:
        """Let time pass, with everything that is due on the way; one call at a time.

        `patient`: each jump waits until nothing is in hand.
        """
        assert self._arrived is None, "two calls of advance at once"
        self._target_ns, self._patient = self._now_ns + span_ns, patient
        self._arrived = asyncio.get_running_loop().create_future()
        self._wake.set()
        try:
            await self._arrived
        finally:
            self._arrived = None

    async def _run(self) -> None:
        try:
            while not self._closing:
                if not self._lane.busy:
                    await self._rest()
                self._wake.clear()
                await self._turn()
        finally:
            self._lane.close("the stage is over")
            if self._arrived is not None and not self._arrived.done():
                self._arrived.cancel()

    async def _turn(self) -> None:
        lane = self._lane
        progress = lane.begin(self._now_ns)
        while lane.decide(progress):
            lane.activate(progress)
        error = self._commit(progress)
        if error is None:
            lane.perform(progress)
        else:
            LOG.info("%s", error)
            lane.abort(progress, error)
        await asyncio.sleep(0)

    def _commit(self, progress: Progress) -> StoreError | None:
        if not self._lane.writes(progress):
            return None
        before, after = self.crashes.count()
        if before:
            return StoreError("the test had this commit fail before it was made")
        try:
            self._lane.commit(progress)
        except StoreError as error:
            return error
        if after:
            return StoreError("the test had this commit fail after it was made")
        return None

    async def _rest(self) -> None:
        """Wait for the next turn; let the clock jump when it may."""
        while not (self._wake.is_set() or self._closing):
            if await self._is_quiet() and self._jump():
                return
            if self._wake.is_set():
                return
            waiting = self._arrived is not None or self._lane.memory.waiters.watching
            if not waiting or not self._is_busy():
                # NOTE: whoever begins to wait does it by a call, and an attempt that ends nudges.
                await self._wait_for_others()
                return
            timer = asyncio.get_running_loop().call_later(LOOK_S, self._wake.set)
            await self._wake.wait()
            timer.cancel()
            if not self._lane.busy:
                self._wake.clear()

    async def _wait_for_others(self) -> None:
        """Wait for a call. Nothing is due: a run that somebody waits for has only that to hope for,
        and is given up when nothing comes."""
        waiters = self._lane.memory.waiters
        try:
            async with asyncio.timeout(self._stuck_s if waiters.watching else None):
                await self._wake.wait()
        except TimeoutError:
            if not self._is_busy():
                why = "no timer, task or child of it is under way, and nobody has signalled it"
                waiters.end_watching(self._stuck(waiters.watched_runs(), why))

    def _stuck(self, keys: list[int], why: str) -> MisuseError:
        names = [_name_of(self._lane.memory.world.cache.get(key)) for key in keys]
        return MisuseError(
            f"{', '.join(names)} can never go on: {why}. On a stage nothing else can happen while a"
            ' test waits; `run.query("__stack_trace")` shows where it is (Stage(..., stuck=None)'
            " waits all the same)"
        )

    def _fails_for_ever(self, key: int) -> bool:
        """Give up a run whose workflow task fails again and again: its code will not change."""
        run = self._lane.memory.world.cache.get(key)
        task = getattr(run.state, "workflow_task", None) if run is not None else None
        if self._stuck_s is None or task is None or task.attempt <= FAILURES_MAX:
            return False
        why = f"its workflow task has failed {task.attempt - 1} times, as the log says"
        self._lane.memory.waiters.end_watching(self._stuck([key], why))
        return True

    async def _is_quiet(self) -> bool:
        for _ in range(QUIET_ROUNDS):
            await asyncio.sleep(0)
            if self._wake.is_set():
                return False
        return not self._is_busy() or (self._arrived is not None and not self._patient)

    def _jump(self) -> bool:
        """Go to the next deadline, or as far as it was asked; False when there is no reason to."""
        lane, arrived = self._lane, self._arrived
        due = lane.memory.world.store.scan_due((0, 0), 1)
        due_ns = due[0][0] if due else 0
        if arrived is not None:
            if due_ns and due_ns <= self._target_ns:
                self._now_ns = max(self._now_ns, due_ns)
                return True
            self._now_ns = self._target_ns
            if not arrived.done():
                arrived.set_result(None)
            # So that what is due by the lane's own reckoning is looked at.
            self._arrived = None
            return True
        if due_ns and lane.memory.waiters.watching and not self._fails_for_ever(due[0][1]):
            self._now_ns = max(self._now_ns, due_ns)
            return True
        return False


def _name_of(run: Any) -> str:
    if run is None:
        return "a run"
    return f"the run {run.state.workflow_id!r} of {run.state.workflow_type!r}"
