"""Specs of schedules: one spelling for all of them, checked, and the timetable that they mean.

Calendars as texts and cron strings become structured calendars and intervals, so that clients are
shown what was understood. Order of the checks and wording are the Temporal scheduler's; excluded
calendars are checked as the others are, which it leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.schedule.v1 import (
    CalendarSpec,
    IntervalSpec,
    ScheduleSpec,
    StructuredCalendarSpec,
)
from temporalio.api.schedule.v1 import Range as RangeMessage

from polyrhythm.base.calendar.every import parse_duration
from polyrhythm.base.calendar.ranges import (
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    HOUR,
    MINUTE,
    MONTH,
    SECOND,
    YEAR,
    FieldKind,
    Range,
    parse_ranges,
)
from polyrhythm.base.calendar.timetable import Interval, Timetable
from polyrhythm.base.calendar.wallclock import Calendar, new_calendar
from polyrhythm.base.calendar.zones import UTC_ZONE, Zone, find_zone, read_zone
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.core.durations import span_ns

COMMENT_BYTES_MAX = 200
DURATION_LENGTH_MAX = 100
_DAYS = re.compile(r"(\d{1,300}(?:\.\d{0,300})?|\.\d{1,300})d", re.ASCII)
# As far as a duration can be read, then a number whose unit is wrong or missing.
_NUMBER = r"\d+\.?\d*|\.\d+"
_DURATION = re.compile(
    rf"[+-]?(?:(?:{_NUMBER})(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))*({_NUMBER})?([^\d.]*)", re.ASCII
)
_CRON_FIELDS = ("minute", "hour", "day_of_month", "month", "day_of_week", "year")
_ZONE_PREFIXES = ("TZ=", "CRON_TZ=")
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
# In the order in which texts are read.
_TEXT_FIELDS = (
    ("second", SECOND),
    ("minute", MINUTE),
    ("hour", HOUR),
    ("day_of_week", DAY_OF_WEEK),
    ("day_of_month", DAY_OF_MONTH),
    ("month", MONTH),
    ("year", YEAR),
)
# In the order in which structured calendars are checked, with the greatest value of each.
_FIELDS: tuple[tuple[str, FieldKind, int], ...] = (
    ("second", SECOND, 59),
    ("minute", MINUTE, 59),
    ("hour", HOUR, 23),
    ("day_of_month", DAY_OF_MONTH, 31),
    ("month", MONTH, 12),
    ("year", YEAR, YEAR.greatest),
    ("day_of_week", DAY_OF_WEEK, 6),
)


def canonical_spec(spec: ScheduleSpec) -> ScheduleSpec:
    """Return a spec in its one spelling, checked. Raises InvalidArgument, saying what is wrong."""
    whole = ScheduleSpec()
    whole.CopyFrom(spec)
    for calendar in spec.calendar:
        whole.structured_calendar.append(_parse_calendar(calendar))
    for calendar in spec.exclude_calendar:
        whole.exclude_structured_calendar.append(_parse_calendar(calendar))
    whole.ClearField("calendar")
    whole.ClearField("exclude_calendar")
    _read_crons(whole, spec.cron_string)
    whole.ClearField("cron_string")
    for structured in (*whole.structured_calendar, *whole.exclude_structured_calendar):
        _check_structured(structured)
    for interval in whole.interval:
        _check_interval(interval)
    _load_zone(whole)
    return whole


def fill_ranges(spec: ScheduleSpec) -> None:
    """Write out the ends and steps of ranges that were left out, as clients are shown them."""
    for calendar in (*spec.structured_calendar, *spec.exclude_structured_calendar):
        for name, _, _ in _FIELDS:
            for each in getattr(calendar, name):
                each.end = max(each.start, each.end)
                each.step = each.step or 1


@lru_cache(maxsize=4096)
def timetable_of(spec_bytes: bytes) -> Timetable:
    """Return the times of a serialized canonical spec.

    NOTE: the rules of zones are those of this process; times that were decided are in the log.
    """
    spec = ScheduleSpec.FromString(spec_bytes)
    zone = _load_zone(spec)
    return Timetable(
        calendars=[_compile(each, zone) for each in spec.structured_calendar],
        intervals=[_interval(each) for each in spec.interval],
        excluded=[_compile(each, zone) for each in spec.exclude_structured_calendar],
        start_ns=span_ns(spec.start_time),
        end_ns=span_ns(spec.end_time) if spec.HasField("end_time") else None,
        jitter_ns=max(0, span_ns(spec.jitter)),
    )


def _parse_calendar(calendar: CalendarSpec) -> StructuredCalendarSpec:
    structured = StructuredCalendarSpec(comment=calendar.comment)
    problems = []
    for name, kind in _TEXT_FIELDS:
        try:
            ranges = parse_ranges(getattr(calendar, name), kind)
        except InvalidArgument as problem:
            problems.append(problem.message)
            continue
        getattr(structured, name).extend(
            RangeMessage(start=each.start, end=each.end, step=each.step) for each in ranges
        )
    if problems:
        raise InvalidArgument(", ".join(problems))
    return structured


def _read_crons(spec: ScheduleSpec, texts: Iterable[str]) -> None:
    zones = set()
    for text in texts:
        zones.add(_read_cron(spec, text))
        if len(zones) > 1:
            raise InvalidArgument("conflicting timezone names")
    for name in filter(None, zones):
        if spec.timezone_name not in ("", name) or spec.timezone_data:
            raise InvalidArgument("conflicting timezone names")
        spec.timezone_name = name


def _read_cron(spec: ScheduleSpec, text: str) -> str:
    """Add what a cron string means to a spec; return the zone that it names, empty for none."""
    text, zone_name = text.strip(), ""
    if text.startswith(_ZONE_PREFIXES):
        head, space, text = text.partition(" ")
        if not space:
            raise InvalidArgument("CronString has time zone but missing fields")
        zone_name = head.partition("=")[2]
    text, _, comment = text.partition("#")
    text = text.strip()
    if text.startswith("@every"):
        spec.interval.append(_read_every(text))
        return ""
    words = _DESCRIPTORS.get(text, text).split()
    calendar = CalendarSpec(comment=comment.strip())
    if len(words) == 7:
        calendar.second = words.pop(0)
    elif len(words) not in (5, 6):
        raise InvalidArgument("CronString does not have 5-7 fields")
    for name, word in zip(_CRON_FIELDS, words, strict=False):
        setattr(calendar, name, word)
    spec.structured_calendar.append(_parse_calendar(calendar))
    return zone_name


def _read_every(text: str) -> IntervalSpec:
    _, space, rest = text.partition(" ")
    if not space:
        raise InvalidArgument("CronString does not have interval after @every")
    every, _, phase = rest.partition("/")
    interval = IntervalSpec()
    interval.interval.FromNanoseconds(_parse_duration(every))
    if phase:
        interval.phase.FromNanoseconds(_parse_duration(phase))
    return interval


def _parse_duration(text: str) -> int:
    if len(text) > DURATION_LENGTH_MAX:
        raise InvalidArgument("time: invalid duration")
    whole = _DAYS.sub(_in_hours, text)
    try:
        return parse_duration(whole)
    except (InvalidArgument, IndexError) as problem:
        raise InvalidArgument(_duration_problem(whole)) from problem


def _in_hours(days: re.Match[str]) -> str:
    return f"{24 * float(days[1]):f}h"


def _duration_problem(text: str) -> str:
    read = _DURATION.match(text)
    number, unit = (read[1], read[2]) if read is not None else (None, "")
    if number and unit:
        return f'time: unknown unit "{unit}" in duration "{text}"'
    if number:
        return f'time: missing unit in duration "{text}"'
    return f'time: invalid duration "{text}"'


def _check_structured(calendar: StructuredCalendarSpec) -> None:
    problems = []
    for name, kind, greatest in _FIELDS:
        bounds = f"in range [{kind.least}-{greatest}]"
        for each in getattr(calendar, name):
            if not kind.least <= each.start <= greatest:
                problems.append(f"{kind.name} Start is not {bounds}")
            if each.end and not each.start <= each.end <= greatest:
                problems.append(f"{kind.name} End is before Start or not {bounds}")
            if each.step < 0:
                problems.append(f"{kind.name} has invalid Step")
    if len(calendar.comment.encode()) > COMMENT_BYTES_MAX:
        problems.append("comment is too long")
    if problems:
        raise InvalidArgument(f"invalid calendar spec: {', '.join(problems)}")


def _check_interval(interval: IntervalSpec) -> None:
    every_ns, phase_ns = _long_ns(interval.interval), _long_ns(interval.phase)
    if every_ns < SECOND_NS:
        raise InvalidArgument("interval is too small")
    if phase_ns < 0:
        raise InvalidArgument("phase is negative")
    if phase_ns >= every_ns:
        raise InvalidArgument("phase cannot be greater than Interval")


def _long_ns(duration: Duration) -> int:
    # What Go holds of a duration: 64 bits of nanoseconds.
    return max(-(2**63), min(span_ns(duration), 2**63 - 1))


def _load_zone(spec: ScheduleSpec) -> Zone:
    if spec.timezone_data:
        return read_zone(spec.timezone_name, spec.timezone_data)
    return find_zone(spec.timezone_name) or UTC_ZONE


def _compile(calendar: StructuredCalendarSpec, zone: Zone) -> Calendar:
    names = ("second", "minute", "hour", "day_of_month", "month", "day_of_week")
    fields = [_ranges(getattr(calendar, name)) for name in names]
    return new_calendar(zone, fields, _ranges(calendar.year))


def _ranges(messages: Iterable[Any]) -> list[Range]:
    return [Range(each.start, each.end, each.step) for each in messages]


def _interval(interval: IntervalSpec) -> Interval:
    every_s = _long_ns(interval.interval) // SECOND_NS
    return Interval(max(1, every_s), max(0, _long_ns(interval.phase) // SECOND_NS))
