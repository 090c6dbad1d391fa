"""Reads the fields of a cron spec of the polyrhythm dialect.

    field = part ("," part)*      part = ("*" | "?" | value | value "-" value) ["/" step]

Names are three letters, upper or lower case. `N/step` goes on to the end. With `wraps` a range may
go round (`22-2`, `fri-mon`), with `sunday_7` a weekday may be 7. Day fields know more: `dates.py`.
A lone star (or a step of 1 over one) leaves a field open. Every refusal names the field.
"""

from __future__ import annotations

import re

from polyrhythm.base.calendar.dates import YEAR_MAX, YEAR_MIN, Dates, DayOfMonth, DayOfWeek
from polyrhythm.base.calendar.fields import (
    DAYS,
    HOURS,
    MINUTES,
    MONTHS,
    SECONDS,
    WEEKDAYS,
    Bounds,
)
from polyrhythm.base.calendar.recurrence import Recurrence
from polyrhythm.base.calendar.switches import Days, Switches
from polyrhythm.base.calendar.zones import Zone
from polyrhythm.base.errors import InvalidArgument

YEARS = Bounds(YEAR_MIN, YEAR_MAX)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_STARS = ("*", "?")
_NTH_MAX = 5


def parse_recurrence(text: str, zone: Zone, switches: Switches) -> Recurrence:
    """Return what five, six or seven fields mean. Raises InvalidArgument."""
    words = text.split()
    if not 5 <= len(words) <= 7:
        raise InvalidArgument(
            f"{text!r} has {len(words)} fields: minute, hour, day of month, month and day of week;"
            " a sixth in front is the second, a seventh at the end the year"
        )
    second = "0" if len(words) == 5 else words.pop(0)
    year = words.pop() if len(words) == 6 else "*"
    minute, hour, day, month, weekday = words
    days = _parse_days(day, switches)
    weekdays = _parse_weekdays(weekday, switches)
    dates = Dates(
        day=days,
        weekday=weekdays,
        month=_bits(_parse_list("month", month, MONTHS, switches)),
        years=_parse_years(year, switches),
        either=switches.days is Days.OR and not (days.open or weekdays.open),
    )
    return Recurrence(
        second=_bits(_parse_list("second", second, SECONDS, switches)),
        minute=_bits(_parse_list("minute", minute, MINUTES, switches)),
        hour=_bits(_parse_list("hour", hour, HOURS, switches)),
        dates=dates,
        skipped=switches.skipped,
        repeated=switches.repeated,
        zone=zone,
    )


def _parse_years(text: str, switches: Switches) -> frozenset[int] | None:
    if text in _STARS:
        return None
    return frozenset(_parse_list("year", text, YEARS, switches))


def _parse_days(text: str, switches: Switches) -> DayOfMonth:
    name, days = "day of month", DayOfMonth()
    for part in _parts(name, text):
        upper = part.upper()
        if upper == "L":
            days.last_less.append(0)
        elif upper.startswith("L-"):
            days.last_less.append(_number(name, upper[2:], part, 0, DAYS.greatest - 1))
        elif upper == "LW":
            days.nearest.append(0)
        elif upper.endswith("W"):
            days.nearest.append(_number(name, upper[:-1], part, DAYS.least, DAYS.greatest))
        else:
            values, is_open = _parse_part(name, part, DAYS, switches)
            days.bits |= _bits(values)
            days.open = days.open or is_open
    return days


def _parse_weekdays(text: str, switches: Switches) -> DayOfWeek:
    name, days = "day of week", DayOfWeek()
    for part in _parts(name, text):
        weekday, hash_sign, number = part.partition("#")
        if hash_sign:
            last = number.upper() == "L"
            nth = 0 if last else _number(name, number, part, 1, _NTH_MAX)
            days.nth.append((_weekday(weekday, part, switches), nth))
        elif len(part) > 1 and part[-1] in "lL":
            days.nth.append((_weekday(part[:-1], part, switches), 0))
        elif part in ("l", "L"):
            raise InvalidArgument(f"{name} L: write which day is meant, as in friL")
        else:
            values, is_open = _parse_part(name, part, WEEKDAYS, switches)
            days.bits |= _bits(values)
            days.open = days.open or is_open
    return days


def _weekday(text: str, part: str, switches: Switches) -> int:
    return _value("day of week", text, part, WEEKDAYS, switches) % 7


def _parse_list(name: str, text: str, bounds: Bounds, switches: Switches) -> set[int]:
    found: set[int] = set()
    for part in _parts(name, text):
        found |= _parse_part(name, part, bounds, switches)[0]
    return found


def _parts(name: str, text: str) -> list[str]:
    parts = text.split(",")
    if not all(parts):
        raise InvalidArgument(f"{name} {text!r}: there is nothing at a comma")
    return parts


def _parse_part(name: str, part: str, bounds: Bounds, switches: Switches) -> tuple[set[int], bool]:
    """Return the values of one part, and whether it leaves the field open."""
    span, *steps = part.split("/")
    low, *high = span.split("-")
    if len(steps) > 1 or len(high) > 1:
        raise InvalidArgument(f"{name} {part!r}: more than one {'slash' if steps[1:] else 'dash'}")
    step = _number(name, steps[0], part, 1, bounds.greatest) if steps else 1
    is_open = low in _STARS and not high
    if is_open:
        return set(range(bounds.least, bounds.greatest + 1, step)), step == 1
    first = _value(name, low, part, bounds, switches)
    last = _value(name, high[0], part, bounds, switches) if high else first
    if steps and not high:
        last = bounds.greatest
    size = bounds.greatest - bounds.least + 1
    if bounds is WEEKDAYS and first == size:
        # Sunday as 7, where a range begins.
        first, last = 0, last % size
    if first > last:
        if not switches.wraps or bounds is YEARS:
            raise InvalidArgument(f"{name} {part!r}: it ends before it begins")
        last += size
    values = range(first, last + 1, step)
    return {bounds.least + (value - bounds.least) % size for value in values}, False


def _value(name: str, text: str, part: str, bounds: Bounds, switches: Switches) -> int:
    named = bounds.names.get(text.lower())
    if named is not None:
        return named
    sunday_7 = bounds is WEEKDAYS and switches.sunday_7
    return _number(name, text, part, bounds.least, bounds.greatest + (1 if sunday_7 else 0))


def _number(name: str, text: str, part: str, least: int, greatest: int) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise InvalidArgument(f"{name} {part!r}: {text!r} is no number or name")
    if not least <= int(text) <= greatest:
        raise InvalidArgument(f"{name} {part!r}: {text} is not within {least} to {greatest}")
    return int(text)


def _bits(values: set[int]) -> int:
    return sum(1 << value for value in values)
