"""Which runs have to act, and when: a heap of (due, run key) over the rows' `due_ns`.

Every run's earliest deadline is in its row; memory holds only those up to a horizon, and the next
stretch is read when the clock nears it. So a million sleeping runs cost disk, not memory.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from polyrhythm.stores.port import Store

# How far ahead deadlines are held in memory, and how close to the end more are read.
HORIZON_NS = 600 * 1_000_000_000
MARGIN_NS = 60 * 1_000_000_000


class Timers:
    """Armed deadlines of one lane."""

    def __init__(self, store: Store, timers_max: int) -> None:
        self._store = store
        self._timers_max = timers_max
        self._heap: list[tuple[int, int]] = []
        self._armed: dict[int, int] = {}
        # Rows up to this (due, key) are in memory.
        self._read: tuple[int, int] = (0, 0)
        self._complete_ns = 0

    def arm(self, run_key: int, due_ns: int) -> None:
        """Set a run's only deadline; 0 disarms it."""
        if self._armed.get(run_key, 0) == due_ns:
            return
        if not due_ns or due_ns > self._complete_ns:
            self._armed.pop(run_key, None)
            return
        self._armed[run_key] = due_ns
        heappush(self._heap, (due_ns, run_key))
        if len(self._heap) > 2 * self._timers_max:
            self._shrink()

    def forget(self, run_key: int) -> None:
        """Disarm a run."""
        self._armed.pop(run_key, None)

    def take_due(self, now_ns: int, count_max: int) -> list[int]:
        """Take up to `count_max` runs whose deadline has passed, earliest first."""
        self.refill(now_ns)
        due: list[int] = []
        heap = self._heap
        while heap and heap[0][0] <= now_ns and len(due) < count_max:
            due_ns, run_key = heappop(heap)
            if self._armed.get(run_key) == due_ns:
                del self._armed[run_key]
                due.append(run_key)
        return due

    def next_ns(self) -> int:
        """Return when the lane next has to look, 0 for never."""
        heap = self._heap
        while heap and self._armed.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        # NOTE: an armed deadline lies before everything that is not read yet, and reading goes on
        # in the turn that takes it. Without this a lane with more deadlines in the next minute
        # than memory holds would be woken without pause.
        return heap[0][0] if heap else self._complete_ns - MARGIN_NS

    def refill(self, now_ns: int) -> None:
        """Read deadlines up to the horizon, if the ones in memory run out soon."""
        while self._complete_ns <= now_ns + MARGIN_NS:
            limit = self._timers_max
            rows = self._store.scan_due(self._read, limit)
            horizon_ns = now_ns + HORIZON_NS
            for due_ns, run_key in rows:
                if due_ns > horizon_ns:
                    break
                if run_key not in self._armed:
                    self._armed[run_key] = due_ns
                    heappush(self._heap, (due_ns, run_key))
                self._read = (due_ns, run_key)
            if len(rows) == limit and self._read == rows[-1]:
                # More rows than fit: what is known is complete only up to the last one.
                self._complete_ns = self._read[0]
                if self._complete_ns > now_ns + MARGIN_NS or self._armed:
                    return
            else:
                self._complete_ns = horizon_ns
                self._read = (horizon_ns, 0)

    def _shrink(self) -> None:
        live = sorted((due_ns, key) for key, due_ns in self._armed.items())
        if len(live) > self._timers_max:
            live = live[: self._timers_max]
            self._complete_ns = live[-1][0]
            self._read = live[-1]
            self._armed = {key: due_ns for due_ns, key in live}
        self._heap = live
        heapify(self._heap)
