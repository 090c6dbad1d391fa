"""`@every 1h30m`: a plain interval, counted from wherever one stands.

Intervals are whole seconds, one at least. Durations are written as Go writes them: signed decimal
numbers, each with a unit (ns, us, ms, s, m, h), nothing between them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import MINUTE_NS, SECOND_NS

_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # micro sign
    "\u03bcs": 1_000,  # Greek mu
    "ms": 1_000_000,
    "s": SECOND_NS,
    "m": MINUTE_NS,
    "h": 60 * MINUTE_NS,
}
_PART = re.compile(
    r"([0-9]{0,100})(?:\.([0-9]{0,100}))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)",
)
_DURATION_MAX = 2**63 - 1


@dataclass(slots=True)
class Every:
    """Fires once an interval; `interval_s` is at least 1."""

    interval_s: int

    def next_ns(self, after_ns: int) -> int:
        """Return the next firing: the interval from `after_ns`, on a whole second."""
        return (after_ns // SECOND_NS + self.interval_s) * SECOND_NS

    def first_ns(self, anchor_ns: int, not_before_ns: int) -> int:
        """Return the first firing after the anchor that is not before an instant."""
        whole_s = anchor_ns // SECOND_NS
        missing_s = -(-not_before_ns // SECOND_NS) - whole_s
        intervals = max(1, -(-missing_s // self.interval_s))
        return (whole_s + intervals * self.interval_s) * SECOND_NS


def parse_every(text: str) -> Every:
    """Return the interval of a duration's text; fractions of a second are dropped."""
    return Every(max(parse_duration(text) // SECOND_NS, 1))


def parse_duration(text: str) -> int:
    """Return a duration such as `-1.5h` or `1h30m` in nanoseconds. Raises InvalidArgument."""
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    total = 0
    at = 0
    while at < len(rest) or not rest:
        part = _PART.match(rest, at)
        if part is None or not (part[1] or part[2]):
            raise InvalidArgument(f"failed to parse duration {text}")
        total += int(part[1] or 0) * _UNITS_NS[part[3]]
        fraction = part[2] or ""
        total += int(fraction or 0) * _UNITS_NS[part[3]] // 10 ** len(fraction)
        at = part.end()
    if total > _DURATION_MAX:
        raise InvalidArgument(f"failed to parse duration {text}")
    return -total if text[0] == "-" else total
