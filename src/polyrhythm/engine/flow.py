"""How fast a queue fills and empties: tasks added and handed out of the last half minute, and the
advice that its polls get from it.

Counts stand in slots of five seconds, by priority; they live in memory and begin anew with it.
A poll that waited for a second is one too many. One that came to a queue where tasks wait, or come
a fifth faster than they go, is one too few; such advice is bounded, so that a thousand polls at
once do not become two thousand.
Source: task_tracker.go and makePollerScalingDecisionImpl of the server's matching, release 1.31.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from polyrhythm.base.limits import SECOND_NS

SLOT_NS = 5 * SECOND_NS
SLOTS = 7
WINDOW_NS = (SLOTS - 1) * SLOT_NS
# A poll that waited this long is one too many; tasks that waited this long want one more.
IDLE_NS = SECOND_NS
BACKLOG_AGE_NS = SECOND_NS // 5
GROWTH_MIN = 1.2
# How often a poller is told more in a second, and how much of that is saved up.
ADVICE_RATE = 10.0
ADVICE_BURST_NS = SECOND_NS


@dataclass(slots=True)
class CountState:
    """Tasks of one priority, by slot; those of `slot` and the six before it count."""

    since_ns: int
    slot: int
    added: list[int] = field(default_factory=lambda: [0] * SLOTS)
    handed: list[int] = field(default_factory=lambda: [0] * SLOTS)

    def move(self, now_ns: int) -> None:
        """Empty the slots that are over."""
        slot = now_ns // SLOT_NS
        for past in range(max(self.slot, slot - SLOTS) + 1, slot + 1):
            self.added[past % SLOTS] = self.handed[past % SLOTS] = 0
        self.slot = max(self.slot, slot)

    def rates(self, now_ns: int) -> tuple[float, float]:
        """Return tasks added and handed out in a second."""
        self.move(now_ns)
        window_ns = min(now_ns - self.slot * SLOT_NS + WINDOW_NS, now_ns - self.since_ns)
        if window_ns <= 0:
            return 0.0, 0.0
        seconds = window_ns / SECOND_NS
        return sum(self.added) / seconds, sum(self.handed) / seconds


@dataclass(slots=True)
class FlowState:
    """The counts of one queue by priority, and when it may next advise more polls."""

    counts: dict[int, CountState] = field(default_factory=dict)
    advice_ns: int = 0

    def add(self, priority: int, now_ns: int) -> None:
        """Count a task that has come."""
        counts = self._counts(priority, now_ns)
        counts.added[counts.slot % SLOTS] += 1

    def hand(self, priority: int, now_ns: int) -> None:
        """Count a task that a worker has got."""
        counts = self._counts(priority, now_ns)
        counts.handed[counts.slot % SLOTS] += 1

    def advise(self, waited_ns: int, backlog_ns: int, pollers: int, now_ns: int) -> int:
        """Return how many polls more or less a worker should make: -1, 0 or 1.

        `waited_ns`: of the poll that got a task; `backlog_ns`: how long tasks wait that are still
        there, 0 for none.
        """
        if waited_ns >= IDLE_NS:
            return -1
        if self.advice_ns > now_ns:
            return 0
        interval_ns = int(SECOND_NS / (ADVICE_RATE * max(1, pollers)))
        self.advice_ns = max(self.advice_ns, now_ns - ADVICE_BURST_NS) + interval_ns
        if backlog_ns > BACKLOG_AGE_NS:
            return 1
        rates = [counts.rates(now_ns) for counts in self.counts.values()]
        added, handed = (sum(one) for one in zip(*rates, strict=True)) if rates else (0.0, 0.0)
        return int(added > GROWTH_MIN * handed)

    def _counts(self, priority: int, now_ns: int) -> CountState:
        counts = self.counts.get(priority)
        if counts is None:
            counts = self.counts[priority] = CountState(now_ns, now_ns // SLOT_NS)
        elif now_ns // SLOT_NS != counts.slot:
            counts.move(now_ns)
        return counts
