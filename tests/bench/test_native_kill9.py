"""The rig of `python bench/native_kill9`: a few cycles of it, and proof that its audit sees faults.

The long run's figures are docs/evidence/native-kill9.json.
"""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

KILL9 = Path(__file__).resolve().parents[2] / "bench/native_kill9"
CYCLES = 5
SECOND_NS = 1_000_000_000


@pytest.fixture
def audit(monkeypatch):
    """The rig's audit; its folder is no package."""
    monkeypatch.syspath_prepend(KILL9)
    yield importlib.import_module("audit")
    for name in ("audit", "plan"):
        sys.modules.pop(name, None)


@pytest.mark.xdist_group("whole servers under load")
def test_nothing_is_lost_and_no_recorded_result_is_made_again(tmp_path):
    out = tmp_path / "kill9.json"
    command = [sys.executable, str(KILL9), "--cycles", str(CYCLES), "--seed", "3"]
    command += ["--dir", str(tmp_path), "--at-once", "4", "--load-s", "0.2", "--out", str(out)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    kept = json.loads(out.read_text())
    assert set(kept["findings"].values()) == {0}
    assert sum(kept["kills"].values()) == CYCLES + 1
    seen = kept["looked_at"]
    assert seen["results acknowledged"] >= seen["starts acknowledged"] > 0
    assert seen["results"] >= 5 * seen["results acknowledged"]
    assert seen["task functions called"] >= seen["results"]


def test_the_audit_sees_a_task_that_ran_behind_its_result(audit):
    recorded = {("run", "1"): audit.Recorded("charge", attempt=1, at_ns=2 * SECOND_NS)}
    found = audit.Audit()
    audit.look_at_effects(found, {("run", "1", 1): [SECOND_NS]}, recorded)
    assert not any(found.findings.values())
    audit.look_at_effects(found, {("run", "1", 2): [3 * SECOND_NS]}, recorded)
    assert found.again == [
        "task 1 attempt 2 of run run began 1000.0 ms after its result was recorded",
        "task 1 attempt 2 of run run ran, the result is of attempt 1",
    ]


def test_the_audit_sees_an_attempt_that_ran_twice_and_a_result_of_nothing(audit):
    recorded = {("run", "1"): audit.Recorded("charge", attempt=1, at_ns=2 * SECOND_NS)}
    found = audit.Audit()
    audit.look_at_effects(found, {("run", "1", 1): [1, 2]}, recorded)
    assert found.again == ["task 1 attempt 1 of run run ran 2 times"]
    audit.look_at_effects(found, {}, recorded)
    assert found.wrong == ["task 1 of run run has a result and never ran"]


def test_the_audit_sees_a_run_that_is_gone_and_one_without_an_end(audit):
    found = audit.Audit()
    audit._look_at_order(found, "gone", audit.Order(1, "run"), {})
    assert found.lost == ["gone: its start was acknowledged, it is not there"]
    order = audit.Order(1, "run")
    run = type("Summary", (), {"run_id": "run"})
    audit._look_at_order(found, "open", order, {"open": [run]})
    assert found.stuck == ["open: nobody was told its result"]
