"""Calls that wait: when each runs out of time, and who waits for a run to change.

A waiting call is answered by what it waits for or by its own timeout, whichever comes first; the
timeout's answer, or what makes it, is known when it is parked: running out of time decides nothing.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

from polyrhythm.base.errors import ResourceExhausted
from polyrhythm.engine.calls import Call


class Waiters:
    """Everything that waits in one lane."""

    def __init__(self, waiters_max: int) -> None:
        self._waiters_max = waiters_max
        self._heap: list[tuple[int, int, Call]] = []
        self._count = 0
        self._of_run: dict[int, list[Call]] = {}

    def park(self, call: Call, until_ns: int, late: Any) -> None:
        """Answer the call with `late`, or what it returns, at `until_ns` unless it is answered
        before.

        Raises ResourceExhausted when too many calls wait already.
        """
        # Answered polls stay in the heap until their time: 250 workflows/s leave 30,000 a minute.
        if len(self._heap) >= self._waiters_max or self._count % 4096 == 4095:
            self._drop_done()
        if len(self._heap) >= self._waiters_max:
            raise ResourceExhausted("too many calls wait for tasks or events", "CONCURRENT_LIMIT")
        self._count += 1
        call.late = late
        heappush(self._heap, (until_ns, self._count, call))

    def watch(self, run_key: int, call: Call) -> None:
        """Look at a parked call again when its run changes."""
        self._of_run.setdefault(run_key, []).append(call)

    def count_live(self) -> int:
        """Return how many calls wait."""
        return sum(1 for _, _, call in self._heap if not call.reply.done)

    @property
    def watched(self) -> bool:
        """Whether any call waits for some run to change."""
        return bool(self._of_run)

    @property
    def watching(self) -> bool:
        """Whether a caller who has not gone waits for some run to change."""
        return any(not call.reply.done for calls in self._of_run.values() for call in calls)

    def end_watching(self, error: Exception) -> None:
        """Refuse every call that waits for some run to change."""
        for calls in self._of_run.values():
            for call in calls:
                if not call.reply.done:
                    call.reply.fail(error)
        self._of_run.clear()

    def watched_runs(self) -> list[int]:
        """Return the keys of the runs that somebody waits for."""
        return [key for key, calls in self._of_run.items() if any(not c.reply.done for c in calls)]

    def take_watchers(self, run_key: int) -> list[Call]:
        """Take the calls that wait for a run to change."""
        if run_key not in self._of_run:
            return []
        return [call for call in self._of_run.pop(run_key) if not call.reply.done]

    def expire(self, now_ns: int) -> None:
        """Answer every call whose time is over."""
        heap = self._heap
        while heap and heap[0][0] <= now_ns:
            call = heappop(heap)[2]
            late = call.late
            if isinstance(late, Exception):
                call.reply.fail(late)
            else:
                call.reply.resolve(late() if callable(late) else late)

    def next_ns(self) -> int:
        """Return when the next call runs out of time, 0 for never."""
        heap = self._heap
        while heap and heap[0][2].reply.done:
            heappop(heap)
        return heap[0][0] if heap else 0

    def shift(self, span_ns: int) -> None:
        """Let every call wait on for as long as before, though the clock has jumped ahead: callers
        count their time by a clock that does not."""
        self._heap = [(until_ns + span_ns, count, call) for until_ns, count, call in self._heap]
        for _, _, call in self._heap:
            if call.deadline_ns:
                call.deadline_ns += span_ns
            if call.since_ns:
                call.since_ns += span_ns

    def end_all(self, error: Exception) -> None:
        """Fail every call that still waits: the lane closes."""
        for _, _, call in self._heap:
            call.reply.fail(error)
        self._heap.clear()
        self._of_run.clear()

    def _drop_done(self) -> None:
        self._heap = [entry for entry in self._heap if not entry[2].reply.done]
        self._heap.sort()
        for run_key in list(self._of_run):
            live = [call for call in self._of_run[run_key] if not call.reply.done]
            if live:
                self._of_run[run_key] = live
            else:
                del self._of_run[run_key]
