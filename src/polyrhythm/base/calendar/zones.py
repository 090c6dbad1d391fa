"""Time zones: an instant on the wall clock, and a wall-clock reading as an instant.

The rules come from the system's time zone database (`zoneinfo`). A reading that a clock skips, or
shows twice, is resolved as Go's `time.Date` does, since the specs of this world were written for
schedulers in Go: by the offset in force at the reading taken as UTC, then once more at the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from io import BytesIO
from struct import error as struct_error
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from polyrhythm.base.errors import InvalidArgument

DAY_S = 24 * 3600
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
# Years that a wall clock can show on both sides of any offset; beyond them nothing fires.
EARLIEST_S = -62_000_000_000
LATEST_S = 253_000_000_000
_PROBED_YEARS = (1970, 2000, 2100)


@dataclass(slots=True)
class Zone:
    """A named time zone; instants and readings are whole seconds."""

    name: str
    rules: tzinfo

    def local(self, instant_s: int) -> datetime:
        """Return what the wall clock shows at an instant."""
        return datetime.fromtimestamp(instant_s, self.rules)

    def reading_s(self, instant_s: int) -> int:
        """Return the same as seconds: the wall clock's reading as if it were UTC."""
        return instant_s + self.offset_s(instant_s)

    def instant_s(self, reading_s: int) -> int:
        """Return the instant of a reading; one that is skipped or doubled gives a near one."""
        offset_s = self.offset_s(reading_s)
        if offset_s:
            offset_s = self.offset_s(reading_s - offset_s)
        return reading_s - offset_s

    def offset_s(self, instant_s: int) -> int:
        """Return by how much the wall clock is ahead of UTC at an instant."""
        if self.rules is UTC:
            return 0
        offset = self.local(instant_s).utcoffset()
        assert offset is not None
        return offset.days * DAY_S + offset.seconds


UTC_ZONE = Zone("UTC", UTC)


def load_zone(name: str) -> Zone | None:
    """Return a zone by its database name; empty is UTC, and `Local` None: wherever it is asked.

    Raises InvalidArgument for an unknown one.
    """
    try:
        return find_zone(name)
    except InvalidArgument as error:
        raise InvalidArgument(f"provided bad location {name}: unknown time zone {name}") from error


def find_zone(name: str) -> Zone | None:
    """The same; the refusal says no more than that there is no such zone."""
    if name in ("", "UTC"):
        return UTC_ZONE
    if name == "Local":
        return None
    try:
        return Zone(name, ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidArgument(f"unknown time zone {name}") from error


def read_zone(name: str, data: bytes) -> Zone:
    """Return the zone of a time zone file's bytes. Raises InvalidArgument for any others."""
    try:
        rules = ZoneInfo.from_file(BytesIO(data), name or None)
        # Rules for the time after the last of its changes are read when they are needed.
        for year in _PROBED_YEARS:
            datetime(year, 7, 1, tzinfo=rules).utcoffset()
    except (ValueError, LookupError, OverflowError, OSError, EOFError, struct_error) as error:
        raise InvalidArgument("malformed time zone information") from error
    return Zone(name, rules)


def date_start_s(year: int, month: int, day: int) -> int:
    """Return the reading of midnight of a date."""
    return (date(year, month, day).toordinal() - _EPOCH_ORDINAL) * DAY_S


def month_start_s(year: int, month: int) -> int:
    """Return the reading of midnight on the first of a month; months count on past 12."""
    years, month = divmod(month - 1, 12)
    return (date(year + years, month + 1, 1).toordinal() - _EPOCH_ORDINAL) * DAY_S
