"""A run, however its processes were started: supervises them to the end and answers the port.

One task per run waits for the child, kills what the child left behind, takes the rest of the
output and makes the one `Ended`. Timeouts, cancels, memory and disk only say why and send signals:
the end is always seen at one place. The first reason wins; a later cancel can shorten the grace.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from polyrhythm.base.limits import (
    STEP_CHECK_FIRST_NS,
    STEP_CHECK_LIMIT_NS,
    STEP_CHECK_NS,
    STEP_DISK_FREE_BYTES_MIN,
)
from polyrhythm.executors.children import Child, Tree, memory_bytes, send
from polyrhythm.executors.copying import copy_out
from polyrhythm.executors.logs import RunLogs
from polyrhythm.executors.port import Copied, Ended, EndReason, Line, Step, Usage
from polyrhythm.executors.view import View

CHECK_FIRST_S = STEP_CHECK_FIRST_NS / 1e9
CHECK_LIMIT_S = STEP_CHECK_LIMIT_NS / 1e9
CHECK_S = STEP_CHECK_NS / 1e9
# A TERM that finds no process of the step yet, because it is only starting, is sent again.
TERM_AGAIN_S = 0.02
MESSAGES = {
    EndReason.CANCELLED: "the step was cancelled",
    EndReason.OUT_OF_MEMORY: "OOMKilled",
    EndReason.DISK_FULL: "the step was killed: the disk of this machine is almost full",
}

Probe = Callable[[Sequence[str], int], Awaitable[int]]


@dataclass(slots=True)
class Started:
    """What an executor hands over when a step's child runs, or never will (`child` is None)."""

    step: Step
    view: View
    logs: RunLogs
    child: Child | None
    tree: Tree | None
    probe: Probe
    failed_code: int = 0
    failed_message: str = ""


class ChildRun:
    """The port's Run over a child process of this machine."""

    def __init__(self, started: Started) -> None:
        self._started = started
        self._start_ns = time.time_ns()
        self._reason = EndReason.EXITED
        self._timers: list[asyncio.TimerHandle] = []
        self._kill_at = float("inf")
        self._measuring: asyncio.TimerHandle | None = None
        self._memory_peak = 0
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_task(self._supervise())
        if started.child is not None:
            if started.step.timeout_ns:
                self._later(started.step.timeout_ns / 1e9, self._overdue)
            self._measuring = self._loop.call_later(CHECK_FIRST_S, self._measure)

    @property
    def running(self) -> bool:
        """The child has not been waited for yet, so that its id is still its own."""
        child = self._started.child
        return child is not None and not child.exited.done()

    @property
    def tree(self) -> Tree | None:
        """Its processes; None if it was never started."""
        return self._started.tree

    def lines(self) -> AsyncIterator[Line]:
        """See the port."""
        return self._started.logs.lines()

    def tail(self) -> bytes:
        """See the port."""
        return self._started.logs.tail()

    async def wait(self) -> Ended:
        """See the port."""
        return await asyncio.shield(self._ended)

    async def cancel(self, grace_ns: int | None = None) -> Ended:
        """See the port."""
        self.stop(
            EndReason.CANCELLED, self._started.step.grace_ns if grace_ns is None else grace_ns
        )
        return await self.wait()

    async def probe(self, command: Sequence[str], timeout_ns: int) -> int:
        """See the port."""
        return await self._started.probe(command, timeout_ns)

    async def read(self, path: str, bytes_max: int) -> bytes:
        """See the port."""
        return await asyncio.to_thread(self._started.view.read, path, bytes_max)

    async def copy_out(self, path: str, target: str) -> Copied:
        """See the port."""
        return await asyncio.to_thread(copy_out, self._started.view, path, target)

    def stop(self, reason: EndReason, grace_ns: int) -> None:
        """Begin to end the tree; the first reason stays, the earliest KILL counts."""
        tree = self._started.tree
        if tree is None or not self.running:
            return
        if self._reason is EndReason.EXITED:
            self._reason = reason
            if grace_ns:
                self._terminate()
        kill_at = self._loop.time() + grace_ns / 1e9
        if not grace_ns:
            tree.kill()
        elif kill_at < self._kill_at:
            self._later(grace_ns / 1e9, tree.kill)
        self._kill_at = min(self._kill_at, kill_at)

    def _terminate(self) -> None:
        tree = self._started.tree
        if tree is not None and self.running:
            pids = tree.pids()
            send(pids, signal.SIGTERM)
            if not pids:
                self._later(TERM_AGAIN_S, self._terminate)

    def _later(self, delay_s: float, call: Callable[[], None]) -> None:
        self._timers.append(self._loop.call_later(delay_s, call))

    def _overdue(self) -> None:
        self.stop(EndReason.DEADLINE, self._started.step.grace_ns)

    def _measure(self) -> None:
        """Memory of the tree, and the disk under its files; the next look is set."""
        tree, limit = self._started.tree, self._started.step.resources.memory_bytes_max
        if tree is None or not self.running:
            return
        self._memory_peak = max(self._memory_peak, memory_bytes(tree.pids()))
        if limit and self._memory_peak > limit:
            self.stop(EndReason.OUT_OF_MEMORY, 0)
        with suppress(OSError):
            disk = os.statvfs(self._started.view.root)
            if disk.f_bavail * disk.f_frsize < STEP_DISK_FREE_BYTES_MIN:
                self.stop(EndReason.DISK_FULL, 0)
        self._measuring = self._loop.call_later(CHECK_LIMIT_S if limit else CHECK_S, self._measure)

    async def _supervise(self) -> Ended:
        started = self._started
        if started.child is None or started.tree is None:
            started.logs.close()
            return self._finish(EndReason.NOT_STARTED, started.failed_code, Usage())
        status, usage = await started.child.exited
        started.tree.sweep()
        started.logs.close()
        for timer in (*self._timers, self._measuring):
            if timer is not None:
                timer.cancel()
        usage.memory_bytes_peak = self._memory_peak
        code = os.waitstatus_to_exitcode(status)
        return self._finish(self._reason, code if code >= 0 else 128 - code, usage)

    def _finish(self, reason: EndReason, code: int, usage: Usage) -> Ended:
        message = self._started.failed_message or MESSAGES.get(reason, "")
        if reason is EndReason.DEADLINE:
            message = f"the step ran longer than {self._started.step.timeout_ns / 1e9:g}s"
        return Ended(
            exit_code=code,
            reason=reason,
            started_ns=self._start_ns,
            ended_ns=time.time_ns(),
            message=message,
            signal=code - 128 if 128 < code < 128 + signal.NSIG else 0,
            usage=usage,
            log_bytes_dropped=self._started.logs.bytes_dropped,
        )
