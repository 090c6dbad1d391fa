"""The calendar of schedules: beside what Temporal's own answered, and a slow reading of it."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from google.protobuf import json_format
from temporalio.api.schedule.v1 import IntervalSpec, Range, ScheduleSpec, StructuredCalendarSpec

from polyrhythm.base.calendar.farmhash import fingerprint32
from polyrhythm.base.calendar.zones import find_zone
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.core.schedule.spec import canonical_spec, timetable_of

CORPUS = Path(__file__).parent.parent / "corpus" / "schedules" / "random.json"
CASES = json.loads(CORPUS.read_text())
SEED = b"ns-00000000-schedule-of-the-test"


def parse(data) -> ScheduleSpec:
    return json_format.Parse(json.dumps(data), ScheduleSpec())


def times(spec: ScheduleSpec, after_s: int, count: int, seed: bytes = SEED) -> list[list[int]]:
    table = timetable_of(canonical_spec(spec).SerializeToString())
    found, at_ns = [], after_s * SECOND_NS
    while len(found) < count and (firing := table.next(at_ns, seed)) is not None:
        found.append([firing.nominal_ns // SECOND_NS, firing.actual_ns // 1_000_000])
        at_ns = firing.actual_ns
    return found


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_specs_mean_what_the_server_says(case):
    spec = parse(case["spec"])
    if "error" in case:
        with pytest.raises(InvalidArgument) as refused:
            canonical_spec(spec)
        assert refused.value.message == case["error"]
        return
    canonical = canonical_spec(spec)
    assert canonical == parse(case["canonical"])
    assert canonical_spec(canonical) == canonical
    extra = int(case["whole"])
    found = times(spec, case["after"], len(case["times"]) + extra, case["seed"].encode())
    assert found == case["times"]


def _full(low: int, high: int) -> list[Range]:
    return [Range(start=low, end=high)]


def _daily(**fields) -> StructuredCalendarSpec:
    whole = {
        "second": [Range()],
        "minute": [Range()],
        "hour": [Range()],
        "day_of_month": _full(1, 31),
        "month": _full(1, 12),
        "day_of_week": _full(0, 6),
    }
    return StructuredCalendarSpec(**{**whole, **fields})


ZONES = (
    "UTC Europe/Berlin America/New_York America/Sao_Paulo Australia/Lord_Howe Pacific/Apia"
    " Asia/Kathmandu Africa/Casablanca America/Havana Pacific/Chatham Asia/Gaza"
).split()


@pytest.mark.parametrize("zone_name", ZONES)
def test_between_changes_of_the_clock_every_minute_that_is_named_fires(zone_name):
    random = Random(zone_name)
    zone = find_zone(zone_name)
    for _ in range(25):
        calendar = _daily(
            minute=[Range(start=random.randint(0, 59)), Range(start=random.randint(0, 59))],
            hour=[Range(start=random.randint(0, 12), end=random.randint(12, 23), step=5)],
            day_of_week=[Range(start=random.randint(0, 3), end=random.randint(3, 6))],
        )
        spec = ScheduleSpec(structured_calendar=[calendar], timezone_name=zone_name)
        begin = datetime(random.randint(2000, 2037), random.randint(1, 12), 3, tzinfo=UTC)
        begin_s = int(begin.timestamp())
        minutes = range(begin_s, begin_s + 3 * 86400, 60)
        if zone.local(begin_s).utcoffset() != zone.local(begin_s + 3 * 86400).utcoffset():
            continue
        wanted = [at for at in minutes if _named(calendar, zone.local(at))]
        found = [nominal for nominal, _ in times(spec, begin_s - 1, len(wanted) + 1)]
        assert [at for at in found if at < minutes[-1] + 60] == wanted


def _named(calendar: StructuredCalendarSpec, local: datetime) -> bool:
    fields = (
        (calendar.minute, local.minute),
        (calendar.hour, local.hour),
        (calendar.day_of_week, local.isoweekday() % 7),
    )
    return all(_within(ranges, value) for ranges, value in fields)


def _within(ranges, value: int) -> bool:
    return any(
        r.start <= value <= max(r.start, r.end) and (value - r.start) % (r.step or 1) == 0
        for r in ranges
    )


NEVER = {
    "no such date": ScheduleSpec(
        structured_calendar=[_daily(day_of_month=[Range(start=30)], month=[Range(start=2)])]
    ),
    "nothing named": ScheduleSpec(structured_calendar=[StructuredCalendarSpec()]),
    "nothing at all": ScheduleSpec(),
    "a year that is over": ScheduleSpec(structured_calendar=[_daily(year=[Range(start=2001)])]),
    "all excluded": ScheduleSpec(
        structured_calendar=[_daily(hour=_full(0, 23), second=_full(0, 59), minute=_full(0, 59))],
        exclude_structured_calendar=[
            _daily(hour=_full(0, 23), second=_full(0, 59), minute=_full(0, 59))
        ],
    ),
    "excluded by the second": ScheduleSpec(
        structured_calendar=[_daily(hour=_full(0, 23), minute=_full(0, 59))],
        exclude_structured_calendar=[_daily(hour=_full(0, 23), minute=_full(0, 59))],
    ),
    "after its end": ScheduleSpec(
        structured_calendar=[_daily()], end_time={"seconds": 1_600_000_000}
    ),
}


@pytest.mark.parametrize("name", NEVER)
def test_what_never_fires_is_soon_given_up(name):
    spec = canonical_spec(NEVER[name])
    for zone_name in ("UTC", "Europe/Berlin"):
        spec.timezone_name = zone_name
        table = timetable_of(spec.SerializeToString())
        began = time.process_time()
        assert table.next(1_700_000_000 * SECOND_NS, SEED) is None
        assert time.process_time() - began < 1.0


def test_a_rare_date_is_found_at_once():
    leap_sunday = _daily(
        day_of_month=[Range(start=29)], month=[Range(start=2)], day_of_week=[Range()]
    )
    spec = ScheduleSpec(structured_calendar=[leap_sunday], timezone_name="America/Sao_Paulo")
    (first, _), *_ = times(spec, 1_750_000_000, 1)
    assert datetime.fromtimestamp(first, UTC).date().isoformat() == "2032-02-29"


def test_a_span_of_exclusion_is_stepped_over_whole():
    every_second = ScheduleSpec(interval=[IntervalSpec(interval={"seconds": 1})])
    whole_day = _daily(hour=_full(0, 23), second=_full(0, 59), minute=_full(0, 59))
    whole_day.ClearField("day_of_week")
    whole_day.day_of_week.extend(_full(1, 6))
    every_second.exclude_structured_calendar.append(whole_day)
    monday = datetime(2024, 1, 1, tzinfo=UTC)
    (first, _), *_ = times(every_second, int(monday.timestamp()), 1)
    assert first == int((monday + timedelta(days=6)).timestamp())


def test_jitter_stays_below_the_way_to_the_next_time():
    spec = ScheduleSpec(interval=[IntervalSpec(interval={"seconds": 60})], jitter={"seconds": 7200})
    found = times(spec, 1_700_000_000, 500)
    late = [actual - nominal * 1000 for nominal, actual in found]
    assert min(late) < 5_000
    assert max(late) > 55_000
    assert all(0 <= each < 60_000 for each in late)
    assert times(spec, 1_700_000_000, 500, SEED + b"x") != found


def test_fingerprints_of_texts_of_every_length_differ():
    assert len({fingerprint32(bytes(size)) for size in range(25, 200)}) == 175


@pytest.mark.parametrize("data", [b"x", b"TZif2", b"TZif" + bytes(40), b"TZif2" + b"\xff" * 60])
def test_malformed_zones_are_refused(data):
    spec = ScheduleSpec(timezone_data=data, timezone_name="mine")
    with pytest.raises(InvalidArgument):
        canonical_spec(spec)
