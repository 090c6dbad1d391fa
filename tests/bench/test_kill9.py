"""The rig of `python bench/kill9`: a few cycles of it, and proof that its audit sees faults.

The long run's figures are docs/evidence/kill9.json.
"""

import importlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

KILL9 = Path(__file__).resolve().parents[2] / "bench/kill9"
CYCLES = 5


@pytest.fixture
def audit(monkeypatch):
    """The rig's audit; its folder is no package."""
    monkeypatch.syspath_prepend(KILL9)
    yield importlib.import_module("audit")
    for name in ("audit", "program", "servers"):
        sys.modules.pop(name, None)


@pytest.mark.xdist_group("whole servers under load")
def test_nothing_is_lost_doubled_or_stuck(tmp_path):
    out = tmp_path / "kill9.json"
    command = [sys.executable, str(KILL9), "--cycles", str(CYCLES), "--seed", "3"]
    command += ["--dir", str(tmp_path), "--at-once", "4", "--load-s", "0.2", "--out", str(out)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    kept = json.loads(out.read_text())
    assert set(kept["findings"].values()) == {0}
    assert kept["kills"]["owner"] + kept["kills"]["both"] == CYCLES
    acknowledged = kept["acknowledged"]
    assert acknowledged["results"] == acknowledged["starts"] == acknowledged["updates"] > 0
    assert acknowledged["signals"] > acknowledged["starts"] + CYCLES
    assert acknowledged["attempts"] >= 2 * acknowledged["starts"]


def test_the_audit_sees_a_lost_and_a_doubled_signal(audit):
    found = audit.Audit()
    audit._compare(found, "w", Counter({"0.1": 2, "1.1": 1}), {"0.1", "1.2"}, {"0.1", "1.2"})
    assert found.lost == ["w: signal 1.2 was acknowledged, it is not in the history"]
    assert found.doubled == ["w: signal 0.1 is there 2 times"]
    assert found.wrong == ["w: signal 1.1 was never sent"]
    assert not found.sound


def test_the_audit_sees_a_run_that_is_gone_or_has_no_end(audit):
    found = audit.Audit()
    audit._look_at_order(found, None, "gone", audit.Order(1, "run"), {})
    audit._look_at_order(found, None, "waits", audit.Order(1, "run"), {"waits": [("run", 1)]})
    assert len(found.lost) == len(found.stuck) == 1


def test_the_audit_sees_an_attempt_that_ran_twice(audit, tmp_path):
    log = tmp_path / "attempts.log"
    log.write_text("run 1 1\nrun 1 2\nrun 1 1\n")
    found = audit.Audit()
    audit._look_at_attempts(found, log)
    assert found.doubled == ["attempt run 1 1 ran 2 times"]
