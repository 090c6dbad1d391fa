"""`poly schedule next`: the coming times of a spec, for people, as JSON, or for lines of JSON.

Asks nobody: no file, no server. A request line is `{"spec", "tz", "from", "count", "seconds"}`, all
but the spec optional; its answer is one line, `{"times": [...]}`, with `error` beside them when the
spec is refused or has fewer times than were asked for.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from polyrhythm.base.calendar.recurrence import Recurrence
from polyrhythm.base.calendar.rhythm import (
    GoCron,
    Reading,
    Rhythm,
    parse_instant,
    parse_rhythm,
    zone_of,
)
from polyrhythm.base.calendar.switches import Dialect, read_switches
from polyrhythm.base.calendar.zones import Zone
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.schedule_flags import NextFlags

COUNT_MAX = 10_000
_MICROSECOND_NS = 1000


def run(flags: NextFlags) -> int:
    """Print the times and return the exit code."""
    if flags.stdin == bool(flags.spec):
        print("poly schedule next: give a spec, or --stdin and none", file=sys.stderr)
        return ExitCode.USAGE
    if flags.stdin:
        for line in sys.stdin:
            if line.strip():
                print(json.dumps(_answer(line, flags)), flush=True)
        return ExitCode.OK
    asked = {
        "spec": flags.spec,
        "tz": flags.tz,
        "from": flags.from_time,
        "count": flags.count,
        "seconds": flags.seconds,
    }
    try:
        times, problem = coming_times(asked, flags)
    except InvalidArgument as error:
        times, problem = [], error.message
        if not flags.json:
            print(f"poly schedule next: {problem}", file=sys.stderr)
        else:
            print(json.dumps({"times": [], "error": problem}))
        return ExitCode.USAGE
    if flags.json:
        print(json.dumps({"times": times, **({"error": problem} if problem else {})}))
    else:
        print(*times, sep="\n", end="\n" if times else "")
        if problem:
            print(f"poly schedule next: {problem}", file=sys.stderr)
    return ExitCode.OK if times else ExitCode.FAILED


def coming_times(asked: dict[str, Any], flags: NextFlags) -> tuple[list[str], str]:
    """Return the times asked for as RFC 3339, and why there are fewer. Raises InvalidArgument."""
    name, count = asked.get("tz") or "", asked.get("count", flags.count)
    spec, seconds = asked.get("spec"), asked.get("seconds", False)
    if not isinstance(spec, str) or not isinstance(name, str):
        raise InvalidArgument("spec and tz are texts")
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= COUNT_MAX:
        raise InvalidArgument(f"count is 0 to {COUNT_MAX}")
    if not isinstance(seconds, bool):
        raise InvalidArgument("seconds is true or false")
    zone = zone_of(name)
    from_ns = _from_ns(asked.get("from"), zone)
    reading = Reading(
        dialect=Dialect(flags.dialect),
        zone=zone,
        switches=read_switches(flags.switches),
        seconds=seconds,
        anchor_ns=from_ns,
    )
    rhythm = parse_rhythm(spec, reading)
    if not name:
        zone = _own_zone(rhythm) or zone
    times = [_shown(at_ns, zone) for at_ns in _following(rhythm, from_ns, count)]
    return times, "" if len(times) == count else "no further time is within reach"


def _answer(line: str, flags: NextFlags) -> dict[str, Any]:
    try:
        asked = json.loads(line)
    except ValueError as error:
        return {"times": [], "error": f"the line is no JSON: {error}"}
    if not isinstance(asked, dict):
        return {"times": [], "error": "a request is an object"}
    try:
        times, problem = coming_times(asked, flags)
    except InvalidArgument as error:
        return {"times": [], "error": error.message}
    return {"times": times, **({"error": problem} if problem else {})}


def _following(rhythm: Rhythm, after_ns: int, count: int) -> Iterator[int]:
    for _ in range(count):
        after_ns = rhythm.next_ns(after_ns)
        if not after_ns:
            return
        yield after_ns


def _own_zone(rhythm: Rhythm) -> Zone | None:
    """Return the zone that a spec names itself."""
    if isinstance(rhythm, GoCron):
        return rhythm.spec.zone
    return rhythm.zone if isinstance(rhythm, Recurrence) else None


def _from_ns(text: Any, zone: Zone) -> int:
    if text is None or text == "":
        return time.time_ns()
    if not isinstance(text, str):
        raise InvalidArgument("from is a text")
    return parse_instant(text, zone)


def _shown(at_ns: int, zone: Zone) -> str:
    seconds, rest_ns = divmod(at_ns, SECOND_NS)
    moment = datetime.fromtimestamp(seconds, zone.rules)
    # NOTE: an addition would forget which of two equal readings this is.
    moment = moment.replace(microsecond=rest_ns // _MICROSECOND_NS)
    return moment.isoformat().replace("+00:00", "Z")
