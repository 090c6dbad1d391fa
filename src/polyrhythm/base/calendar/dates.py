"""Which dates a spec names: months, years, days of the month and of the week, with `L`, `W`, `#`.

    days of the month   1,15   10-20/2   28-3   L (the last)   L-3   15W (the nearest Mon-Fri)   LW
    days of the week    mon-fri   5-7   fri#2 (the second)   fri#L and friL (the last)

A month's dates are worked out at once, as bits. The calendar repeats after 400 years, so a spec
that names no date within them names none at all.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date

YEAR_MIN = 1970
YEAR_MAX = 9000
CYCLE_YEARS = 400
_SATURDAY, _SUNDAY = 5, 6


@dataclass(slots=True)
class DayOfMonth:
    """A day field: plain days as bits, and the others. `last_less`: n days before the last one;
    `nearest`: the working day nearest to a day, 0 for the last day of the month."""

    bits: int = 0
    last_less: list[int] = field(default_factory=list)
    nearest: list[int] = field(default_factory=list)
    open: bool = False

    def dates(self, year: int, month: int) -> int:
        """Return the days of a month, bit n for day n."""
        first, length = monthrange(year, month)
        found = self.bits & (2 << length) - 2
        for less in self.last_less:
            if less < length:
                found |= 1 << length - less
        for day in self.nearest:
            if day <= length:
                found |= 1 << _working_day(day or length, first, length)
        return found


@dataclass(slots=True)
class DayOfWeek:
    """A weekday field, Sunday is 0: plain days as bits, and (weekday, n) for the n-th of a month,
    n 0 for the last."""

    bits: int = 0
    nth: list[tuple[int, int]] = field(default_factory=list)
    open: bool = False

    def dates(self, year: int, month: int) -> int:
        """Return the days of a month, bit n for day n."""
        first, length = monthrange(year, month)
        found = 0
        for weekday in range(7):
            if self.bits >> weekday & 1:
                for day in range(_first_of(weekday, first), length + 1, 7):
                    found |= 1 << day
        for weekday, number in self.nth:
            days = range(_first_of(weekday, first), length + 1, 7)
            if number <= len(days):
                found |= 1 << days[number - 1]
        return found


@dataclass(slots=True)
class Dates:
    """All dates of a spec. `either`: a date fires if one of its day fields does, else both must;
    `years` None: any."""

    day: DayOfMonth
    weekday: DayOfWeek
    month: int
    years: frozenset[int] | None
    either: bool

    def of_month(self, year: int, month: int) -> int:
        """Return the dates of a month, bit n for day n."""
        if not self.month >> month & 1 or (self.years is not None and year not in self.years):
            return 0
        days, weekdays = self.day.dates(year, month), self.weekday.dates(year, month)
        return days | weekdays if self.either else days & weekdays

    def next(self, after: date) -> date | None:
        """Return the first date after a date, None when there is none."""
        year, month = after.year, after.month
        left = self.of_month(year, month) >> after.day + 1 << after.day + 1
        last = min(year + CYCLE_YEARS, YEAR_MAX)
        while not left:
            month += 1
            if month > 12:
                year, month = self._next_year(year), 1
                if year > last:
                    return None
            left = self.of_month(year, month)
        return date(year, month, (left & -left).bit_length() - 1)

    def fires(self, day: date) -> bool:
        """Whether a date is one of them."""
        return bool(self.of_month(day.year, day.month) >> day.day & 1)

    def _next_year(self, year: int) -> int:
        if self.years is None:
            return year + 1
        return min((each for each in self.years if each > year), default=YEAR_MAX + 1)


def _first_of(weekday: int, first: int) -> int:
    """Return the first day of a month that is a weekday (Sunday 0); `first`: that of the 1st, as
    the calendar module counts (Monday 0)."""
    return 1 + (weekday - 1 - first) % 7


def _working_day(day: int, first: int, length: int) -> int:
    weekday = (first + day - 1) % 7
    if weekday == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == _SUNDAY:
        return day + 1 if day < length else day - 2
    return day
