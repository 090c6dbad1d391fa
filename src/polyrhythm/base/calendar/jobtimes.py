"""All times of one job: its rhythm within a span, each moved on by its jitter.

Answers what a `Timetable` answers, to the nanosecond. The jitter of a time is drawn by a hash of
that time and the job, so every look gives the same; it stays below the way to the next time. What
was missed is looked at from its end: of years of downtime only the newest times are worked out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from polyrhythm.base.calendar.farmhash import fingerprint32
from polyrhythm.base.calendar.rhythm import Pulse, Rhythm
from polyrhythm.base.calendar.timetable import Firing
from polyrhythm.base.limits import SECOND_NS

# Times that one look for the newest ones works out at once, beside those it was asked for.
_LOOK_MAX = 256
_SEED_BYTES = 17


@dataclass(slots=True)
class JobTimes:
    """Times from `start_ns` up to `end_ns` (None: open), both of which belong to them."""

    rhythm: Rhythm
    start_ns: int = 0
    end_ns: int | None = None
    jitter_ns: int = 0

    def next(self, after_ns: int, seed: bytes) -> Firing | None:
        """Return the first firing whose nominal time is after an instant, None for none."""
        nominal_ns = self.rhythm.next_ns(max(after_ns, self.start_ns - 1))
        if not nominal_ns or (self.end_ns is not None and nominal_ns > self.end_ns):
            return None
        return Firing(nominal_ns, self._jittered_ns(nominal_ns, seed))

    def between(self, after_ns: int, until_ns: int, seed: bytes, count: int) -> Iterator[Firing]:
        """Yield the firings after an instant up to another, in order, `count` at most."""
        for _ in range(count):
            firing = self.next(after_ns, seed)
            if firing is None or firing.actual_ns > until_ns:
                return
            yield firing
            after_ns = firing.actual_ns

    def newest(
        self, after_ns: int, until_ns: int, seed: bytes, count: int
    ) -> tuple[list[Firing], int]:
        """Return the last firings after an instant up to another, `count` at most, and how many
        there were; where there are very many, at least so many."""
        most = count + _LOOK_MAX
        if isinstance(self.rhythm, Pulse):
            # Those before it are only counted.
            leapt_ns = self.rhythm.last_ns(until_ns, most) - 1
            passed = max(
                0, (leapt_ns - max(after_ns, self.start_ns - 1)) // self.rhythm.interval_ns
            )
            found, total = self._count(max(after_ns, leapt_ns), until_ns, seed, count, most + 1)
            return found, total + (passed if leapt_ns > after_ns else 0)
        found, total = self._count(after_ns, until_ns, seed, count, most)
        if total < most:
            return found, total
        # Too many from `early_ns` on, too few from `late_ns` on; as close as a second.
        early_ns, late_ns = after_ns, until_ns
        while late_ns - early_ns > SECOND_NS:
            middle_ns = (early_ns + late_ns) // 2
            found, counted = self._count(middle_ns, until_ns, seed, count, most)
            if count <= counted < most:
                break
            early_ns, late_ns = (middle_ns, late_ns) if counted >= most else (early_ns, middle_ns)
        return found, total

    def _count(
        self, after_ns: int, until_ns: int, seed: bytes, count: int, most: int
    ) -> tuple[list[Firing], int]:
        last: deque[Firing] = deque(maxlen=count)
        total = 0
        for firing in self.between(after_ns, until_ns, seed, most):
            last.append(firing)
            total += 1
        return list(last), total

    def _jittered_ns(self, nominal_ns: int, seed: bytes) -> int:
        if self.jitter_ns <= 0:
            return nominal_ns
        jitter_ns = self.jitter_ns
        following_ns = self.rhythm.next_ns(nominal_ns)
        if following_ns:
            jitter_ns = min(jitter_ns, following_ns - nominal_ns)
        # The fingerprint wants 25 bytes and more; a job's seed has an id of 36.
        drawn = fingerprint32(nominal_ns.to_bytes(_SEED_BYTES, "big") + seed)
        return nominal_ns + (drawn * jitter_ns >> 32)
