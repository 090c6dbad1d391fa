"""The official suite's runner: what a report says, and how exact the red list has to be."""

import json

import pytest
from official_suite.__main__ import FILES, RED_LIST, write_evidence
from official_suite.environment import SDK_VERSION, BadCheckoutError, stage_checkout
from official_suite.outcomes import FileRun, Outcome, read_report
from official_suite.red_list import BadRedListError, Verdict, compare, parse_red_list

FILE = "tests/worker/test_x.py"
# As pytest 9.0 with pytest-rerunfailures 16 writes it: attempts before the last have no failure.
REPORT = """<?xml version="1.0"?><testsuites><testsuite>
<testcase classname="tests.worker.test_x" name="test_second_try"/>
<testcase classname="tests.worker.test_x" name="test_second_try"/>
<testcase classname="tests.worker.test_x" name="test_never"/>
<testcase classname="tests.worker.test_x" name="test_never"/>
<testcase classname="tests.worker.test_x" name="test_never"><failure message="no"/></testcase>
<testcase classname="tests.worker.test_x.TestCase" name="test_in_class"/>
<testcase classname="tests.worker.test_x" name="test_case[a b]"/>
<testcase classname="tests.worker.test_x" name="test_skipped"><skipped message="no"/></testcase>
<testcase classname="tests.worker.test_x" name="test_setup"><error message="no"/></testcase>
<testcase classname="tests.worker.test_x" name="test_teardown"/>
<testcase classname="tests.worker.test_x" name="test_teardown"><error message="no"/></testcase>
</testsuite></testsuites>"""


PASSED, FAILED = Outcome.PASSED, Outcome.FAILED


def a_run(**outcomes: Outcome) -> FileRun:
    return FileRun(FILE, {f"{FILE}::{name}": found for name, found in outcomes.items()})


def test_a_report_gives_every_test_its_last_outcome(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    run = read_report(FILE, report)
    assert run.outcomes == {
        f"{FILE}::test_second_try": Outcome.PASSED,
        f"{FILE}::test_never": Outcome.FAILED,
        f"{FILE}::TestCase::test_in_class": Outcome.PASSED,
        f"{FILE}::test_case[a b]": Outcome.PASSED,
        f"{FILE}::test_skipped": Outcome.SKIPPED,
        f"{FILE}::test_setup": Outcome.FAILED,
        f"{FILE}::test_teardown": Outcome.FAILED,
    }
    assert run.attempts[f"{FILE}::test_second_try"] == 2
    assert f"{FILE}::test_skipped" not in run.attempts


def test_a_list_that_is_exact_is_clean():
    run = a_run(one=Outcome.PASSED, two=Outcome.FAILED, three=Outcome.SKIPPED)
    assert compare([run], {f"{FILE}::two": "why"}).is_clean


def test_a_failure_that_is_not_listed_is_wrong():
    verdict = compare([a_run(one=Outcome.FAILED)], {})
    assert verdict == Verdict(unlisted=[f"{FILE}::one"])
    assert not verdict.is_clean


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.SKIPPED])
def test_a_listed_test_that_does_not_fail_is_wrong(outcome):
    verdict = compare([a_run(one=outcome)], {f"{FILE}::one": "why"})
    assert verdict == Verdict(mended=[f"{FILE}::one"])
    assert not verdict.is_clean


def test_a_listed_test_that_is_gone_is_wrong():
    verdict = compare([a_run(one=Outcome.PASSED)], {f"{FILE}::two": "why"})
    assert verdict == Verdict(gone=[f"{FILE}::two"])
    assert not verdict.is_clean


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.FAILED])
def test_a_test_that_wavers_may_end_either_way(outcome):
    assert compare([a_run(one=outcome)], {f"{FILE}::one": "wavers: measures time"}).is_clean


def test_lines_of_files_that_did_not_run_are_left_alone():
    assert compare([a_run(one=Outcome.PASSED)], {"tests/test_other.py::two": "why"}).is_clean


@pytest.mark.parametrize(
    "line",
    [
        f"{FILE}::one",
        f"{FILE}::one  # ",
        f"{FILE}  # no test",
        f"{FILE}::one  # why\n{FILE}::one  # again",
    ],
)
def test_a_line_without_a_test_or_a_reason_or_twice_is_refused(line):
    with pytest.raises(BadRedListError, match="line"):
        parse_red_list(line)


def test_evidence_keeps_what_other_files_counted(tmp_path):
    path, (one, two) = tmp_path / "evidence.json", FILES[:2]
    first, second = FileRun(one, {f"{one}::a": PASSED}), FileRun(two, {f"{two}::b": FAILED})
    write_evidence(path, [first], {}, "same")
    write_evidence(path, [second], {}, "same")
    evidence = json.loads(path.read_text())
    assert evidence["totals"] == {"passed": 1, "failed": 1, "skipped": 0}
    assert [evidence["files"][name]["as_listed"] for name in (one, two)] == [True, False]
    write_evidence(path, [second], {f"{two}::b": "why"}, "other tests")
    evidence = json.loads(path.read_text())
    assert list(evidence["files"]) == [two]
    assert evidence["files"][two]["as_listed"]
    assert len(evidence["files"][two]["commit"]) == 40


def test_the_red_list_is_well_formed_and_names_files_that_run():
    reasons = parse_red_list(RED_LIST.read_text(encoding="utf-8"))
    assert {name.partition("::")[0] for name in reasons} <= set(FILES)


def test_another_version_of_the_sdk_is_refused(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/conftest.py").write_text("")
    with pytest.raises(BadCheckoutError, match="no checkout"):
        stage_checkout(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.30.0"\n')
    with pytest.raises(BadCheckoutError, match=SDK_VERSION):
        stage_checkout(tmp_path)
