"""The long run: rounds of new seeds until so many points are tried, and a JSON report.

Every other round takes its commits from the engine, every third one has operations that fail.
After the power cuts come faults at every operation of a short workload (`--stride` for every n-th
only) and flipped bits.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict

import apsw

from polyrhythm.testing.crash.enumeration import Outcome, Plan, enumerate_points
from polyrhythm.testing.crash.flips import Flipped, flip_bits
from polyrhythm.testing.crash.sweep import Swept, sweep
from polyrhythm.testing.crash.workload import FAULTS
from polyrhythm.testing.evidence import commit

VIOLATIONS_SHOWN = 20
# Flips of one file; then another seed makes the next file.
FLIPS_A_FILE = 250


def main() -> int:
    """Run; exit with 1 when a promise of the chosen durability was broken."""
    arguments = parse_arguments()
    began = time.monotonic()
    total = Outcome()
    seed = arguments.seed
    while total.points < arguments.points:
        plan = plan_of(seed, arguments.durability)
        add(total, enumerate_points(plan, arguments.points - total.points, arguments.point))
        if arguments.point is not None:
            break
        seed += 1
    swept: dict[str, Swept] = {}
    flipped = Flipped()
    if arguments.point is None:
        swept = {kind: sweep(kind, arguments.seed, arguments.stride) for kind in FAULTS}
        flipped = flip(arguments.seed, arguments.flips)
    report = summary(total, arguments, seed, time.monotonic() - began)
    report["faults_at_every_operation"] = {kind: asdict(one) for kind, one in swept.items()}
    report["flipped_bits"] = asdict(flipped)
    text = json.dumps(report, indent=1)
    print(text)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    broken = total.violations or any(one.violations for one in swept.values()) or flipped.silent
    return 1 if broken else 0


def parse_arguments() -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(prog="python -m polyrhythm.testing.crash")
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--durability", choices=("full", "normal"), default="full")
    parser.add_argument("--point", type=int, help="look at this point of this seed only")
    parser.add_argument("--stride", type=int, default=1, help="faults at every n-th operation")
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--json", metavar="FILE", help="write the report there")
    return parser.parse_args()


def plan_of(seed: int, durability: str) -> Plan:
    """Return the round of a seed: every other one is the engine's, every third one has faults."""
    faults = tuple(FAULTS) if seed % 3 == 0 else ()
    return Plan(seed, durability=durability, faults=faults, engine=seed % 2 == 0)


def add(total: Outcome, part: Outcome) -> None:
    """Add a round to the whole."""
    total.points += part.points
    total.operations += part.operations
    total.syncs += part.syncs
    total.commits += part.commits
    total.violations += part.violations


def flip(seed: int, flips: int) -> Flipped:
    """Flip bits of as many files as it takes."""
    counts = asdict(Flipped())
    while counts["points"] < flips:
        part = asdict(flip_bits(seed, min(FLIPS_A_FILE, flips - counts["points"])))
        counts = {name: counts[name] + part[name] for name in counts}
        seed += 1
    return Flipped(**counts)


def summary(
    total: Outcome, arguments: argparse.Namespace, seed: int, seconds: float
) -> dict[str, object]:
    """Return the report: what was tried, what was broken, how to repeat it."""
    kinds = {kind: total.count(kind) for kind in ("unopened", "unsound", "lost", "half")}
    return {
        "what": "power cuts at operations of the SQLite store, faults and flipped bits",
        "command": " ".join(["python -m polyrhythm.testing.crash", *sys.argv[1:]]),
        "commit": commit(),
        "sqlite": apsw.sqlite_lib_version(),
        "durability": arguments.durability,
        "seeds": [arguments.seed, seed],
        "points": total.points,
        "operations": total.operations,
        "syncs": total.syncs,
        "commits": total.commits,
        "violations": kinds,
        "first_violations": [asdict(v) for v in total.violations[:VIOLATIONS_SHOWN]],
        "seconds": round(seconds, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
