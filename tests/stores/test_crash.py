"""Power cuts at every kind of moment: a fast subset of `python -m polyrhythm.testing.crash`.

The first tests are the promise of durability `full`; the others prove that the checker would see
it broken.
"""

import json
from contextlib import suppress

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History

from polyrhythm.base.errors import StoreError
from polyrhythm.stores.sqlite import SqliteStore, logrows
from polyrhythm.testing.crash import Plan, __main__, enumerate_points
from polyrhythm.testing.crash.flips import flip_bits
from polyrhythm.testing.crash.program import engine_batches
from polyrhythm.testing.crash.sweep import sweep

POINTS = 200


@pytest.mark.parametrize("seed", [1, 2])
def test_full_keeps_every_acknowledged_commit(seed):
    outcome = enumerate_points(Plan(seed), POINTS)
    assert outcome.points == POINTS
    assert outcome.violations == []


@pytest.mark.parametrize("seed", [3, 4])
def test_full_keeps_them_when_syncs_fail_too(seed):
    outcome = enumerate_points(Plan(seed, faults=("sync",)), POINTS)
    assert outcome.violations == []


@pytest.mark.parametrize("faults", [(), ("full", "write", "sync", "read")])
def test_full_keeps_what_the_engine_has_committed(faults):
    outcome = enumerate_points(Plan(6, faults=faults, engine=True), POINTS)
    assert outcome.points == POINTS
    assert outcome.violations == []


def test_the_engine_s_commits_are_of_every_kind():
    seen = set()
    deletions = snapshots = 0
    for seed in range(6):
        for batch in engine_batches(seed, 150):
            deletions += len(batch.deleted_runs)
            for write in batch.runs:
                snapshots += write.snapshot is not None
                if write.log is not None:
                    seen |= {e.event_type for e in History.FromString(write.log.events).events}
    kinds = {EventType.Name(kind).removeprefix("EVENT_TYPE_") for kind in seen}
    assert kinds > {
        "CHILD_WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_EXECUTION_UPDATE_COMPLETED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_EXECUTION_CONTINUED_AS_NEW",
        "ACTIVITY_TASK_COMPLETED",
        "TIMER_FIRED",
    }
    assert deletions > 20
    assert snapshots > 50


@pytest.mark.parametrize("kind", ["full", "write", "sync", "read"])
def test_a_fault_at_any_operation_loses_nothing(kind):
    swept = sweep(kind, seed=2, stride=4 if kind in ("sync", "read") else 11)
    assert swept.points > 5
    assert swept.violations == []


def test_a_store_that_hides_a_failed_commit_is_found_out(monkeypatch):
    commit = SqliteStore.commit

    def hide(store, batch):
        with suppress(StoreError):
            commit(store, batch)

    monkeypatch.setattr(SqliteStore, "commit", hide)
    assert sweep("full", seed=2, stride=40).violations


def test_a_flipped_bit_is_never_a_wrong_history():
    flipped = flip_bits(seed=3, points=100)
    assert flipped.silent == 0
    assert flipped.data_loss > 5
    assert flipped.passed_over > 0


def test_checksums_are_what_tells(monkeypatch):
    monkeypatch.setattr(logrows, "is_sound", lambda values: True)
    assert flip_bits(seed=3, points=100).silent > 5


def test_the_creation_of_a_file_can_be_cut_anywhere():
    outcome = enumerate_points(Plan(5, commits=3), limit=10_000)
    assert outcome.points == outcome.operations
    assert outcome.violations == []


def test_normal_loses_the_last_commits_and_nothing_else():
    outcome = enumerate_points(Plan(1, durability="normal", faults=("sync",)), POINTS)
    assert outcome.count("lost") > POINTS // 10
    assert outcome.count("lost") == len(outcome.violations)


def test_a_disk_that_lies_about_syncs_is_found_out():
    outcome = enumerate_points(Plan(1, honest=False), POINTS)
    assert outcome.count("unsound") + outcome.count("unopened") > POINTS // 10


def test_the_long_run_leaves_a_report(tmp_path, monkeypatch, capsys):
    report = tmp_path / "crash.json"
    monkeypatch.setattr(
        "sys.argv",
        [*"crash --points 60 --seed 7 --stride 60 --flips 20 --json".split(), str(report)],
    )
    assert __main__.main() == 0
    written = json.loads(report.read_text())
    assert written == json.loads(capsys.readouterr().out)
    assert written["points"] == 60
    assert set(written["violations"].values()) == {0}
    assert set(written["faults_at_every_operation"]) == {"full", "write", "sync", "read"}
    assert written["flipped_bits"]["points"] == 20
