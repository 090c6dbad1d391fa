"""Durations and rates as users write them: "250ms", "1h30m", "30d", 1.5; "100/m".

Owns the reading of such texts. A number is seconds, a `timedelta` itself; a text is numbers with
units (ns, us, ms, s, m, h, d, w), nothing between them. Negative and endless durations are refused:
nothing here waits backwards. The results are seconds as floats.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta

from polyrhythm.base.errors import InvalidArgument

# What a user may write where a duration is wanted.
Span = str | float | timedelta

_UNITS_S = {
    "ns": 1e-9,
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
    "w": 604_800.0,
}
_PART = re.compile(r"(\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(ns|us|ms|s|m|h|d|w)", re.ASCII)
_RATE = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)/(.{1,100})", re.ASCII)
# What the engine cuts every duration to, 100 years: more is a mistake in a unit.
_SPAN_S_MAX = 100 * 365 * 86_400.0


@dataclass(slots=True)
class Rate:
    """So many in so many seconds."""

    count: float
    per_s: float

    @property
    def interval_s(self) -> float:
        """Seconds from one to the next when they are spread evenly."""
        return self.per_s / self.count


def parse_span(span: Span) -> float:
    """Return a duration in seconds. Raises InvalidArgument for what is none."""
    if isinstance(span, str):
        seconds = _parse_text(span)
    elif isinstance(span, timedelta):
        seconds = span.total_seconds()
    else:
        seconds = _number(span)
    if math.isnan(seconds) or not 0 <= seconds <= _SPAN_S_MAX:
        raise _refused(span, "it lies outside 0 to 100 years")
    return seconds


def parse_rate(text: str) -> Rate:
    """Return a rate such as `5/s`, `100/m` or `10/30s`. Raises InvalidArgument."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise InvalidArgument(f"{text!r} is no rate; write a count and a time, as in '100/m'")
    per = match[2]
    per_s = parse_span(per if per[0].isdigit() or per[0] == "." else f"1{per}")
    rate = Rate(float(match[1]), per_s)
    if rate.count <= 0 or per_s <= 0:
        raise InvalidArgument(f"{text!r} is no rate: both numbers must be above zero")
    return rate


def _number(span: object) -> float:
    if isinstance(span, bool) or not isinstance(span, int | float):
        raise _refused(span, "write a text, a number of seconds or a timedelta")
    return float(span)


def _parse_text(text: str) -> float:
    total = 0.0
    at = 0
    while at < len(text) or not text:
        part = _PART.match(text, at)
        if part is None:
            raise _refused(text, "write numbers with units, as in '1h30m'")
        total += float(part[1]) * _UNITS_S[part[2]]
        at = part.end()
    return total


def _refused(span: object, reason: str) -> InvalidArgument:
    return InvalidArgument(f"{span!r} is no duration: {reason}")
