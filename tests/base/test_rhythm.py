"""Times of jobs: cron specs against a slow search, refusals, intervals, instants."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

import pytest

from polyrhythm.base.calendar.grammar import parse_recurrence
from polyrhythm.base.calendar.rhythm import Pulse, Reading, parse_rhythm, zone_of
from polyrhythm.base.calendar.switches import Dialect, read_switches, write_switches
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.testing.calendar.__main__ import difference
from polyrhythm.testing.calendar.cases import draw_case


def instant(text: str) -> int:
    """An ISO time in nanoseconds."""
    return int(datetime.fromisoformat(text).timestamp() * 1000) * 1_000_000


def times(spec: str, zone: str, after: str, count: int, switches: str = "") -> list[str]:
    """The next times of a spec, as the zone's clock shows them."""
    rules = zone_of(zone)
    reading = Reading(zone=rules, switches=read_switches(switches), anchor_ns=instant(after))
    rhythm, at_ns, found = parse_rhythm(spec, reading), instant(after), []
    for _ in range(count):
        at_ns = rhythm.next_ns(at_ns)
        if not at_ns:
            break
        shown = datetime.fromtimestamp(at_ns / SECOND_NS, UTC).astimezone(rules.rules)
        found.append(shown.isoformat())
    return found


@pytest.mark.parametrize("seed", range(4))
def test_random_specs_around_changes_of_the_clock(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(500):
        assert difference(draw_case(rng)) == ""


@pytest.mark.parametrize(
    ("spec", "after", "expected"),
    [
        ("0 12 L * *", "2026-02-01T00:00:00Z", ["2026-02-28T12:00:00+00:00"]),
        ("0 12 L-2 * *", "2026-02-01T00:00:00Z", ["2026-02-26T12:00:00+00:00"]),
        ("0 12 15W * *", "2026-08-01T00:00:00Z", ["2026-08-14T12:00:00+00:00"]),
        ("0 12 1W * *", "2026-08-01T00:00:00Z", ["2026-08-03T12:00:00+00:00"]),
        ("0 12 LW * *", "2026-05-01T00:00:00Z", ["2026-05-29T12:00:00+00:00"]),
        ("0 12 * * fri#2", "2026-05-01T00:00:00Z", ["2026-05-08T12:00:00+00:00"]),
        ("0 12 * * 5L", "2026-05-01T00:00:00Z", ["2026-05-29T12:00:00+00:00"]),
        ("0 12 * * MON#L", "2026-05-01T00:00:00Z", ["2026-05-25T12:00:00+00:00"]),
        ("0 12 * * 7", "2026-05-01T00:00:00Z", ["2026-05-03T12:00:00+00:00"]),
        ("5 0 12 1 1 * 2030", "2026-05-01T00:00:00Z", ["2030-01-01T12:00:05+00:00"]),
        ("0 22-2/2 * * *", "2026-05-01T21:00:00Z", ["2026-05-01T22:00:00+00:00"]),
        ("@YEARLY", "2026-05-01T21:00:00Z", ["2027-01-01T00:00:00+00:00"]),
        ("@at 2026-05-01T22:00", "2026-05-01T21:00:00Z", ["2026-05-01T22:00:00+00:00"]),
        ("@every 1500ms", "2026-05-01T21:00:00Z", ["2026-05-01T21:00:01.500000+00:00"]),
    ],
)
def test_what_specs_mean(spec: str, after: str, expected: list[str]) -> None:
    assert times(spec, "UTC", after, 1) == expected


def test_days_that_a_week_goes_round() -> None:
    found = times("0 0 * * fri-mon", "UTC", "2026-05-05T00:00:00Z", 4)
    assert [text[:10] for text in found] == ["2026-05-08", "2026-05-09", "2026-05-10", "2026-05-11"]


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ("", ["2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"]),
        ("skipped=skip", ["2026-03-30T02:30:00+02:00", "2026-03-31T02:30:00+02:00"]),
    ],
)
def test_a_time_that_the_clock_skips(switches: str, expected: list[str]) -> None:
    assert times("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2, switches) == expected


@pytest.mark.parametrize(
    ("spec", "switches", "expected"),
    [
        ("30 2 * * *", "", ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
        (
            "30 2 * * *",
            "repeated=both",
            ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"],
        ),
        # Every hour that passes, whatever the clock shows.
        ("30 * * * *", "", ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]),
    ],
)
def test_a_time_that_the_clock_shows_twice(spec: str, switches: str, expected: list[str]) -> None:
    assert times(spec, "Europe/Berlin", "2026-10-24T23:30:00Z", 2, switches) == expected


@pytest.mark.parametrize(
    ("spec", "days", "expected"),
    [
        ("0 0 13 * fri", "or", "2026-05-08"),
        ("0 0 13 * fri", "and", "2026-11-13"),
        ("0 0 13 * *", "or", "2026-05-13"),
        ("0 0 * * fri", "or", "2026-05-08"),
    ],
)
def test_both_day_fields(spec: str, days: str, expected: str) -> None:
    found = times(spec, "UTC", "2026-05-05T00:00:00Z", 1, f"days={days}")
    assert found[0].startswith(expected)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "empty"),
        ("* * * *", "4 fields"),
        ("* * * * * * * *", "8 fields"),
        ("60 * * * *", "minute '60': 60 is not within 0 to 59"),
        ("* * 0 * *", "day of month '0'"),
        ("* * * 13 *", "month '13'"),
        ("* * * * 8", "day of week '8'"),
        ("* * * * fri#6", "fri#6"),
        ("* * * * L", "friL"),
        ("*/0 * * * *", "minute '*/0'"),
        ("1,,2 * * * *", "comma"),
        ("1/2/3 * * * *", "slash"),
        ("1-2-3 * * * *", "dash"),
        ("0 0 0 1 1 * 1969", "year '1969'"),
        ("0 0 0 1 1 * 99999", "year '99999'"),
        ("0 0 0 1 1 * 2030-2020", "ends before"),
        ("@fortnightly", "@weekly"),
        ("@every", "duration"),
        ("@every 1x", "duration"),
        ("@every 0s", "10ms"),
        ("@every -5s", "duration"),
        ("@at tomorrow", "ISO 8601"),
        ("@at 1960-01-01T00:00Z", "1970"),
        ("CRON_TZ=Mars/Base 0 0 * * *", "unknown time zone Mars/Base"),
        ("CRON_TZ=Europe/Berlin", "must follow"),
        ("\u0665 * * * *", "no number"),
        ("9" * 400 + " * * * *", "no number"),
        ("* " * 600, "1000 characters"),
    ],
)
def test_refused_specs(spec: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        parse_rhythm(spec, Reading())
    assert words in refusal.value.message


@pytest.mark.parametrize("text", ["days=xor", "colour=red", "wraps=maybe"])
def test_refused_switches(text: str) -> None:
    with pytest.raises(InvalidArgument):
        read_switches(text)


def test_switches_are_written_as_they_are_read() -> None:
    text = "days=and skipped=skip repeated=both sunday_7=no wraps=no"
    assert write_switches(read_switches(text)) == text
    assert write_switches(read_switches("")) == ""


@pytest.mark.parametrize(
    ("switches", "spec"), [("sunday_7=no", "0 0 * * 7"), ("wraps=no", "0 22-2 * * *")]
)
def test_switches_that_refuse(switches: str, spec: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_rhythm(spec, Reading(switches=read_switches(switches)))


@pytest.mark.parametrize(
    "spec",
    ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 0 29 2 * 2027", "0 0 0 1 1 * 1999", "0 0 L-30 2 *"],
)
def test_a_spec_without_any_time_is_found_out_soon(spec: str) -> None:
    begun = time.process_time()
    assert times(spec, "Europe/Berlin", "2026-01-01T00:00:00Z", 1) == []
    assert time.process_time() - begun < 2.0


def test_the_rarest_time_is_found_soon() -> None:
    begun = time.process_time()
    found = times("0 0 29 2 mon#5", "UTC", "2026-01-01T00:00:00Z", 1, "days=and")
    assert found == ["2044-02-29T00:00:00+00:00"]
    assert times("0 0 0 29 2 * 8996", "UTC", "2026-01-01T00:00:00Z", 1) == []
    assert time.process_time() - begun < 2.0


def test_a_day_that_a_zone_left_out() -> None:
    found = times("0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", 2)
    assert found == ["2011-12-31T12:00:00+14:00", "2012-12-30T12:00:00+14:00"]
    left_out = times("0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", 1, "skipped=skip")
    assert left_out == ["2012-12-30T12:00:00+14:00"]


def test_an_interval_keeps_its_phase() -> None:
    pulse = Pulse(interval_ns=250_000_000, anchor_ns=100)
    assert pulse.next_ns(0) == 250_000_100
    assert pulse.next_ns(10**18) == 10**18 + 100
    assert pulse.next_ns(10**18 + 100) == 10**18 + 250_000_100
    assert pulse.last_ns(10**18 + 100, 1) == 10**18 + 100
    assert pulse.last_ns(10**18 + 99, 3) == 10**18 - 3 * 250_000_000 + 100


def test_intervals_of_the_gocron_dialect_are_whole_seconds() -> None:
    reading = Reading(Dialect.GOCRON, anchor_ns=instant("2026-05-01T21:00:00.7+00:00"))
    rhythm = parse_rhythm("@every 100ms", reading)
    assert rhythm.next_ns(reading.anchor_ns) == instant("2026-05-01T21:00:01+00:00")


def test_the_zone_in_front_of_a_spec_counts() -> None:
    found = times("CRON_TZ=Asia/Kathmandu 0 6 * * *", "UTC", "2026-05-01T21:00:00Z", 1)
    assert found == ["2026-05-02T00:15:00+00:00"]


def test_open_fields() -> None:
    zone = zone_of("")
    assert not parse_recurrence("0 0 */1 * fri", zone, read_switches("")).dates.either
    assert parse_recurrence("0 0 */2 * fri", zone, read_switches("")).dates.either
