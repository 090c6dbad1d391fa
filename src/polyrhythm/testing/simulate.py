"""Runs simulated worlds: one seed with its whole trace, or many on all cores.

    python -m polyrhythm.testing.simulate --seed 7            replay one seed, every line
    python -m polyrhythm.testing.simulate --seeds 2000        seeds 0 to 1999
    python -m polyrhythm.testing.simulate --seeds 500:900 --json FILE

A finding ends its seed; its rule, step and last lines are printed and the exit code is 1. Two runs
of a seed leave the same trace: `--twice` runs every seed again and compares the hashes.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from polyrhythm.base.limits import SECOND_NS
from polyrhythm.testing.auditor import Finding
from polyrhythm.testing.auditor.auditor import EVENT_NAMES
from polyrhythm.testing.evidence import commit
from polyrhythm.testing.world import World
from polyrhythm.testing.world.world import ORIGIN_NS

LINES_SHOWN = 25
FAULTS = (
    "crash before commit",
    "crash after commit",
    "restart",
    "takeover",
    "takeover before commit",
    "takeover after commit",
    "stall",
    "lane lost",
    "commit lost",
    "commit full",
    "commit full once",
    "commit unknown",
    "clock forward",
    "clock back",
    "request lost",
    "request doubled",
    "request slow",
    "reply lost",
    "call cancelled",
    "worker death",
    "task silent",
    "task fail",
    "task malformed",
    "task garbled",
    "task oversize",
    "task beat",
    "task twice",
    "task answered late",
    "task doubled",
    "activity silent",
    "activity stale answer",
)


@dataclass(slots=True)
class Outcome:
    """What one seed came to."""

    seed: int
    digest: str
    steps: int
    simulated_s: float
    counts: dict[str, int]
    rule: str = ""
    text: str = ""
    lines: list[str] = field(default_factory=list)


def run_seed(seed: int, verbose: bool = False) -> Outcome:
    """Run one seed to its end or to its first finding."""
    world = World(seed, verbose)
    rule = text = ""
    try:
        world.run()
    except Finding as finding:
        rule, text = finding.rule, finding.text
    return Outcome(
        seed=seed,
        digest=world.trace.digest(),
        steps=world.steps,
        simulated_s=(world.now_ns - ORIGIN_NS) / SECOND_NS,
        counts=dict(world.trace.counts + world.auditor.counts),
        rule=rule,
        text=text,
        lines=list(world.trace.lines)[-LINES_SHOWN:] if rule else [],
    )


def run_seeds(seeds: range, processes: int = 0) -> list[Outcome]:
    """Run many seeds, on all cores unless told otherwise; outcomes are in order of seeds."""
    count = processes or multiprocessing.cpu_count()
    if count == 1 or len(seeds) < 2 * count:
        return [run_seed(seed) for seed in seeds]
    context = multiprocessing.get_context("spawn")
    with context.Pool(count) as pool:
        return list(pool.imap(run_seed, seeds, chunksize=max(1, min(20, len(seeds) // count // 2))))


def describe(outcome: Outcome) -> str:
    """Return a finding as people read it."""
    lines = "\n".join(f"    {line[:300]}" for line in outcome.lines)
    return (
        f"seed {outcome.seed}, step {outcome.steps}: {outcome.rule}: {outcome.text}\n{lines}\n"
        f"    replay: make sim SEED={outcome.seed}"
    )


def evidence(outcomes: list[Outcome], wall_s: float) -> dict[str, object]:
    """Return the figures of a run, for docs/evidence."""
    counts: Counter[str] = Counter()
    for outcome in outcomes:
        counts.update(outcome.counts)
    faults = {name: counts[name] for name in FAULTS}
    calls = {name: n for name, n in sorted(counts.items()) if name.endswith("Request")}
    refused = {
        name.removesuffix(" refused"): n
        for name, n in sorted(counts.items())
        if name.endswith(" refused")
    }
    return {
        "command": " ".join(["python -m polyrhythm.testing.simulate", *sys.argv[1:]]),
        "commit": commit(),
        "seeds": [outcomes[0].seed, outcomes[-1].seed],
        "seed_count": len(outcomes),
        "findings": [asdict(each) for each in outcomes if each.rule],
        "steps": sum(each.steps for each in outcomes),
        "events": counts["events"],
        "log_rows": counts["rows"],
        "faults": faults,
        "faults_total": sum(faults.values()),
        "calls_answered": calls,
        "calls_refused": refused,
        "events_by_type": {name: counts[name] for name in sorted(EVENT_NAMES.values())},
        "simulated_hours": round(sum(each.simulated_s for each in outcomes) / 3600, 1),
        "wall_s": round(wall_s, 1),
        "python": sys.version.split()[0],
    }


def main() -> int:
    """Run what the command line says; 1 when there was a finding."""
    parser = argparse.ArgumentParser(prog="python -m polyrhythm.testing.simulate")
    parser.add_argument("--seed", type=int, help="replay one seed and print its trace")
    parser.add_argument("--seeds", default="", help="N for 0 to N-1, or A:B for A to B-1")
    parser.add_argument("--processes", type=int, default=0, help="default: all cores")
    parser.add_argument("--twice", action="store_true", help="run each seed twice and compare")
    parser.add_argument("--json", default="", help="write the figures to this file")
    options = parser.parse_args()
    if options.seed is not None:
        outcome = run_seed(options.seed, verbose=True)
        print(describe(outcome) if outcome.rule else f"no finding; trace {outcome.digest}")
        return int(bool(outcome.rule))
    first, _, last = (options.seeds or "200").rpartition(":")
    seeds = range(int(first or 0), int(last))
    begun = time.perf_counter()
    outcomes = run_seeds(seeds, options.processes)
    if options.twice:
        _compare(outcomes, run_seeds(seeds, options.processes))
    figures = evidence(outcomes, time.perf_counter() - begun)
    for outcome in outcomes:
        if outcome.rule:
            print(describe(outcome))
    findings = sum(bool(each.rule) for each in outcomes)
    print(
        f"{len(outcomes)} seeds, {figures['steps']} steps, {figures['events']} events,"
        f" {figures['faults_total']} faults, {figures['simulated_hours']} simulated hours in"
        f" {figures['wall_s']} s: {findings} findings"
    )
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2) + "\n")
    return int(bool(findings))


def _compare(outcomes: list[Outcome], again: list[Outcome]) -> None:
    for one, other in zip(outcomes, again, strict=True):
        if one.digest != other.digest and not one.rule:
            one.rule, one.text = "determinism", f"traces {one.digest} and {other.digest}"


if __name__ == "__main__":
    sys.exit(main())
