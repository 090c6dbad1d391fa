"""Where cron dialects disagree, as switches; the dialects that have a name are settings of them.

Two dialects have one: `gocron` is robfig/cron v3 as it is, with its own parser and search
(`spec.py`, `cron.py`); `polyrhythm` is this project's own. Every switch of the latter can be set
apart, so that a schedule moves in from elsewhere with the meaning it had.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

from polyrhythm.base.errors import InvalidArgument


class Dialect(StrEnum):
    """The dialects that have a name."""

    GOCRON = "gocron"
    POLYRHYTHM = "polyrhythm"


class Days(StrEnum):
    """When both day fields say something: either of them is enough, or both must."""

    OR = "or"
    AND = "and"


class Skipped(StrEnum):
    """A time that the clock skips: left out, or moved on by as much as the clock was."""

    SKIP = "skip"
    SHIFT = "shift"


class Repeated(StrEnum):
    """A time that the clock shows twice: it fires both times, or the first time. Specs that name
    every hour always go on: they mean the hours that pass, not the ones that are shown."""

    BOTH = "both"
    FIRST = "first"


@dataclass(slots=True)
class Switches:
    """How a spec is read. `sunday_7`: a weekday may be 7; `wraps`: 22-2 and fri-mon are ranges."""

    days: Days = Days.OR
    skipped: Skipped = Skipped.SHIFT
    repeated: Repeated = Repeated.FIRST
    sunday_7: bool = True
    wraps: bool = True


def read_switches(text: str) -> Switches:
    """Return the switches of a text such as `days=and skipped=skip`; empty: the defaults.

    Raises InvalidArgument.
    """
    switches = Switches()
    kinds = {one.name: type(getattr(switches, one.name)) for one in fields(Switches)}
    for word in text.replace(",", " ").split():
        name, _, value = word.partition("=")
        kind = kinds.get(name)
        if kind is None:
            raise InvalidArgument(f"there is no switch {name!r}; there are: {', '.join(kinds)}")
        choices = ["no", "yes"] if kind is bool else [str(one) for one in kind]
        if value not in choices:
            raise InvalidArgument(f"{name} is one of {', '.join(choices)}, not {value!r}")
        setattr(switches, name, value == "yes" if kind is bool else kind(value))
    return switches


def write_switches(switches: Switches) -> str:
    """Return the text of what differs from the defaults, empty when nothing does."""
    words = []
    for one in fields(Switches):
        value = getattr(switches, one.name)
        if value != getattr(Switches(), one.name):
            shown = ("no", "yes")[value] if isinstance(value, bool) else str(value)
            words.append(f"{one.name}={shown}")
    return " ".join(words)
