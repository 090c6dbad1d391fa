"""Draws cases: specs as sets and as the text that says the same, and instants near changes.

Eight zones: whole hours and half ones, both hemispheres, a change at midnight, a day that was left
out, offsets of quarter hours, Ramadan. Three out of four instants lie within two days of a change.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from polyrhythm.base.calendar.switches import Days, Repeated, Skipped, Switches
from polyrhythm.testing.calendar.slow import SlowSpec

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "America/St_Johns",
)
FIRST, LAST = datetime(2005, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_WEEKDAYS = "sun mon tue wed thu fri sat".split()


@dataclass(slots=True)
class Case:
    """One question, and the spec that the slow search gets."""

    text: str
    switches: Switches
    zone: str
    after: datetime
    slow: SlowSpec


def draw_case(rng: random.Random) -> Case:
    """Return a case."""
    switches = Switches(
        days=rng.choice(list(Days)),
        skipped=rng.choice(list(Skipped)),
        repeated=rng.choice(list(Repeated)),
    )
    zone = rng.choice(ZONES)
    after = _instant(rng, zone)
    second, seconds = _field(rng, 0, 59, rng.choice((1, 1, 1, 2)))
    minute, minutes = _field(rng, 0, 59, rng.choice((1, 2, 4)), every=0.05)
    hour, hours = _field(rng, 0, 23, rng.choice((1, 2, 5)), every=0.3)
    if rng.random() < 0.5:
        # Most changes of clocks are at night.
        hours = {rng.randint(0, 3) for _ in range(rng.choice((1, 2)))}
        hour = ",".join(map(str, hours))
    month, months = _field(rng, 1, 12, rng.choice((3, 6)), every=0.7, names=_MONTHS)
    day, days, day_marks = _days(rng)
    weekday, weekdays, weekday_marks = _weekdays(rng)
    words = [second, minute, hour, day, month, weekday]
    years = None
    if rng.random() < 0.1:
        years = {after.year + rng.choice((0, 0, 1, 4)) for _ in range(2)}
        words.append(",".join(map(str, sorted(years))))
    slow = SlowSpec(
        seconds=sorted(seconds),
        minutes=sorted(minutes),
        hours=sorted(hours),
        months=months,
        days=days,
        weekdays=weekdays,
        years=years,
        day_marks=day_marks,
        weekday_marks=weekday_marks,
        either=switches.days is Days.OR,
        shifts=switches.skipped is Skipped.SHIFT,
        once=switches.repeated is Repeated.FIRST,
    )
    return Case(" ".join(words), switches, zone, after, slow)


def _field(
    rng: random.Random,
    least: int,
    greatest: int,
    count: int,
    every: float = 0.0,
    names: list[str] | None = None,
) -> tuple[str, set[int]]:
    """Return a field's text and values: a list of values, ranges (also round the end) or steps."""
    if rng.random() < every:
        return rng.choice("*?"), set(range(least, greatest + 1))
    size = greatest - least + 1
    parts, values = [], set()
    for _ in range(rng.randint(1, count)):
        first = rng.randint(least, greatest)
        shape = rng.random()
        shown = names[first - least] if names and rng.random() < 0.5 else str(first)
        if shape < 0.6:
            parts.append(shown)
            values.add(first)
        elif shape < 0.8:
            length, step = rng.randint(1, max(1, size // 4)), rng.randint(1, 3)
            last = least + (first - least + length) % size
            parts.append(f"{shown}-{last}/{step}" if step > 1 else f"{shown}-{last}")
            values |= {least + (first - least + n) % size for n in range(0, length + 1, step)}
        else:
            step = rng.randint(max(2, size // 4), max(2, size // 2))
            from_star = rng.random() < 0.5
            parts.append(f"{'*' if from_star else first}/{step}")
            values |= set(range(least if from_star else first, greatest + 1, step))
    return ",".join(parts), values


def _days(rng: random.Random) -> tuple[str, set[int] | None, list[str]]:
    if rng.random() < 0.5:
        return rng.choice("*?"), None, []
    text, values = _field(rng, 1, 31, 3)
    marks = [
        rng.choice(("L", "LW", f"L-{rng.randint(1, 30)}", f"{rng.randint(1, 31)}W"))
        for _ in range(rng.choice((0, 0, 1, 2)))
    ]
    if marks and rng.random() < 0.5:
        text, values = "", set()
    return ",".join(filter(None, [text, *marks])), values, marks


def _weekdays(rng: random.Random) -> tuple[str, set[int] | None, list[str]]:
    if rng.random() < 0.5:
        return rng.choice("*?"), None, []
    text, values = _field(rng, 0, 6, 3, names=_WEEKDAYS)
    if rng.random() < 0.2:
        text, values = text + ",7", values | {0}
    marks, shown = [], []
    for _ in range(rng.choice((0, 0, 1, 2))):
        day, number = rng.randint(0, 6), rng.choice(("1", "2", "3", "4", "5", "L"))
        marks.append(f"{day}#{number}")
        name = rng.choice((str(day or 7), _WEEKDAYS[day].upper()))
        shown.append(f"{name}L" if number == "L" and rng.random() < 0.5 else f"{name}#{number}")
    if marks and rng.random() < 0.5:
        text, values = "", set()
    return ",".join(filter(None, [text, *shown])), values, marks


def _instant(rng: random.Random, zone: str) -> datetime:
    changes = changes_of(zone)
    if rng.random() < 0.75:
        return rng.choice(changes) + timedelta(seconds=rng.randint(-2 * 86400, 2 * 86400))
    return FIRST + timedelta(seconds=rng.randint(0, int((LAST - FIRST).total_seconds())))


@lru_cache(maxsize=64)
def changes_of(zone: str) -> list[datetime]:
    """Return the instants at which a zone's offset changes, to the hour; a few for one without."""
    rules, found = ZoneInfo(zone), []
    at = FIRST
    while at < LAST:
        offset = at.astimezone(rules).utcoffset()
        if (at + timedelta(days=1)).astimezone(rules).utcoffset() != offset:
            hours = [at + timedelta(hours=n) for n in range(1, 25)]
            found.append(next(h for h in hours if h.astimezone(rules).utcoffset() != offset))
        at += timedelta(days=1)
    return found or [FIRST + timedelta(days=100 * n) for n in range(100)]
