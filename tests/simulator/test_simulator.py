"""A fast part of what `make sim` does: seeds without a finding, and one trace a seed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from polyrhythm.testing.simulate import Outcome, describe, run_seed

# The seeds before these are those of the planted bugs.
SEEDS = range(30, 60)
PARTS = 4


def digest_elsewhere(seed: int, hash_seed: str) -> str:
    """The trace of a seed in a process of its own, with another order of sets and dictionaries."""
    code = f"from polyrhythm.testing.simulate import run_seed; print(run_seed({seed}).digest)"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("part", range(PARTS))
def test_seeds_run_without_a_finding(part: int) -> None:
    outcomes = [run_seed(seed) for seed in SEEDS[part::PARTS]]
    findings = [describe(outcome) for outcome in outcomes if outcome.rule]
    assert not findings, "\n".join(findings)
    assert all(outcome.counts["events"] for outcome in outcomes)


@pytest.mark.parametrize("seed", [3, 11])
def test_a_seed_leaves_the_same_trace_in_any_process(seed: int) -> None:
    digest = run_seed(seed).digest
    assert run_seed(seed).digest == digest
    assert digest_elsewhere(seed, "1") == digest
    assert digest_elsewhere(seed, "4242") == digest


def test_different_seeds_leave_different_traces() -> None:
    assert len({run_seed(seed).digest for seed in range(5)}) == 5


def test_a_finding_says_how_to_replay_it() -> None:
    outcome = Outcome(7, "digest", 12, 1.0, {}, "early", "a timer fired early", ["0.1 a line"])
    assert describe(outcome).splitlines()[-1].strip() == "replay: make sim SEED=7"


def test_many_seeds_leave_evidence(tmp_path: Path) -> None:
    path = tmp_path / "simulator.json"
    command = [sys.executable, "-m", "polyrhythm.testing.simulate", "--seeds", "6"]
    command += ["--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(path.read_text())
    assert figures["seed_count"] == 6
    assert figures["findings"] == []
    assert figures["faults_total"] > 0
