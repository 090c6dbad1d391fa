"""What became of each test of a file, read from the JUnit report that pytest writes.

Ids are pytest's own (`tests/test_client.py::test_name[case]`). The report writes a test once more
for every rerun and for a failing teardown, and only the last attempt carries its failure: a test
that passed at last has no failing row, so the worst row of an id is its outcome.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from xml.etree import ElementTree


class Outcome(IntEnum):
    """How a test ended; worse ones are greater."""

    SKIPPED = 0
    PASSED = 1
    FAILED = 2


@dataclass(slots=True)
class FileRun:
    """One file of tests that ran to its end."""

    path: str
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    # Ids that needed more than one attempt, with the attempts.
    attempts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def having(self, outcome: Outcome) -> list[str]:
        """The ids that ended so, in order."""
        return [name for name, found in self.outcomes.items() if found == outcome]


def read_report(path: str, report: Path) -> FileRun:
    """Return what a JUnit report says of a file. Raises ParseError if it is cut off."""
    run = FileRun(path)
    rows: dict[str, int] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = test_id(path, case.get("classname", ""), case.get("name", ""))
        rows[name] = rows.get(name, 0) + 1
        run.outcomes[name] = max(_outcome(case), run.outcomes.get(name, Outcome.SKIPPED))
    run.attempts = {name: count for name, count in rows.items() if count > 1}
    return run


def test_id(path: str, classname: str, name: str) -> str:
    """Return pytest's id of a case; a class stands in the report behind the dotted file name."""
    module = path.removesuffix(".py").replace("/", ".")
    classes = classname.removeprefix(module).strip(".")
    return "::".join([path, *filter(None, classes.split(".")), name])


def _outcome(case: ElementTree.Element) -> Outcome:
    tags = set(_tags(case))
    if tags & {"failure", "error"}:
        return Outcome.FAILED
    return Outcome.SKIPPED if "skipped" in tags else Outcome.PASSED


def _tags(case: ElementTree.Element) -> Iterator[str]:
    for child in case:
        yield child.tag
