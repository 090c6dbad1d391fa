"""Times as Go writes them in JSON: RFC 3339 with up to nine digits of a second.

Here they are integers, nanoseconds since 1970 in UTC, so that an ETA comes back as it was sent.
Go's zero time, the year 1, is an integer like any other.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from polyrhythm.base.errors import InvalidArgument

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_NS = 1_000_000_000
FORM = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
# What Go writes for a time that was never set.
ZERO_NS = -62_135_596_800 * SECOND_NS


def encode_time(time_ns: int) -> str:
    """Return a time as Go writes it, in UTC. Raises InvalidArgument outside of the years 1-9999."""
    seconds, nanos = divmod(time_ns, SECOND_NS)
    try:
        whole = EPOCH + timedelta(seconds=seconds)
    except OverflowError as error:
        raise InvalidArgument(f"a time {seconds} s from 1970 has no year of four digits") from error
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    return f"{whole.year:04d}-{whole:%m-%dT%H:%M:%S}{fraction}Z"


def decode_time(text: str) -> int:
    """Return nanoseconds since 1970. Raises InvalidArgument for what is no time."""
    found = FORM.fullmatch(text)
    if found is None:
        raise InvalidArgument(f"{text!r} is not a time of RFC 3339")
    day, clock, fraction, zone = found.groups()
    zone = "+00:00" if zone in "Zz" else zone
    try:
        whole = datetime.fromisoformat(f"{day}T{clock}{zone}") - EPOCH
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(f"{text!r} is not a time: {error}") from error
    seconds = whole.days * 86_400 + whole.seconds
    return seconds * SECOND_NS + int((fraction or "").ljust(9, "0"))
