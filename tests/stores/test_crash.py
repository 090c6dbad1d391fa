"""Power cuts at every kind of moment: a fast subset of `python -m polyrhythm.testing.crash`.

The first tests are the promise of durability `full`; the others prove that the checker would see
it broken.
"""

import json

import pytest

from polyrhythm.testing.crash import Plan, __main__, enumerate_points

POINTS = 200


@pytest.mark.parametrize("seed", [1, 2])
def test_full_keeps_every_acknowledged_commit(seed):
    outcome = enumerate_points(Plan(seed), POINTS)
    assert outcome.points == POINTS
    assert outcome.violations == []


@pytest.mark.parametrize("seed", [3, 4])
def test_full_keeps_them_when_syncs_fail_too(seed):
    outcome = enumerate_points(Plan(seed, failing_syncs=True), POINTS)
    assert outcome.violations == []


def test_the_creation_of_a_file_can_be_cut_anywhere():
    outcome = enumerate_points(Plan(5, commits=3), limit=10_000)
    assert outcome.points == outcome.operations
    assert outcome.violations == []


def test_normal_loses_the_last_commits_and_nothing_else():
    outcome = enumerate_points(Plan(1, durability="normal", failing_syncs=True), POINTS)
    assert outcome.count("lost") > POINTS // 10
    assert outcome.count("lost") == len(outcome.violations)


def test_a_disk_that_lies_about_syncs_is_found_out():
    outcome = enumerate_points(Plan(1, honest=False), POINTS)
    assert outcome.count("unsound") + outcome.count("unopened") > POINTS // 10


def test_the_long_run_leaves_a_report(tmp_path, monkeypatch, capsys):
    report = tmp_path / "crash.json"
    monkeypatch.setattr(
        "sys.argv", ["crash", "--points", "60", "--seed", "7", "--json", str(report)]
    )
    assert __main__.main() == 0
    written = json.loads(report.read_text())
    assert written == json.loads(capsys.readouterr().out)
    assert written["points"] == 60
    assert set(written["violations"].values()) == {0}
