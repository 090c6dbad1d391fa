"""Cron specs: `15 9 * * mon-fri`, `@daily`, `CRON_TZ=Europe/Berlin 0 6 1,15 * *`.

Five fields (minute, hour, day of month, month, day of week), or six with seconds first where they
are allowed. Days of month and week are alternatives once neither is left open. A spec fires by the
wall clock of its zone. The search is robfig/cron v3's, with its answers around changes of the
clock: it looks for the month, then the day, hour, minute and second, by steps of that unit, and
starts over whenever a step leaves the unit above. It ends five years ahead, and always moves on:
the original never returns where a zone skips a whole day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from polyrhythm.base.calendar.fields import (
    DAYS,
    HOURS,
    MINUTES,
    MONTHS,
    SECONDS,
    WEEKDAYS,
    Field,
    parse_field,
)
from polyrhythm.base.calendar.zones import (
    DAY_S,
    EARLIEST_S,
    LATEST_S,
    UTC_ZONE,
    Zone,
    month_start_s,
)
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import SECOND_NS

_HOUR_S = 3600
_MINUTE_S = 60
_YEARS_MAX = 5

# Descriptors as the fields they stand for.
DESCRIPTORS: dict[str, str] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(slots=True)
class CronSpec:
    """A parsed spec: bit n of a field is value n (Sunday is 0). `either_day`: a day fires if its
    date or its weekday does, else both must. `zone` None: the zone of whoever asks."""

    second: int
    minute: int
    hour: int
    day: int
    month: int
    weekday: int
    either_day: bool
    zone: Zone | None

    def next_ns(self, after_ns: int, zone: Zone = UTC_ZONE) -> int:
        """Return the first firing after an instant, 0 if there is none within five years."""
        fields = (self.second, self.minute, self.hour, self.month)
        after_s = after_ns // SECOND_NS
        if not all(fields) or not EARLIEST_S < after_s < LATEST_S:
            # A field without values would be looked for second by second.
            return 0
        return _search(self, self.zone or zone, after_s + 1) * SECOND_NS

    def first_ns(self, anchor_ns: int, not_before_ns: int, zone: Zone = UTC_ZONE) -> int:
        """Return the first firing after the anchor that is not before an instant."""
        return self.next_ns(max(anchor_ns, not_before_ns - 1), zone)


def parse_fields(text: str, zone: Zone | None, seconds: bool = False) -> CronSpec:
    """Return the spec of five fields; six are allowed, seconds first, with `seconds`.

    Raises InvalidArgument.
    """
    words = text.split()
    if len(words) == 5:
        words = ["0", *words]
    elif not (seconds and len(words) == 6):
        wanted = "5 to 6" if seconds else "exactly 5"
        raise InvalidArgument(f"expected {wanted} fields, found {len(words)}: [{' '.join(words)}]")
    bounds = (SECONDS, MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS)
    parsed = [parse_field(word, each) for word, each in zip(words, bounds, strict=True)]
    return _spec(parsed, zone)


def parse_descriptor(text: str, zone: Zone | None) -> CronSpec:
    """Return the spec of `@daily` and its like. Raises InvalidArgument for an unknown one."""
    fields = DESCRIPTORS.get(text)
    if fields is None:
        raise InvalidArgument(f"unrecognized descriptor: {text}")
    return parse_fields(fields, zone)


def _spec(parsed: list[Field], zone: Zone | None) -> CronSpec:
    second, minute, hour, day, month, weekday = parsed
    return CronSpec(
        second=second.bits,
        minute=minute.bits,
        hour=hour.bits,
        day=day.bits,
        month=month.bits,
        weekday=weekday.bits,
        either_day=not (day.open or weekday.open),
        zone=zone,
    )


@dataclass(slots=True)
class _Unit:
    """How the search deals with one unit. `floor` and `step` return instants in seconds."""

    fires: Callable[[CronSpec, datetime], bool]
    floor: Callable[[Zone, int], int]
    step: Callable[[Zone, int], int]
    # Whether a step has come to the start of the unit above.
    carried: Callable[[datetime], bool]


def _search(spec: CronSpec, zone: Zone, at_s: int) -> int:
    local = zone.local(at_s)
    year_last = local.year + _YEARS_MAX
    # The first step goes to the start of its unit; from there every step does.
    floored = False
    while local.year <= year_last:
        for unit in _UNITS:
            while not unit.fires(spec, local):
                at_s = unit.step(zone, at_s if floored else unit.floor(zone, at_s))
                floored = True
                local = zone.local(at_s)
                if unit.carried(local):
                    break
            else:
                continue
            break
        else:
            return at_s
    return 0


def _month_fires(spec: CronSpec, local: datetime) -> bool:
    return bool(spec.month >> local.month & 1)


def _day_fires(spec: CronSpec, local: datetime) -> bool:
    date_fires = bool(spec.day >> local.day & 1)
    weekday_fires = bool(spec.weekday >> local.isoweekday() % 7 & 1)
    if spec.either_day:
        return date_fires or weekday_fires
    return date_fires and weekday_fires


def _floor_month(zone: Zone, at_s: int) -> int:
    local = zone.local(at_s)
    return zone.instant_s(month_start_s(local.year, local.month))


def _step_month(zone: Zone, at_s: int) -> int:
    local = zone.local(at_s)
    length_s = month_start_s(local.year, local.month + 1) - month_start_s(local.year, local.month)
    return zone.instant_s(zone.reading_s(at_s) + length_s)


def _floor_day(zone: Zone, at_s: int) -> int:
    reading_s = zone.reading_s(at_s)
    return zone.instant_s(reading_s - reading_s % DAY_S)


def _step_day(zone: Zone, at_s: int) -> int:
    next_s = zone.instant_s(zone.reading_s(at_s) + DAY_S)
    # Midnight may be skipped: the clock is set right by whole hours.
    hour = zone.local(next_s).hour
    next_s += (24 - hour if hour > 12 else -hour) * _HOUR_S
    # NOTE: Samoa had no 30th of December 2011: the day after the 29th reads as the 29th again.
    return next_s if next_s > at_s else at_s + DAY_S


def _floor_hour(zone: Zone, at_s: int) -> int:
    reading_s = zone.reading_s(at_s)
    return zone.instant_s(reading_s - reading_s % _HOUR_S)


_UNITS = (
    _Unit(_month_fires, _floor_month, _step_month, lambda local: local.month == 1),
    _Unit(_day_fires, _floor_day, _step_day, lambda local: local.day == 1),
    _Unit(
        lambda spec, local: bool(spec.hour >> local.hour & 1),
        _floor_hour,
        lambda _zone, at_s: at_s + _HOUR_S,
        lambda local: local.hour == 0,
    ),
    _Unit(
        lambda spec, local: bool(spec.minute >> local.minute & 1),
        lambda _zone, at_s: at_s - at_s % _MINUTE_S,
        lambda _zone, at_s: at_s + _MINUTE_S,
        lambda local: local.minute == 0,
    ),
    _Unit(
        lambda spec, local: bool(spec.second >> local.second & 1),
        lambda _zone, at_s: at_s,
        lambda _zone, at_s: at_s + 1,
        lambda local: local.second == 0,
    ),
)
