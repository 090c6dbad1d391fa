"""Recurring times against what robfig/cron v3 says, and against a search too simple to be wrong."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyrhythm.base.calendar.cron import CronSpec
from polyrhythm.base.calendar.every import Every, parse_duration
from polyrhythm.base.calendar.fields import Bounds, parse_field
from polyrhythm.base.calendar.spec import parse_spec, wait_ns
from polyrhythm.base.calendar.zones import UTC_ZONE, Zone, load_zone
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import SECOND_NS

CORPUS = Path(__file__).parents[1] / "corpus" / "cron"
DAY_S = 24 * 3600


def cases(name: str, *kinds: str) -> list[dict[str, Any]]:
    """The corpus's cases of these kinds, or all."""
    found = json.loads((CORPUS / f"{name}.json").read_text())["cases"]
    return [case for case in found if not kinds or case["kind"] in kinds]


def zone_of(name: str | None) -> Zone:
    """A zone by its name or, in the corpus, its offset."""
    if name and name[0] in "+-":
        rules = datetime.strptime(name, "%z").tzinfo
        assert rules is not None
        return Zone(name, rules)
    zone = load_zone(name or "UTC")
    assert zone is not None
    return zone


def instant(text: str) -> int:
    """An ISO time in nanoseconds, 0 for none."""
    return int(datetime.fromisoformat(text).timestamp()) * SECOND_NS if text else 0


def following(spec: CronSpec | Every, after_ns: int, zone: Zone) -> int:
    """The next firing of either kind of spec."""
    return spec.next_ns(after_ns, zone) if isinstance(spec, CronSpec) else spec.next_ns(after_ns)


@pytest.mark.parametrize("case", cases("robfig", "next", "activation"), ids=str)
def test_firings(case: dict[str, Any]) -> None:
    spec = parse_spec(case["spec"], case["parser"] == "seconds")
    zone = zone_of(case.get("tz"))
    if case["kind"] == "next":
        expected = instant(case["expected"])
        assert following(spec, instant(case["from"]), zone) == expected
    else:
        found = following(spec, instant(case["at"]) - SECOND_NS, zone)
        assert found == instant(case["next_after_at_minus_1s"])
        assert (found == instant(case["at"])) == case["matches"]


@pytest.mark.parametrize("case", cases("robfig", "invalid"), ids=str)
def test_refused_specs(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        parse_spec(case["spec"], case["parser"] == "seconds")
    assert case.get("error_contains", "") in refusal.value.message


@pytest.mark.parametrize("case", cases("robfig", "field"), ids=str)
def test_fields(case: dict[str, Any]) -> None:
    bounds = Bounds(case["min"], case["max"])
    if "error_contains" in case:
        with pytest.raises(InvalidArgument, match=case["error_contains"]):
            parse_field(case["expr"], bounds)
    else:
        field = parse_field(case["expr"], bounds)
        assert [value for value in range(64) if field.bits >> value & 1] == case["values"]
        assert field.open == case["star"]


@pytest.mark.parametrize("case", cases("sequences", "sequence"), ids=str)
def test_firings_around_changes_of_the_clock(case: dict[str, Any]) -> None:
    spec, zone = parse_spec(case["spec"], seconds=True), zone_of(case["tz"])
    at_ns = instant(case["from"])
    for expected in case["expected"]:
        at_ns = following(spec, at_ns, zone)
        assert at_ns == instant(expected)


@pytest.mark.parametrize("case", cases("sequences", "must_not_hang"), ids=str)
def test_a_day_that_a_zone_skips_is_no_trap(case: dict[str, Any]) -> None:
    spec, zone = parse_spec(case["spec"], seconds=True), zone_of(case["tz"])
    found = following(spec, instant(case["from"]), zone)
    assert zone.local(found // SECOND_NS).date().isoformat() == "2012-01-01"


def test_specs_drawn_at_random() -> None:
    for case in cases("random"):
        try:
            spec = parse_spec(case["spec"], case["seconds"])
        except InvalidArgument:
            assert case.get("refused"), case
            continue
        assert "refused" not in case, case
        at_ns, found = case["from_ns"], []
        for _ in case["next_ns"]:
            at_ns = following(spec, at_ns, zone_of(case["tz"]))
            found.append(at_ns)
        assert found == case["next_ns"], case


@pytest.mark.parametrize(
    "text",
    [
        "0 0 30 2 *",
        ", * * * *",
        "* , * * *",
        "* * , * *",
        "* * * , *",
        "0 0 31 2,4,6,9,11 ?",
    ],
)
def test_an_impossible_spec_ends(text: str) -> None:
    assert following(parse_spec(text), 1_700_000_000 * SECOND_NS, UTC_ZONE) == 0


def test_no_weekday_at_all_leaves_the_dates() -> None:
    spec = parse_spec("0 0 13 * ,")
    assert following(spec, instant("2024-01-01T00:00:00Z"), UTC_ZONE) == instant(
        "2024-01-13T00:00:00Z"
    )


@pytest.mark.parametrize("year", [-5, 11_000])
def test_instants_that_no_clock_shows(year: int) -> None:
    after_ns = (year - 1970) * 366 * DAY_S * SECOND_NS
    assert following(parse_spec("@daily"), after_ns, UTC_ZONE) == 0


@pytest.mark.parametrize(
    "text",
    [
        "TZ=Nowhere/Land * * * * *",
        "TZ=../UTC * * * * *",
        "TZ=/etc/passwd * * * * *",
        "TZ=America * * * * *",
        "TZ=UTC",
        "TZ=\0 * * * * *",
        "1" * 5000 + " * * * *",
        "@every " + "9" * 5000 + "h",
    ],
)
def test_zones_and_numbers_that_are_none(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_spec(text)


def test_zones_by_other_names() -> None:
    after_ns = instant("2024-07-01T00:00:00Z")
    berlin = zone_of("Europe/Berlin")
    # Empty is UTC; Local is wherever one asks.
    assert following(parse_spec("TZ= 0 6 * * *"), after_ns, berlin) == instant("2024-07-01T06:00Z")
    local = following(parse_spec("CRON_TZ=Local 0 6 * * *"), after_ns, berlin)
    assert local == instant("2024-07-01T04:00Z")


@pytest.mark.parametrize(
    ("text", "expected_ns"),
    [
        ("1h30m", 5400 * SECOND_NS),
        ("-1.5s", -3 * SECOND_NS // 2),
        ("+.5ms", 500_000),
        ("0", 0),
        ("3us2ns", 3002),
        ("4\u00b5s4\u03bcs", 8000),
    ],
)
def test_durations(text: str, expected_ns: int) -> None:
    assert parse_duration(text) == expected_ns


@pytest.mark.parametrize("text", ["", "-", "s", ".s", "5", "1d", "1h 5m", "5 s", "99999999h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(InvalidArgument, match="failed to parse duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "scheduled", "now", "wait_s"),
    [
        # What was scheduled is still to come.
        ("@hourly", 100.0, 99.5, 1),
        # The first firing that has not passed; none is made up for; rounded up to a second.
        ("* * * * *", 0.0, 0.0, 60),
        ("* * * * *", 0.0, 59.2, 1),
        ("* * * * *", 0.0, 60.0, 0),
        ("* * * * *", 0.0, 100_000_000.5, 20),
        ("@every 7s", 1.5, 1.5, 7),
        ("@every 7s", 1.5, 8.0, 0),
        ("@every 7s", 1.5, 8.1, 7),
        ("0 0 30 2 *", 0.0, 0.0, None),
    ],
)
def test_waits(text: str, scheduled: float, now: float, wait_s: int | None) -> None:
    found = wait_ns(parse_spec(text), int(scheduled * SECOND_NS), int(now * SECOND_NS))
    assert found == (None if wait_s is None else wait_s * SECOND_NS)


# Zones whose clocks never change at midnight: there the first match is the answer.
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "America/St_Johns")
MINUTES = st.sampled_from(["*", "0", "30", "*/7", "15,45", "5-9", "59"])
HOURS = st.sampled_from(["*", "0", "1", "2", "3", "*/5", "9-17/4", "23"])
DAYS = st.sampled_from(["*", "?", "1", "*/9", "15,31", "28-31"])
MONTHS = st.sampled_from(["*", "mar", "10-11", "*/2"])
WEEKDAYS = st.sampled_from(["*", "sun", "mon-fri", "6", "*/1"])
SPECS = st.tuples(MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS).map(" ".join)
# Three days around the changes of spring and autumn 2024, and a week around New Year.
STARTS = st.one_of(
    st.integers(1_709_900_000, 1_710_200_000),
    st.integers(1_711_700_000, 1_712_000_000),
    st.integers(1_729_800_000, 1_730_800_000),
    st.integers(1_703_900_000, 1_704_400_000),
)


@settings(max_examples=60, deadline=None)
@given(SPECS, st.sampled_from(ZONES), STARTS)
def test_the_search_finds_the_first_minute_that_fits(text: str, name: str, after_s: int) -> None:
    spec, zone = parse_spec(text), zone_of(name)
    assert isinstance(spec, CronSpec)
    found = spec.next_ns(after_s * SECOND_NS, zone) // SECOND_NS
    slow = first_minute(spec, zone, after_s)
    assert found == slow or (not slow and found > after_s + 9 * DAY_S)


def first_minute(spec: CronSpec, zone: Zone, after_s: int) -> int:
    """The first minute of nine days that a spec fires in, minute by minute; 0 for none."""
    for at_s in range(after_s // 60 * 60 + 60, after_s + 9 * DAY_S, 60):
        local = zone.local(at_s)
        date = spec.day >> local.day & 1
        weekday = spec.weekday >> (local.weekday() + 1) % 7 & 1
        if (
            spec.minute >> local.minute & 1
            and spec.hour >> local.hour & 1
            and spec.month >> local.month & 1
            and (date or weekday if spec.either_day else date and weekday)
        ):
            return at_s
    return 0


@settings(max_examples=60, deadline=None)
@given(SPECS, STARTS, st.integers(0, 5 * DAY_S))
def test_missed_firings_are_skipped_at_once(text: str, anchor_s: int, missed_s: int) -> None:
    spec = parse_spec(text)
    not_before_ns = (anchor_s + missed_s) * SECOND_NS + 1
    expected = spec.next_ns(anchor_s * SECOND_NS)
    while 0 < expected < not_before_ns:
        expected = spec.next_ns(expected)
    assert spec.first_ns(anchor_s * SECOND_NS, not_before_ns) == expected


@given(
    st.integers(1, 100_000),
    st.integers(0, 10**18),
    st.integers(0, 10**15),
)
def test_missed_intervals_are_skipped_at_once(every_s: int, anchor_ns: int, missed_ns: int) -> None:
    spec = Every(every_s)
    found = spec.first_ns(anchor_ns, anchor_ns + missed_ns)
    assert found >= anchor_ns + missed_ns
    assert (found - anchor_ns // SECOND_NS * SECOND_NS) % (every_s * SECOND_NS) == 0
    before = found - every_s * SECOND_NS
    assert before < anchor_ns + missed_ns or before <= anchor_ns
