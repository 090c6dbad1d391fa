"""What the comparison of the `temporal` command leaves of an output; that its lists are sound."""

import shlex

import pytest
from temporal_cli.__main__ import RECORDED, commands
from temporal_cli.normal import Names
from temporal_cli.script import CHAPTERS, NOT_YET, RED

ONE, TWO = "0123abcd-0123-4abc-8abc-0123456789ab", "fedc4321-0123-4abc-8abc-0123456789ab"
LEFT = [
    (f"RunId  {ONE}\nFirst {TWO} {ONE}", ["RunId id-1", "First id-2 id-1"]),
    ("StartTime  3 seconds ago\nClose 1 minute from now", ["StartTime WHEN", "Close WHEN"]),
    ("  StartTime    now", ["StartTime WHEN"]),
    ('"startTime": "2026-11-23T22:14:00.123456Z",', ['"startTime": "TIME",']),
    ("time=2026-11-23T22:14:00.077 level=ERROR", ["time=TIME level=ERROR"]),
    ('"identity": "13792@vm@",', ['"identity": "PROCESS",']),
    ('"taskId": "1048580",\n"eventId": "2"', ['"eventId": "2"']),
    ("StateTransitionCount  7\nHistoryLength  11", ["HistoryLength 11"]),
    ("HistorySize 812", ["HistorySize SIZE"]),
    ('"langUsedFlags": [\n1,\n4,\n3\n]', ['"langUsedFlags": [', "1", "3", "4", "]"]),
    ("UNVERSIONED 0 0s -5.9604645e-08 0.26262328", ["UNVERSIONED 0 0s RATE RATE"]),
    ('File \\"/opt/lib/worker.py\\", line 12, in run', ['File \\"worker.py, in run']),
    ("Result 42\nTotal: 8", ["Result 42", "Total: 8"]),
]


@pytest.mark.parametrize(("said", "left"), LEFT)
def test_what_is_left_of_an_output(said, left):
    assert Names().normal(said) == left


def test_an_output_without_an_order_is_sorted():
    assert Names().normal("b\na", ordered=False) == ["a", "b"]


def test_every_compared_command_is_recorded_in_its_chapter():
    recorded = {path.stem: path.read_text().splitlines() for path in RECORDED.glob("*.txt")}
    assert set(recorded) == set(CHAPTERS)
    total = 0
    for chapter, steps in CHAPTERS.items():
        typed = [f"$ temporal {step.command}" for step in steps if not step.quiet]
        assert [one[0] for one in commands(recorded[chapter])] == typed
        total += len(typed)
    assert total >= 80


def test_the_lists_name_commands_of_the_script_and_reasons():
    typed = {step.command for steps in CHAPTERS.values() for step in steps if not step.quiet}
    assert set(RED) <= typed
    assert all(RED.values())
    assert all(shlex.split(one) for one in (*typed, *NOT_YET))
