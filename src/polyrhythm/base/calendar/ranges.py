"""One field of a schedule's calendar as ranges: `*`, `3-7/2`, `mon-fri`, `1,15`, `jan`.

    field = part ("," part)*           part = ("*" | value | value "-" value) ["/" step]

`N/step` means from N to the end; a day of the week may be 7 for Sunday; names are as long as one
likes, from three letters on (two for days). Ranges come out as they are stored: an end or a step
that is left out is 0. Grammar and wording are those of Temporal's scheduler, which differ from
those of workflows' cron specs (`cron.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from polyrhythm.base.errors import InvalidArgument

YEAR_MIN = 2000
YEAR_MAX = 2100

# What Go reads as a decimal int; Python refuses to read very long digits.
_NUMBER = re.compile(r"[+-]?[0-9]{1,100}", re.ASCII)
_INT_MAX = 2**63 - 1
_MONTHS = (
    "january february march april may june july august september october november december"
).split()
_WEEKDAYS = "sunday monday tuesday wednesday thursday friday saturday".split()


@dataclass(slots=True)
class Range:
    """The values from `start` to `end` by `step`; an end below the start means the start alone,
    a step of 0 means 1."""

    start: int
    end: int = 0
    step: int = 0

    def values(self) -> range:
        """Return the values."""
        return range(self.start, max(self.start, self.end) + 1, self.step or 1)


@dataclass(slots=True)
class FieldKind:
    """What a field of a calendar may hold. `default` is what an empty text means; `names` stand
    for numbers from `names_first` on, by a prefix of at least `prefix_min` letters."""

    name: str
    least: int
    greatest: int
    default: str
    names: tuple[str, ...] = ()
    names_first: int = 0
    prefix_min: int = 0


SECOND = FieldKind("Second", 0, 59, "0")
MINUTE = FieldKind("Minute", 0, 59, "0")
HOUR = FieldKind("Hour", 0, 23, "0")
DAY_OF_MONTH = FieldKind("DayOfMonth", 1, 31, "*")
MONTH = FieldKind("Month", 1, 12, "*", tuple(_MONTHS), 1, 3)
YEAR = FieldKind("Year", YEAR_MIN, YEAR_MAX, "*")
# 7 is read as Sunday and never stored.
DAY_OF_WEEK = FieldKind("DayOfWeek", 0, 7, "*", tuple(_WEEKDAYS), 0, 2)


def parse_ranges(text: str, kind: FieldKind) -> list[Range]:
    """Return the ranges of a field's text; any year is no range at all. Raises InvalidArgument."""
    text = text.strip() or kind.default
    if text == "*" and kind is YEAR:
        return []
    ranges: list[Range] = []
    for part in text.split(","):
        ranges.extend(_parse_part(part, kind))
    return ranges


def _parse_part(part: str, kind: FieldKind) -> list[Range]:
    span, *steps = part.split("/")
    if len(steps) > 1:
        raise InvalidArgument(f"{kind.name} has too many slashes")
    step = _parse_step(steps[0], kind) if steps else 1
    start, end = kind.least, kind.greatest
    if "-" in span:
        low, *high = span.split("-")
        if len(high) > 1:
            raise InvalidArgument(f"{kind.name} has too many dashes")
        bounds = f"in range [{kind.least}-{kind.greatest}]"
        start = _parse_value(low, kind, kind.least, f"{kind.name} Start is not {bounds}")
        end = _parse_value(high[0], kind, start, f"{kind.name} End is before Start or not {bounds}")
    elif span != "*":
        wrong = f"{kind.name} is not in range [{kind.least}-{kind.greatest}]"
        start = _parse_value(span, kind, kind.least, wrong)
        end = end if steps else start
    return _stored(start, end, step, kind)


def _stored(start: int, end: int, step: int, kind: FieldKind) -> list[Range]:
    ranges = []
    if kind is DAY_OF_WEEK and end == 7:
        # Sunday is 0: it needs a range of its own where 7 is met and the range itself misses 0.
        if (7 - start) % step == 0 and (step > 1 or start > 1):
            ranges.append(Range(0))
            if start == 7:
                return ranges
        end = 6
    ranges.append(Range(start, 0 if start == end else end, 0 if step == 1 else step))
    return ranges


def _parse_step(text: str, kind: FieldKind) -> int:
    if not text:
        raise InvalidArgument(f"{kind.name} missing step value")
    if _NUMBER.fullmatch(text) is None:
        raise InvalidArgument(f'strconv.Atoi: parsing "{text}": invalid syntax')
    step = int(text)
    if not -_INT_MAX - 1 <= step <= _INT_MAX:
        raise InvalidArgument(f'strconv.Atoi: parsing "{text}": value out of range')
    if step < 1:
        raise InvalidArgument(f"{kind.name} has invalid Step")
    # No field is that long: one step leaves it.
    return min(step, YEAR_MAX)


def _parse_value(text: str, kind: FieldKind, least: int, wrong: str) -> int:
    value = -1
    if kind.names and len(text) >= kind.prefix_min:
        lowered = text.lower()
        for number, name in enumerate(kind.names, kind.names_first):
            if name.startswith(lowered):
                value = number
                break
    if value < 0 and _NUMBER.fullmatch(text) is not None:
        value = int(text)
    if not least <= value <= kind.greatest:
        raise InvalidArgument(wrong)
    return value
