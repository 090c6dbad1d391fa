"""The text of a recurring time, whatever its kind: cron fields, a descriptor, `@every`, a zone.

`TZ=` or `CRON_TZ=` and a zone's name may stand before the rest. Grammar and verdicts are those of
robfig/cron v3's ParseStandard; its Optional-seconds parser is there for schedulers that take six
fields.
"""

from __future__ import annotations

from polyrhythm.base.calendar.cron import CronSpec, parse_descriptor, parse_fields
from polyrhythm.base.calendar.every import Every, parse_every
from polyrhythm.base.calendar.zones import load_zone
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import SECOND_NS

ZONE_PREFIXES = ("TZ=", "CRON_TZ=")
_EVERY = "@every "


def parse_spec(text: str, seconds: bool = False) -> CronSpec | Every:
    """Return what a spec means; `seconds` allows a sixth field. Raises InvalidArgument."""
    if not text:
        raise InvalidArgument("empty spec string")
    zone = None
    if text.startswith(ZONE_PREFIXES):
        head, space, text = text.partition(" ")
        if not space:
            raise InvalidArgument(f"a spec must follow the time zone: {head}")
        zone = load_zone(head.partition("=")[2])
        text = text.strip()
    if text.startswith(_EVERY):
        return parse_every(text.removeprefix(_EVERY))
    if text.startswith("@"):
        return parse_descriptor(text, zone)
    return parse_fields(text, zone, seconds)


def wait_ns(spec: CronSpec | Every, scheduled_ns: int, now_ns: int) -> int | None:
    """Return the wait from now to the next firing, in whole seconds rounded up; None: never.

    The next firing is the one that was scheduled if that is still to come, else the first after it
    that has not passed: firings missed in between are not made up for.
    """
    due_ns = scheduled_ns if now_ns < scheduled_ns else spec.first_ns(scheduled_ns, now_ns)
    if not due_ns:
        return None
    return -(-(due_ns - now_ns) // SECOND_NS) * SECOND_NS
