"""What a list of runs may be asked for: a tree of conditions on a row, as values.

Owns the vocabulary that the language of queries is turned into and that every store answers; it
knows no syntax and no database. A `field` is one of FIELDS, or the name of a search attribute as
`search_key` spells it. Truth has three values, as in SQL: a comparison with something that a run
does not have is neither true nor false, and only what is true is listed. Numbers come before texts
where the two are compared. Times are nanoseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# Every field of a row that can be asked for. Open runs have no length, size, transitions and
# duration; `list_ns` is the time of the close, or later than any time; `close_ns` is for IsNull.
FIELDS = frozenset(
    """workflow_id run_id workflow_type task_queue start_ns execution_ns list_ns close_ns status
    history_events history_bytes transitions duration_ns parent_workflow_id parent_run_id
    root_workflow_id root_run_id""".split()
)
# The list time of an open run: 64 bits reach no further.
OPEN_LAST = (1 << 63) - 1
# What a row has that was written before there were values: its attributes have to be read.
UNREAD = "{}"
# Nearly every run that a worker has seen has these, so an index of their values would cost every
# commit and help no list.
UNINDEXED = frozenset(
    """BuildIds TemporalWorkerDeployment TemporalWorkerDeploymentVersion
    TemporalWorkflowVersioningBehavior TemporalUsedWorkerDeploymentVersions""".split()
)
# Runs that have it are of a division of their own, which plain lists leave out.
DIVISION = "TemporalNamespaceDivision"

Scalar = int | float | str


@dataclass(slots=True)
class Compare:
    """A field beside a value: `=`, `!=`, `<`, `<=`, `>` or `>=`."""

    field: str
    operator: str
    value: Scalar


@dataclass(slots=True)
class OneOf:
    """A field is one of some values."""

    field: str
    values: Sequence[Scalar]


@dataclass(slots=True)
class Between:
    """A field lies between two values, both included."""

    field: str
    low: Scalar
    high: Scalar


@dataclass(slots=True)
class IsNull:
    """A run does not have it."""

    field: str


@dataclass(slots=True)
class StartsWith:
    """A field begins with these letters; the case of ASCII letters does not count."""

    field: str
    prefix: str


@dataclass(slots=True)
class HasWord:
    """A list of keywords holds one of these, which are folded as the stored ones are. False for
    a run without the list."""

    field: str
    words: Sequence[str]


@dataclass(slots=True)
class HasPhrase:
    """A text holds one of these phrases: the tokens of each, in their order. False for a run
    without the text."""

    field: str
    phrases: Sequence[str]


@dataclass(slots=True)
class Not:
    """The opposite of a condition."""

    condition: Condition


@dataclass(slots=True)
class AllOf:
    """Conditions that must all hold; none at all always do."""

    conditions: Sequence[Condition]


@dataclass(slots=True)
class AnyOf:
    """Conditions of which one must hold; of none at all, none does."""

    conditions: Sequence[Condition]


Condition = (
    Compare | OneOf | Between | IsNull | StartsWith | HasWord | HasPhrase | Not | AllOf | AnyOf
)


def search_key(name: str) -> str:
    """Return how a search attribute is called as a field and as a key of stored values: its name,
    unless that is one of ours or would break out of a quoted path of JSON."""
    if name in FIELDS or not name or any(c in '"\\' or ord(c) < 32 for c in name):
        return "~" + name.encode("utf-8", "surrogatepass").hex()
    return name


def conjuncts(condition: Condition | None) -> list[Condition]:
    """Return the conditions that all have to hold for this one to hold."""
    if condition is None:
        return []
    if not isinstance(condition, AllOf):
        return [condition]
    return [part for each in condition.conditions for part in conjuncts(each)]


def compared(operator: str, left: Any, right: Any) -> bool:
    """Compare two scalars as SQLite does: any number is smaller than any text."""
    mine = (isinstance(left, str), left)
    other = (isinstance(right, str), right)
    match operator:
        case "=":
            return mine == other
        case "!=":
            return mine != other
        case "<":
            return mine < other
        case "<=":
            return mine <= other
        case ">":
            return mine > other
        case ">=":
            return mine >= other
    raise AssertionError(operator)
