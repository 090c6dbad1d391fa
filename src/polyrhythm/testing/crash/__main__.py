"""The long run: rounds of new seeds until so many points are tried, and a JSON report."""

import argparse
import json
import sys
import time
from dataclasses import asdict

import apsw

from polyrhythm.testing.crash.enumeration import Outcome, Plan, enumerate_points

VIOLATIONS_SHOWN = 20


def main() -> int:
    """Run; exit with 1 when a promise of the chosen durability was broken."""
    parser = argparse.ArgumentParser(prog="python -m polyrhythm.testing.crash")
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--durability", choices=("full", "normal"), default="full")
    parser.add_argument("--point", type=int, help="look at this point of this seed only")
    parser.add_argument("--json", metavar="FILE", help="write the report there")
    arguments = parser.parse_args()
    began = time.monotonic()
    total = Outcome()
    seed = arguments.seed
    while total.points < arguments.points:
        # Every third round has syncs that fail.
        plan = Plan(seed, durability=arguments.durability, failing_syncs=seed % 3 == 0)
        add(total, enumerate_points(plan, arguments.points - total.points, arguments.point))
        if arguments.point is not None:
            break
        seed += 1
    report = summary(total, arguments, seed, time.monotonic() - began)
    text = json.dumps(report, indent=1)
    print(text)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    return 1 if total.violations else 0


def add(total: Outcome, part: Outcome) -> None:
    """Add a round to the whole."""
    total.points += part.points
    total.operations += part.operations
    total.syncs += part.syncs
    total.commits += part.commits
    total.violations += part.violations


def summary(
    total: Outcome, arguments: argparse.Namespace, seed: int, seconds: float
) -> dict[str, object]:
    """Return the report: what was tried, what was broken, how to repeat it."""
    kinds = {kind: total.count(kind) for kind in ("unopened", "unsound", "lost", "half")}
    return {
        "command": " ".join(["python -m polyrhythm.testing.crash", *sys.argv[1:]]),
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
