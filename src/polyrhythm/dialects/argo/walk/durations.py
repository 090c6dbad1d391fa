"""Durations as Argo reads them: bare seconds, or Go's `1h30m5s`; and how a wait is told.

Both are pure; a text that is no duration is refused in Go's words.
"""

from __future__ import annotations

import re

from polyrhythm.dialects.argo.expressions import ExpressionError

UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d)")


def parse_duration(text: object) -> float:
    """Seconds of a duration. Raises ExpressionError."""
    word = str(text).strip()
    if re.fullmatch(r"[-+]?\d+", word):
        return float(word)
    sign = -1.0 if word.startswith("-") else 1.0
    word = word.lstrip("+-")
    position, total = 0, 0.0
    while position < len(word):
        match = PART.match(word, position)
        if match is None:
            raise ExpressionError(f'time: invalid duration "{text}"')
        total += float(match[1]) * (86400.0 if match[2] == "d" else UNITS[match[2]])
        position = match.end()
    if not word:
        raise ExpressionError(f'time: invalid duration "{text}"')
    return sign * total


def spell_wait(seconds: float) -> str:
    """A wait for people: `5 minutes 0 seconds`, its two largest parts."""
    whole = int(seconds)
    parts = [(whole // 86400, "day"), (whole // 3600 % 24, "hour")]
    parts += [(whole // 60 % 60, "minute"), (whole % 60, "second")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts[:2])
