"""When a schedule fires: calendars and intervals, less what is excluded, within a span, jittered.

A nominal time is a whole second; jitter moves it on by less than the way to the following one, by
a hash of the time and of the schedule, so that every look at it gives the same. Instants are
nanoseconds since 1970. The rules are those of Temporal's scheduler.
Bounded: an exclusion is stepped over whole (an hour, a day, a year ...), and a timetable whose
times are excluded one by one all the same is given up after `SKIPS_MAX` of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from polyrhythm.base.calendar.farmhash import fingerprint32
from polyrhythm.base.calendar.ranges import YEAR_MAX
from polyrhythm.base.calendar.wallclock import Calendar
from polyrhythm.base.calendar.zones import date_start_s
from polyrhythm.base.limits import SECOND_NS

# Excluded times that one search steps over: 20 us each.
SKIPS_MAX = 500
# The same for all the times that one question asks for.
QUESTION_SKIPS_MAX = 5000

_MILLISECOND_NS = 1_000_000
_END_S = date_start_s(YEAR_MAX + 1, 1, 1)
# Seconds from the year 1, as Go counts them, to 1970.
_GO_EPOCH_S = 62_135_596_800
_JITTER_MS_MAX = 2**32 - 1


@dataclass(slots=True)
class Interval:
    """Every `every_s` seconds since 1970, `phase_s` later."""

    every_s: int
    phase_s: int = 0

    def next_s(self, after_s: int) -> int:
        """Return the first of its times after an instant."""
        past_s = after_s - self.phase_s
        # As the original divides: towards zero, which tells before 1970 only.
        whole = past_s // self.every_s if past_s >= 0 else -(-past_s // self.every_s)
        return (whole + 1) * self.every_s + self.phase_s


@dataclass(slots=True)
class Firing:
    """One time of a schedule: as it is written, and with its jitter."""

    nominal_ns: int
    actual_ns: int


@dataclass(slots=True)
class Timetable:
    """All times of one schedule. `start_ns` and `end_ns` belong to the span; `end_ns` None: open;
    `seed` is what the jitter is drawn by."""

    calendars: list[Calendar] = field(default_factory=list)
    intervals: list[Interval] = field(default_factory=list)
    excluded: list[Calendar] = field(default_factory=list)
    start_ns: int = 0
    end_ns: int | None = None
    jitter_ns: int = 0

    def next(self, after_ns: int, seed: bytes) -> Firing | None:
        """Return the first firing whose nominal time is after an instant, None for none."""
        return self._next(after_ns, seed, [SKIPS_MAX])

    def between(self, after_ns: int, until_ns: int, seed: bytes, count: int) -> Iterator[Firing]:
        """Yield the firings after an instant up to another, in order, `count` at most."""
        skips = [QUESTION_SKIPS_MAX]
        for _ in range(count):
            firing = self._next(after_ns, seed, skips)
            if firing is None or firing.actual_ns > until_ns:
                return
            yield firing
            after_ns = firing.actual_ns

    def _next(self, after_ns: int, seed: bytes, skips: list[int]) -> Firing | None:
        after_s = max(after_ns, self.start_ns - SECOND_NS) // SECOND_NS
        while True:
            nominal_s = self._raw_s(after_s)
            if nominal_s is None or nominal_s >= _END_S:
                return None
            if self.end_ns is not None and nominal_s * SECOND_NS > self.end_ns:
                return None
            left_s = self._excluded_until_s(nominal_s)
            if left_s is None:
                break
            skips[0] -= 1
            if skips[0] < 0:
                return None
            after_s = left_s
        return Firing(nominal_s * SECOND_NS, self._jittered_ns(nominal_s, seed))

    def _raw_s(self, after_s: int) -> int | None:
        found = [each.next_s(after_s) for each in self.calendars]
        found.extend(each.next_s(after_s) for each in self.intervals)
        return min((each for each in found if each is not None), default=None)

    def _excluded_until_s(self, nominal_s: int) -> int | None:
        for calendar in self.excluded:
            if calendar.matches(nominal_s):
                return calendar.end_s(nominal_s)
        return None

    def _jittered_ns(self, nominal_s: int, seed: bytes) -> int:
        jitter_ns = self.jitter_ns
        if jitter_ns > 0:
            following_s = self._raw_s(nominal_s)
            if following_s is not None:
                jitter_ns = min(jitter_ns, (following_s - nominal_s) * SECOND_NS)
        milliseconds = min(jitter_ns // _MILLISECOND_NS, _JITTER_MS_MAX)
        if milliseconds <= 0:
            return nominal_s * SECOND_NS
        drawn = fingerprint32(_go_time(nominal_s) + seed)
        return nominal_s * SECOND_NS + (drawn * milliseconds >> 32) * _MILLISECOND_NS


def _go_time(instant_s: int) -> bytes:
    # A time in UTC as Go marshals it: version, seconds, nanoseconds, no offset.
    return b"\x01" + (instant_s + _GO_EPOCH_S).to_bytes(8, "big") + bytes(4) + b"\xff\xff"
