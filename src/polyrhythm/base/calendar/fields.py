"""One field of a cron spec as a set of numbers, in bits: `*/15`, `mon-fri`, `1,15`, `10-18/2`.

    field = range ("," range)*         range = ("*" | "?" | value | value "-" value) ["/" step]

`N/step` means from N to the end. A lone star (or a step of 1 over one) says that the field was
left open, which days of month and week treat apart. Semantics and wording are those of robfig/cron
v3, which Temporal servers and most Go programs parse their specs with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from polyrhythm.base.errors import InvalidArgument

# Python refuses to read very long digits; nobody means one.
_NUMBER = re.compile(r"[+-]?[0-9]{1,100}", re.ASCII)
# What Go reads as an int: past it a number is refused before it is compared.
_INT_MAX = 2**63 - 1


@dataclass(slots=True)
class Bounds:
    """The least and greatest value of a field, and its values' names in lower case."""

    least: int
    greatest: int
    names: Mapping[str, int] = field(default_factory=dict)


def _number_names(names: str, first: int) -> dict[str, int]:
    return {name: number for number, name in enumerate(names.split(), first)}


SECONDS = Bounds(0, 59)
MINUTES = Bounds(0, 59)
HOURS = Bounds(0, 23)
DAYS = Bounds(1, 31)
MONTHS = Bounds(1, 12, _number_names("jan feb mar apr may jun jul aug sep oct nov dec", 1))
WEEKDAYS = Bounds(0, 6, _number_names("sun mon tue wed thu fri sat", 0))


@dataclass(slots=True)
class Field:
    """The values a field fires on: bit n for value n. `open`: it was left to a star."""

    bits: int
    open: bool


def parse_field(text: str, bounds: Bounds) -> Field:
    """Return what a field's text means; commas alone mean no value. Raises InvalidArgument."""
    parsed = Field(0, open=False)
    for part in filter(None, text.split(",")):
        values = _parse_range(part, bounds)
        parsed.bits |= values.bits
        parsed.open = parsed.open or values.open
    return parsed


def _parse_range(text: str, bounds: Bounds) -> Field:
    span, *steps = text.split("/")
    low, *high = span.split("-")
    is_open = low in ("*", "?")
    if is_open:
        first, last = bounds.least, bounds.greatest
    else:
        first = last = _parse_value(low, bounds.names)
        if len(high) > 1:
            raise InvalidArgument(f"too many hyphens: {text}")
        if high:
            last = _parse_value(high[0], bounds.names)
    if len(steps) > 1:
        raise InvalidArgument(f"too many slashes: {text}")
    step = _parse_number(steps[0]) if steps else 1
    if steps and not high:
        last = bounds.greatest
    if first < bounds.least:
        raise InvalidArgument(
            f"beginning of range ({first}) below minimum ({bounds.least}): {text}"
        )
    if last > bounds.greatest:
        raise InvalidArgument(f"end of range ({last}) above maximum ({bounds.greatest}): {text}")
    if first > last:
        raise InvalidArgument(f"beginning of range ({first}) beyond end of range ({last}): {text}")
    if step == 0:
        raise InvalidArgument(f"step of range should be a positive number: {text}")
    return Field(_bits(first, last, step), is_open and step == 1)


def _parse_value(text: str, names: Mapping[str, int]) -> int:
    named = names.get(text.lower())
    return named if named is not None else _parse_number(text)


def _parse_number(text: str) -> int:
    if _NUMBER.fullmatch(text) is None or abs(int(text)) > _INT_MAX:
        raise InvalidArgument(f"failed to parse int from {text}")
    if int(text) < 0:
        raise InvalidArgument(f"negative number ({int(text)}) not allowed: {text}")
    return int(text)


def _bits(first: int, last: int, step: int) -> int:
    return sum(1 << value for value in range(first, last + 1, step))
