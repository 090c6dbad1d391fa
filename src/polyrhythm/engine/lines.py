"""The backlog of one queue: lines of offers by priority and fairness key, and who is next.

Priorities are strict; within one, lines share by weight: an offer moves its line's clock on by
1 / weight, and the line whose clock is least is next (start-time fair queueing). The clocks move
when offers are handed out, so a new weight counts from the next offer on, and one that turns out
to be obsolete costs its line nothing. A line that was empty starts at the clock of its priority:
waiting saves nothing up.
Memory holds a bounded number of offers. A line past it is *spilled*: memory has its head, the rows
have the rest, and it takes its turns as if all of it were here. So the order is that of the whole
queue however much of it is in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

# How far an offer of weight 1 moves its line's clock; a weight is 0.001 at least.
STRIDE = 1_000_000
WEIGHT_MIN = 0.001
# Lines that are empty are forgotten when a priority has more than this and twice the busy ones.
IDLE_LINES_MAX = 1000
Key = tuple[int, int]


@dataclass(slots=True)
class LineState:
    """One line. `passed` is its clock; `spilled`: the rows hold more of it, read up to `read_to`;
    `dropped`: something was left to the rows since reading began."""

    priority: int
    fairness_key: str
    passed: int = 0
    offers: list[tuple[int, int, int, Any]] = field(default_factory=list)
    spilled: bool = False
    dropped: bool = False
    read_to: Key = (0, 0)

    @property
    def waits(self) -> bool:
        """Whether there is an offer in it, here or in the rows."""
        return bool(self.offers) or self.spilled


@dataclass(slots=True)
class LevelState:
    """The lines of one priority. `order` may hold entries that no longer count."""

    lines: dict[str, LineState] = field(default_factory=dict)
    order: list[tuple[int, int, int, LineState]] = field(default_factory=list)
    clock: int = 0


class Backlog:
    """Everything that waits in one queue."""

    def __init__(self, offers_max: int, lines_max: int) -> None:
        self._offers_max = offers_max
        self._lines_max = lines_max
        self._levels: dict[int, LevelState] = {}
        self._aside: list[tuple[int, int, LineState]] = []
        self._count = 0
        self._busy = 0
        self.held = 0
        # The rows may hold lines that memory has not asked for, or had no room for (`left`: since
        # reading them began, which stands at `lines_after`).
        self.unknown = False
        self.more = False
        self.left = False
        self.lines_after: tuple[int, str] = (0, "")

    @property
    def waits(self) -> bool:
        """Whether anything waits, as far as is known."""
        return self._busy > 0 or self.unknown or self.more

    @property
    def room(self) -> int:
        """How many more offers memory takes."""
        return self._offers_max - self.held

    def add(self, priority: int, fairness_key: str, key: Key, offer: Any) -> None:
        """Put an offer in its line, by the time since when it waits and its run, or leave it to
        the rows when memory is full or the rows hold some of the line already."""
        line = self._line(priority, fairness_key)
        if line is None:
            self.more = self.left = True
        elif self.unknown or line.spilled or self.held >= self._offers_max:
            self._become(line, spilled=True)
            line.dropped = True
        else:
            self.put(line, key, offer)

    def put(self, line: LineState, key: Key, offer: Any) -> None:
        """Put an offer in its line, also one that was read back from the rows."""
        waited = line.waits
        self._count += 1
        self.held += 1
        heappush(line.offers, (*key, self._count, offer))
        if not waited:
            self._begin(line)

    def spill(self, priority: int, fairness_key: str, force: bool = False) -> bool:
        """Note that the rows hold a line; False when memory takes no more lines."""
        line = self._line(priority, fairness_key, force)
        if line is not None:
            self._become(line, spilled=True)
        return line is not None

    def keep(self, priority: int, fairness_key: str, key: Key, offer: Any) -> None:
        """Put an offer in its line that no row has in this queue, however much is here."""
        line = self._line(priority, fairness_key, force=True)
        assert line is not None
        self.put(line, key, offer)

    def finish(self, line: LineState) -> None:
        """Note that a line's rows have been read to their end."""
        # NOTE: a row keeps its place when it gets more work, so an offer dropped while the rows
        # were read may be behind us: then they are read once more.
        line.read_to = (0, 0)
        spilled, line.dropped = line.dropped, False
        self._become(line, spilled=spilled)

    def pick(self, now_ns: int, ready: dict[str, int], other_ns: int = 0) -> LineState | None:
        """Return the line whose turn it is, None when nothing may go. `ready`: keys that may not
        go before some time, `other_ns`: all the others; their lines stand aside until then."""
        while self._aside and self._aside[0][0] <= now_ns:
            self._push(heappop(self._aside)[2])
        for priority in sorted(self._levels):
            level = self._levels[priority]
            while level.order:
                passed, since_ns, _, line = level.order[0]
                if passed != line.passed or not line.waits:
                    heappop(level.order)
                    continue
                if line.offers and since_ns != line.offers[0][0]:
                    # Its first offer is known by now, or another one: lines with equal clocks go
                    # in the order of their first offers.
                    heappop(level.order)
                    self._push(line)
                    continue
                ready_ns = ready.get(line.fairness_key, other_ns)
                if ready_ns <= now_ns:
                    return line
                heappop(level.order)
                self._count += 1
                heappush(self._aside, (ready_ns, self._count, line))
        return None

    def take(self, line: LineState) -> Any:
        """Take the first offer of a line that has one in memory."""
        self.held -= 1
        offer = heappop(line.offers)[3]
        if not line.waits:
            self._end(line)
        return offer

    def charge(self, priority: int, fairness_key: str, weight: float) -> None:
        """Move a line's clock on: an offer of it was handed out."""
        level = self._levels.get(priority)
        line = level.lines.get(fairness_key) if level is not None else None
        if level is None or line is None:
            return
        level.clock = max(level.clock, line.passed)
        line.passed += max(1, int(STRIDE / max(weight, WEIGHT_MIN)))
        if line.waits:
            self._push(line)

    def aside_ns(self) -> int:
        """Return when the first line that stands aside may go, 0 when none does."""
        return self._aside[0][0] if self._aside else 0

    def call_back(self) -> None:
        """Let the lines that stand aside be looked at again: limits have changed."""
        for _, _, line in self._aside:
            self._push(line)
        self._aside.clear()

    def _line(self, priority: int, fairness_key: str, force: bool = False) -> LineState | None:
        level = self._levels.setdefault(priority, LevelState())
        line = level.lines.get(fairness_key)
        if line is None:
            if self._busy >= self._lines_max and not force:
                return None
            if len(level.lines) >= IDLE_LINES_MAX and len(level.lines) >= 2 * self._busy:
                _forget_idle(level)
            line = level.lines[fairness_key] = LineState(priority, fairness_key)
        return line

    def _become(self, line: LineState, spilled: bool) -> None:
        waited = line.waits
        line.spilled = spilled
        if line.waits and not waited:
            self._begin(line)
        elif waited and not line.waits:
            self._end(line)

    def _begin(self, line: LineState) -> None:
        self._busy += 1
        line.passed = max(line.passed, self._levels[line.priority].clock)
        self._push(line)

    def _end(self, line: LineState) -> None:
        self._busy -= 1
        if not self._busy:
            # Nobody waits: the next offers start level.
            for level in self._levels.values():
                level.order.clear()
                _forget_idle(level)

    def _push(self, line: LineState) -> None:
        self._count += 1
        since_ns = line.offers[0][0] if line.offers else 0
        entry = (line.passed, since_ns, self._count, line)
        heappush(self._levels[line.priority].order, entry)


def _forget_idle(level: LevelState) -> None:
    # A clock that is ahead of its priority's is a debt, which is kept while others wait.
    level.lines = {
        key: line
        for key, line in level.lines.items()
        if line.waits or (line.passed > level.clock and level.order)
    }
