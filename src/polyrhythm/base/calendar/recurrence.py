"""Cron specs of the polyrhythm dialect: what they mean, and the next of their times in a zone.

    [second] minute hour day-of-month month day-of-week [year]      five, six or seven fields

Six fields have the second first; a year needs all seven. The search goes by readings of the wall
clock, of which a spec names dates and times of day. Where the clock is changed it looks at every
span between two changes apart: a time that is skipped is left out or moved on by as much as the
clock was; one that comes twice fires once or twice, as the switches say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from polyrhythm.base.calendar.dates import Dates
from polyrhythm.base.calendar.switches import Repeated, Skipped
from polyrhythm.base.calendar.zones import DAY_S, EARLIEST_S, LATEST_S, Zone
from polyrhythm.base.limits import SECOND_NS

_ALL_HOURS = 2**24 - 1
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
# A change of the clock is looked for within a day, to the second.
_FAR_S = 2 * DAY_S


@dataclass(slots=True)
class Recurrence:
    """A parsed spec in a zone: bit n of a field is value n."""

    second: int
    minute: int
    hour: int
    dates: Dates
    skipped: Skipped
    repeated: Repeated
    zone: Zone

    def next_ns(self, after_ns: int) -> int:
        """Return the first firing after an instant, 0 if there is none."""
        after_s = after_ns // SECOND_NS
        if not EARLIEST_S < after_s < LATEST_S:
            return 0
        found_s = self._search(after_s + 1)
        return found_s * SECOND_NS if found_s is not None else 0

    def _search(self, at_s: int) -> int | None:
        zone = self.zone
        while at_s < LATEST_S:
            found_s = self._within(at_s, at_s + DAY_S)
            if found_s is not None:
                return found_s
            at_s += DAY_S
            reading_s = self._next_reading(zone.reading_s(at_s))
            if reading_s is None:
                return None
            # NOTE: what the clock shows again within the next days it has just shown, without a
            # firing: so nothing is leapt over. A change that has just been may still move times.
            is_calm = zone.offset_s(at_s - DAY_S) == zone.offset_s(at_s)
            if is_calm:
                at_s = max(at_s, reading_s - zone.offset_s(at_s) - _FAR_S)
        return None

    def _within(self, from_s: int, until_s: int) -> int | None:
        """Return the first firing from an instant up to another, which is a day later."""
        offset_s = self.zone.offset_s
        before_s = from_s - DAY_S
        offsets = (offset_s(before_s), offset_s(from_s), offset_s(until_s))
        if offsets[0] == offsets[1] == offsets[2]:
            return self._in_span(from_s, until_s, offsets[1])
        first_s = self._change_s(before_s, from_s) if offsets[0] != offsets[1] else before_s
        second_s = self._change_s(from_s, until_s) if offsets[1] != offsets[2] else until_s
        found = [self._in_span(from_s, min(second_s, until_s), offsets[1], offsets[0], first_s)]
        if second_s < until_s:
            found.append(self._in_span(second_s, until_s, offsets[2], offsets[1], second_s))
        found.append(self._shifted(from_s, until_s, first_s, offsets[0], offsets[1]))
        found.append(self._shifted(from_s, until_s, second_s, offsets[1], offsets[2]))
        return min((each for each in found if each is not None), default=None)

    def _in_span(
        self,
        from_s: int,
        until_s: int,
        offset_s: int,
        offset_before_s: int | None = None,
        changed_s: int = 0,
    ) -> int | None:
        """Return the first firing of a span without a change, which began with one."""
        once = self.repeated is Repeated.FIRST and self.hour != _ALL_HOURS
        if once and offset_before_s is not None and offset_before_s > offset_s:
            # Readings from the change on have been there before.
            from_s = max(from_s, changed_s + offset_before_s - offset_s)
        if from_s >= until_s:
            return None
        reading_s = self._next_reading(from_s + offset_s)
        if reading_s is None or reading_s - offset_s >= until_s:
            return None
        return reading_s - offset_s

    def _shifted(
        self, from_s: int, until_s: int, changed_s: int, before_s: int, after_s: int
    ) -> int | None:
        """Return the first firing whose reading was skipped by a change."""
        if self.skipped is Skipped.SKIP or after_s <= before_s:
            return None
        reading_s = self._next_reading(max(changed_s, from_s) + before_s)
        if reading_s is None or reading_s >= changed_s + after_s:
            return None
        return reading_s - before_s if reading_s - before_s < until_s else None

    def _change_s(self, from_s: int, until_s: int) -> int:
        """Return the first instant after `from_s` with the offset of `until_s`."""
        offset_s = self.zone.offset_s
        old_s = offset_s(from_s)
        while until_s - from_s > 1:
            middle_s = (from_s + until_s) // 2
            if offset_s(middle_s) == old_s:
                from_s = middle_s
            else:
                until_s = middle_s
        return until_s

    def _next_reading(self, from_s: int) -> int | None:
        """Return the first reading of the wall clock, from one on, that the spec names."""
        days, of_day_s = divmod(from_s, DAY_S)
        day = date.fromordinal(days + _EPOCH_ORDINAL)
        if self.dates.fires(day):
            time_s = self._next_time(of_day_s)
            if time_s is not None:
                return days * DAY_S + time_s
        following = self.dates.next(day)
        if following is None:
            return None
        time_s = self._next_time(0)
        assert time_s is not None, "no field is empty"
        return (following.toordinal() - _EPOCH_ORDINAL) * DAY_S + time_s

    def _next_time(self, from_s: int) -> int | None:
        """Return the first second of the day, from one on, None for none."""
        minutes, second = divmod(from_s, 60)
        hour, minute = divmod(minutes, 60)
        if self.hour >> hour & 1:
            if self.minute >> minute & 1:
                found = _next_bit(self.second, second)
                if found is not None:
                    return hour * 3600 + minute * 60 + found
            found = _next_bit(self.minute, minute + 1)
            if found is not None:
                return hour * 3600 + found * 60 + _first_bit(self.second)
        found = _next_bit(self.hour, hour + 1)
        if found is None:
            return None
        return found * 3600 + _first_bit(self.minute) * 60 + _first_bit(self.second)


def _next_bit(bits: int, least: int) -> int | None:
    left = bits >> least
    return least + _first_bit(left) if left else None


def _first_bit(bits: int) -> int:
    return (bits & -bits).bit_length() - 1
