"""A schedule's calendar: which seconds of a zone's wall clock it names, and the next of them.

The rules where clocks change are those of Temporal's scheduler: a time that is skipped is left
out (a calendar of every minute goes on after the gap), a time that comes twice fires twice if its
hour was not left for the first. The search goes from the year inwards and ends with the year 2100.
A calendar that names no second at all, or only dates that no year has, is never searched for.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterable
from dataclasses import dataclass

from polyrhythm.base.calendar.ranges import YEAR_MAX, YEAR_MIN, Range
from polyrhythm.base.calendar.zones import DAY_S, Zone, date_start_s

_HOUR_S = 3600
# One more for the month after December, which becomes January.
_DAYS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31)
_ALL_SIXTY = 2**60 - 1
_ALL_HOURS = 2**24 - 1
_ALL_DATES = 2**32 - 2
_ALL_MONTHS = 2**13 - 2
_ALL_WEEKDAYS = 2**7 - 1


@dataclass(slots=True)
class Calendar:
    """Fields as bits: bit n of a field is value n, Sunday is 0. `years` None: any."""

    zone: Zone
    second: int
    minute: int
    hour: int
    day: int
    month: int
    weekday: int
    years: frozenset[int] | None

    def matches(self, instant_s: int) -> bool:
        """Whether an instant is one of this calendar's seconds."""
        local = self.zone.local(instant_s)
        return bool(
            (self.years is None or local.year in self.years)
            and self.month >> local.month & 1
            and self.day >> local.day & 1
            and self.weekday >> local.isoweekday() % 7 & 1
            and self.hour >> local.hour & 1
            and self.minute >> local.minute & 1
            and self.second >> local.second & 1
        )

    def next_s(self, after_s: int) -> int | None:
        """Return the first of its seconds after an instant, None when there is none."""
        return _Search(self, after_s).run() if self.can_match() else None

    def end_s(self, instant_s: int) -> int:
        """Return the last second up to which everything from a matching instant on matches too."""
        if (self.second, self.minute) != (_ALL_SIXTY, _ALL_SIXTY):
            return instant_s
        local = self.zone.local(instant_s)
        year, month, day, hour = local.year, local.month, local.day, local.hour
        if self.hour != _ALL_HOURS:
            end = (date_start_s(year, month, day) + (hour + 1) * _HOUR_S) - 1
        elif (self.day, self.weekday) != (_ALL_DATES, _ALL_WEEKDAYS):
            end = date_start_s(year, month, day) + DAY_S - 1
        elif self.month != _ALL_MONTHS:
            end = date_start_s(year, month, _days_in(year, month)) + DAY_S - 1
        elif self.years is not None:
            end = date_start_s(year, 12, 31) + DAY_S - 1
        else:
            end = date_start_s(YEAR_MAX, 12, 31) + DAY_S - 1
        # NOTE: a clock that is set within this span stays inside its field, or the end is met
        # early; whoever looks again from there loses nothing.
        return max(instant_s, self.zone.instant_s(end))

    def can_match(self) -> bool:
        """Whether there is any such date at all, in some year."""
        if not (self.second and self.minute and self.hour and self.weekday):
            return False
        if self.years is not None and not self.years:
            return False
        return any(
            self.month >> month & 1 and self.day & (2 ** (_DAYS[month] + 1) - 2)
            for month in range(1, 13)
        ) or bool(self.month >> 2 & 1 and self.day >> 29 & 1)

    def day_fires(self, year: int, month: int, day: int, second_of_day: int) -> bool:
        """Whether a date is one of this calendar's."""
        if not self.day >> day & 1:
            return False
        if self.weekday == _ALL_WEEKDAYS:
            return True
        # As the original, which asks the instant: where midnight is skipped it is the day before.
        reading_s = date_start_s(year, month, day) + second_of_day
        local = self.zone.local(self.zone.instant_s(reading_s))
        return bool(self.weekday >> local.isoweekday() % 7 & 1)


def new_calendar(zone: Zone, fields: Iterable[Iterable[Range]], years: Iterable[Range]) -> Calendar:
    """Return a calendar of ranges, its fields from seconds to months and then days of the week."""
    second, minute, hour, day, month, weekday = (_bits(ranges) for ranges in fields)
    named = frozenset(value for each in years for value in each.values())
    return Calendar(zone, second, minute, hour, day, month, weekday, named or None)


def _bits(ranges: Iterable[Range]) -> int:
    bits = 0
    for each in ranges:
        for value in each.values():
            bits |= 1 << value
    return bits


def _days_in(year: int, month: int) -> int:
    return 29 if month == 2 and isleap(year) else _DAYS[month]


class _Search:
    """The hand of a clock on its way to the next match. `again_s` is an hour while it goes through
    an hour that comes twice for the second time."""

    __slots__ = ("again_s", "calendar", "day", "hour", "minute", "month", "second", "year")

    def __init__(self, calendar: Calendar, after_s: int) -> None:
        self.calendar = calendar
        local = calendar.zone.local(after_s)
        self.year, self.month, self.day = local.year, local.month, local.day
        self.hour, self.minute, self.second = local.hour, local.minute, local.second + 1
        earlier = calendar.zone.local(after_s - _HOUR_S)
        self.again_s = _HOUR_S if earlier.hour == local.hour else 0

    def run(self) -> int | None:
        calendar = self.calendar
        if self.year < YEAR_MIN and calendar.years is not None:
            self._turn_year(YEAR_MIN)
        while True:
            self._carry()
            if self.year > YEAR_MAX:
                return None
            if calendar.years is not None and self.year not in calendar.years:
                self._turn_year(self.year + 1)
            elif self._find_date() and self._find_time():
                at_s = calendar.zone.instant_s(self._reading_s())
                if calendar.zone.local(at_s).hour == self.hour:
                    return at_s + self.again_s
                # This time is skipped.
                self.hour, self.minute, self.second = self.hour + 1, 0, 0

    def _reading_s(self) -> int:
        start_s = date_start_s(self.year, self.month, self.day)
        return start_s + self.hour * _HOUR_S + self.minute * 60 + self.second

    def _turn_year(self, year: int) -> None:
        self.year, self.month, self.day = year, 1, 1
        self.hour = self.minute = self.second = self.again_s = 0

    def _carry(self) -> None:
        if self.second >= 60:
            self.minute, self.second = self.minute + 1, 0
        if self.minute >= 60:
            self._next_hour()
        if self.hour >= 24:
            self.day, self.hour = self.day + 1, 0
        if self.day > _days_in(self.year, self.month):
            self.month, self.day = self.month + 1, 1
        if self.month > 12:
            self.year, self.month = self.year + 1, 1

    def _next_hour(self) -> None:
        zone = self.calendar.zone
        self.minute = self.second = 0
        before_s = zone.instant_s(self._reading_s())
        self.hour += 1
        leapt_s = zone.instant_s(self._reading_s()) - before_s
        if not self.again_s and leapt_s > _HOUR_S:
            # Two hours to the next one: this one comes again.
            self.hour -= 1
            self.again_s = _HOUR_S
        else:
            self.again_s = 0

    def _find_date(self) -> bool:
        calendar = self.calendar
        while not calendar.month >> self.month & 1:
            self.month, self.day = self.month + 1, 1
            self.hour = self.minute = self.second = self.again_s = 0
            if self.month > 12:
                return False
        days = _days_in(self.year, self.month)
        while True:
            second_of_day = self.hour * _HOUR_S + self.minute * 60 + self.second
            if calendar.day_fires(self.year, self.month, self.day, second_of_day):
                return True
            self.day += 1
            self.hour = self.minute = self.second = self.again_s = 0
            if self.day > days:
                return False

    def _find_time(self) -> bool:
        calendar = self.calendar
        while not calendar.hour >> self.hour & 1:
            self.hour, self.minute, self.second = self.hour + 1, 0, 0
            self.again_s = 0
            if self.hour >= 24:
                return False
        while not calendar.minute >> self.minute & 1:
            self.minute, self.second = self.minute + 1, 0
            if self.minute >= 60:
                return False
        while not calendar.second >> self.second & 1:
            self.second += 1
            if self.second >= 60:
                return False
        return True
