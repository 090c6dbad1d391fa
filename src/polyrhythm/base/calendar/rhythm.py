"""When a job fires: one value for every kind of time, whatever its dialect.

Cron fields of either dialect, descriptors (`@daily`), `@every 1.5s` counted from an anchor that is
kept, `@at` and an instant for once, `@triggered` for jobs that others begin. A rhythm answers with
the first of its times after an instant; its search is bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from polyrhythm.base.calendar.cron import DESCRIPTORS, CronSpec
from polyrhythm.base.calendar.every import Every as GoEvery
from polyrhythm.base.calendar.grammar import parse_recurrence
from polyrhythm.base.calendar.recurrence import Recurrence
from polyrhythm.base.calendar.spec import ZONE_PREFIXES, parse_spec
from polyrhythm.base.calendar.switches import Dialect, Switches
from polyrhythm.base.calendar.zones import UTC_ZONE, Zone, find_zone
from polyrhythm.base.durations import parse_span
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import EVERY_NS_MIN, SECOND_NS, SPEC_LENGTH_MAX

_EVERY, _AT, TRIGGERED = "@every", "@at", "@triggered"
_MICROSECOND_NS = 1000
_OFFSET = re.compile(r"[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)


@dataclass(slots=True)
class Pulse:
    """Every so many nanoseconds from an anchor on, for ever: a restart does not move it."""

    interval_ns: int
    anchor_ns: int

    def next_ns(self, after_ns: int) -> int:
        """Return the first firing after an instant."""
        passed = max(0, (after_ns - self.anchor_ns) // self.interval_ns)
        return self.anchor_ns + (passed + 1) * self.interval_ns

    def last_ns(self, until_ns: int, back: int) -> int:
        """Return the firing that has `back - 1` others between itself and an instant, or is the
        first of all."""
        passed = (until_ns - self.anchor_ns) // self.interval_ns
        return self.anchor_ns + max(1, passed - back + 1) * self.interval_ns


@dataclass(slots=True)
class Once:
    """One instant; 0: none at all, others begin it."""

    at_ns: int

    def next_ns(self, after_ns: int) -> int:
        """Return the instant while it is to come, then 0."""
        return self.at_ns if self.at_ns > after_ns else 0


@dataclass(slots=True)
class GoCron:
    """A spec of the gocron dialect in a zone."""

    spec: CronSpec
    zone: Zone

    def next_ns(self, after_ns: int) -> int:
        """Return the first firing after an instant, 0 if there is none within five years."""
        return self.spec.next_ns(after_ns, self.zone)


Rhythm = Pulse | Once | GoCron | Recurrence


@dataclass(slots=True)
class Reading:
    """How the text of a spec is read. `seconds`: the gocron dialect takes a sixth field, in front;
    `anchor_ns`: what `@every` is counted from."""

    dialect: Dialect = Dialect.POLYRHYTHM
    zone: Zone = field(default_factory=lambda: UTC_ZONE)
    switches: Switches = field(default_factory=Switches)
    seconds: bool = False
    anchor_ns: int = 0


def parse_rhythm(text: str, reading: Reading) -> Rhythm:
    """Return what a spec means. Raises InvalidArgument, saying what is wrong with it."""
    if len(text) > SPEC_LENGTH_MAX:
        raise InvalidArgument(f"a spec has at most {SPEC_LENGTH_MAX} characters")
    if text.startswith(_AT + " "):
        return Once(parse_instant(text.removeprefix(_AT), reading.zone))
    if text == TRIGGERED:
        return Once(0)
    if reading.dialect is Dialect.GOCRON:
        spec = parse_spec(text, reading.seconds)
        if isinstance(spec, GoEvery):
            # As robfig/cron: from whole second to whole second.
            whole_ns = reading.anchor_ns // SECOND_NS * SECOND_NS
            return Pulse(spec.interval_s * SECOND_NS, whole_ns)
        return GoCron(spec, reading.zone)
    return _parse_own(text.strip(), reading)


def zone_of(name: str) -> Zone:
    """Return a zone by its name in the database or its offset (`+05:30`); empty is UTC. Raises
    InvalidArgument."""
    if _OFFSET.fullmatch(name):
        rules = datetime.strptime(name, "%z").tzinfo
        assert rules is not None
        return Zone(name, rules)
    return find_zone(name) or UTC_ZONE


def parse_instant(text: str, zone: Zone) -> int:
    """Return an ISO 8601 time in nanoseconds; without an offset it is the zone's. Raises
    InvalidArgument."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidArgument(f"{text.strip()!r} is no time: write it as ISO 8601 does") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone.rules)
    whole = moment.replace(microsecond=0)
    try:
        at_ns = int(whole.timestamp()) * SECOND_NS + moment.microsecond * _MICROSECOND_NS
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(f"{text.strip()!r} is no time that a clock could show") from error
    if at_ns <= 0:
        raise InvalidArgument(f"{text.strip()!r} lies before 1970")
    return at_ns


def _parse_own(text: str, reading: Reading) -> Rhythm:
    zone = reading.zone
    if text.startswith(ZONE_PREFIXES):
        head, space, text = text.partition(" ")
        name = head.partition("=")[2].strip("\"'")
        if not space or not text.strip():
            raise InvalidArgument(f"a spec must follow the time zone: {head}")
        zone = find_zone(name) or zone
        text = text.strip()
    if text.startswith(_EVERY):
        return _parse_every(text.removeprefix(_EVERY), reading.anchor_ns)
    if text.startswith("@"):
        fields = DESCRIPTORS.get(text.lower())
        if fields is None:
            raise InvalidArgument(
                f"{text!r} is unknown: there are {', '.join(DESCRIPTORS)}, @every, @at, {TRIGGERED}"
            )
        text = fields
    if not text:
        raise InvalidArgument("the spec is empty")
    return parse_recurrence(text, zone, reading.switches)


def _parse_every(text: str, anchor_ns: int) -> Pulse:
    interval_ns = round(parse_span(text.strip()) * SECOND_NS)
    if interval_ns < EVERY_NS_MIN:
        raise InvalidArgument(f"@every{text}: the shortest interval is 10ms")
    return Pulse(interval_ns, anchor_ns)
