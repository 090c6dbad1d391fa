"""The slow search: lists every reading of the wall clock that a spec names, day by day.

Shares no code with the search that it judges. A spec comes as plain sets, dates are asked of the
calendar module one by one, and what a clock skips or shows twice is asked of `datetime` itself
(PEP 495: `fold`, and readings that do not come back from UTC as they went).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
# The longest way to a date of a spec that has any, as drawn: the 29th of February across 2100.
DAYS_MAX = 366 * 9


@dataclass(slots=True)
class SlowSpec:
    """A spec as sets. `day_marks` and `weekday_marks` are the L, W and # of a field, as texts;
    None for a field that is left open."""

    seconds: list[int]
    minutes: list[int]
    hours: list[int]
    months: set[int]
    days: set[int] | None
    weekdays: set[int] | None
    years: set[int] | None = None
    day_marks: list[str] = field(default_factory=list)
    weekday_marks: list[str] = field(default_factory=list)
    either: bool = True
    shifts: bool = True
    once: bool = True

    def names(self, day: date) -> bool:
        """Whether a date is one of the spec's."""
        if day.month not in self.months or (self.years is not None and day.year not in self.years):
            return False
        if self.days is None and self.weekdays is None:
            return True
        by_day = self.days is not None and self._day(day)
        by_weekday = self.weekdays is not None and self._weekday(day)
        if self.days is None:
            return by_weekday
        if self.weekdays is None:
            return by_day
        return by_day or by_weekday if self.either else by_day and by_weekday

    def _day(self, day: date) -> bool:
        assert self.days is not None
        if day.day in self.days:
            return True
        last = monthrange(day.year, day.month)[1]
        for mark in self.day_marks:
            if mark == "L" or mark.startswith("L-"):
                if day.day == last - int(mark[2:] or 0):
                    return True
            elif day == _nearest(day, last if mark == "LW" else int(mark[:-1]), last):
                return True
        return False

    def _weekday(self, day: date) -> bool:
        assert self.weekdays is not None
        weekday = day.isoweekday() % 7
        if weekday in self.weekdays:
            return True
        for mark in self.weekday_marks:
            wanted, number = mark.split("#")
            if weekday != int(wanted):
                continue
            if number == "L":
                if (day + 7 * DAY).month != day.month:
                    return True
            elif (day.day - 1) // 7 + 1 == int(number):
                return True
        return False


def slow_times(spec: SlowSpec, after: datetime, zone: ZoneInfo, count: int) -> list[datetime]:
    """Return the first firings after an instant, in UTC."""
    found: list[datetime] = []
    # Readings of a day earlier may be moved into the future.
    day = after.astimezone(zone).date() - DAY
    for _ in range(DAYS_MAX):
        if spec.names(day):
            found.extend(at for at in _firings(spec, day, zone) if at > after)
        if len(found) >= count:
            # A time may be moved by a day at most: those of a day ago have come by now.
            settled = datetime.combine(day - DAY, datetime.min.time(), zone).astimezone(UTC)
            distinct = sorted(set(found))
            if len(distinct) >= count and distinct[count - 1] < settled:
                return distinct[:count]
        day += DAY
        while day.month not in spec.months:
            day = (day.replace(day=28) + 4 * DAY).replace(day=1)
    return sorted(set(found))[:count]


def _firings(spec: SlowSpec, day: date, zone: ZoneInfo) -> Iterator[datetime]:
    once = spec.once and len(spec.hours) < 24
    for hour in spec.hours:
        for minute in spec.minutes:
            for second in spec.seconds:
                reading = datetime.combine(day, time(hour, minute, second))
                first = reading.replace(tzinfo=zone).astimezone(UTC)
                again = reading.replace(tzinfo=zone, fold=1).astimezone(UTC)
                if first.astimezone(zone).replace(tzinfo=None, fold=0) != reading:
                    # The clock never shows it. By the offset before the change it is later.
                    if spec.shifts:
                        yield first
                    continue
                yield first
                if again != first and not once:
                    yield again


def _nearest(day: date, wanted: int, last: int) -> date | None:
    if wanted > last:
        return None
    aim = day.replace(day=wanted)
    if aim.weekday() < 5:
        return aim
    # Saturday goes back, Sunday forward, both stay in the month.
    for step in (-1, 2) if aim.weekday() == 5 else (1, -2):
        moved = aim + step * DAY
        if moved.month == aim.month:
            return moved
    raise AssertionError("a month has working days")
