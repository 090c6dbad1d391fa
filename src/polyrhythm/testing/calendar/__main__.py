"""Runs many cases and writes down how it went; ends with 1 at the first difference."""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from polyrhythm.base.calendar.grammar import parse_recurrence
from polyrhythm.base.calendar.zones import find_zone
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.testing.calendar.cases import ZONES, Case, draw_case
from polyrhythm.testing.calendar.slow import slow_times
from polyrhythm.testing.evidence import commit

COUNT = 3


def difference(case: Case) -> str:
    """Return how the answers to a case differ, empty if they do not."""
    zone = find_zone(case.zone)
    assert zone is not None
    spec = parse_recurrence(case.text, zone, case.switches)
    expected = slow_times(case.slow, case.after, ZoneInfo(case.zone), COUNT)
    at_ns = int(case.after.timestamp()) * SECOND_NS
    found = []
    for _ in range(len(expected) or 1):
        at_ns = spec.next_ns(at_ns)
        found.append(datetime.fromtimestamp(at_ns // SECOND_NS, UTC))
    if found == expected or not expected:
        # The slow search ends after nine years; what is later is not compared.
        return ""
    return f"{case.text!r} {case.switches} {case.zone} after {case.after}: {found}, not {expected}"


def main() -> int:
    """Compare so many cases."""
    parser = argparse.ArgumentParser(prog="python -m polyrhythm.testing.calendar")
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default="")
    given = parser.parse_args()
    rng, begun = random.Random(given.seed), time.monotonic()
    for number in range(given.cases):
        problem = difference(draw_case(rng))
        if problem:
            print(f"case {number} of seed {given.seed}: {problem}")
            return 1
    seconds = round(time.monotonic() - begun, 1)
    print(f"{given.cases} cases of seed {given.seed} agree, {seconds} s")
    if given.output:
        _write(given.output, given.cases, given.seed, seconds)
    return 0


def _write(path: str, cases: int, seed: int, seconds: float) -> None:
    evidence = {
        "what": "next three times of random cron specs, beside a slow search; differences",
        "command": f"make sim CALENDAR={cases}",
        "commit": commit(),
        "cases": cases,
        "seed": seed,
        "differences": 0,
        "zones": list(ZONES),
        "seconds": seconds,
    }
    Path(path).write_text(json.dumps(evidence, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
