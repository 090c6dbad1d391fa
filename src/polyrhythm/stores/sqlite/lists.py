"""Lists of runs: a filter becomes one statement on one index, values always bound.

The index is named in the statement, so that SQLite's planner cannot choose another when tables
grow. Whoever asks for an id reads that id's runs, whoever asks for a value of a search attribute
reads the runs that have it, in the order of lists; everything else walks the index of that order,
which holds what most conditions ask for. Rows that tie with the last one of a page (runs closed and
started in the same nanosecond) are read and left out, since SQLite cannot seek by (a, b, rowid) in
one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from polyrhythm.base.conditions import (
    FIELDS,
    OPEN_LAST,
    UNINDEXED,
    Compare,
    Condition,
    HasWord,
    OneOf,
    Scalar,
    conjuncts,
)
from polyrhythm.stores.port import RunFilter
from polyrhythm.stores.sqlite.conditions import sql_of
from polyrhythm.stores.sqlite.writes import RUN_COLUMNS

COLUMNS = ", ".join(RUN_COLUMNS)
_SELECTED = ", ".join(f"e.{name}" for name in RUN_COLUMNS)
BY_KEY = "FROM executions e NOT INDEXED"
BY_ID = "FROM executions e INDEXED BY executions_by_id"
BY_TIME = "FROM executions e INDEXED BY executions_by_time"
# CROSS JOIN: the planner reads the left side first.
BY_VALUE = "FROM search_index s CROSS JOIN executions e"

# Statuses of every kind of entity are below.
STATUSES = 10


@dataclass(slots=True)
class _Path:
    """How rows are found: the source, the table whose columns have the order of lists, and what
    has to hold there."""

    source: str
    order: str
    where: str
    values: list[Any]


def list_statement(wanted: RunFilter) -> tuple[str, tuple[Any, ...]]:
    """Return the query of one page and its values."""
    path = _path(wanted)
    where, values = _where(wanted, path)
    at = path.order
    if wanted.after is not None:
        close_ns, start_ns, run_key = wanted.after
        list_ns = close_ns or OPEN_LAST
        where += f" AND ({at}.list_ns, {at}.start_ns) <= (?, ?)"
        where += f" AND ({at}.list_ns, {at}.start_ns, {at}.run_key) < (?, ?, ?)"
        values += [list_ns, start_ns, list_ns, start_ns, run_key]
    order = f"ORDER BY {at}.list_ns DESC, {at}.start_ns DESC, {at}.run_key DESC LIMIT ?"
    return f"SELECT {_SELECTED} {path.source} WHERE {where} {order}", (*values, wanted.limit)


def key_statement(
    wanted: RunFilter, key_after: int, key_last: int, limit: int
) -> tuple[str, tuple[Any, ...]]:
    """Return the query of the matches in a range of keys and its values."""
    # No other index: the rows of the range are what is read.
    path = _Path(BY_KEY, "e", "e.run_key > ? AND e.run_key <= ?", [key_after, key_last])
    path.where += " AND e.namespace_key = ? AND e.kind = ?"
    path.values += [wanted.namespace_key, wanted.kind]
    where, values = _where(wanted, path)
    sql = f"SELECT {_SELECTED} {path.source} WHERE {where} ORDER BY e.run_key LIMIT ?"
    return sql, (*values, limit)


def count_statement(wanted: RunFilter) -> tuple[str, tuple[Any, ...]]:
    """Return the query that counts all matches and its values."""
    path = _path(wanted)
    where, values = _where(wanted, path)
    return f"SELECT count(*) {path.source} WHERE {where}", tuple(values)


def status_statement(wanted: RunFilter) -> tuple[str, tuple[Any, ...]]:
    """Return the query that counts matches, one column a status from 0 on, and its values.

    No GROUP BY, which sorts every row that matches, and no sums of comparisons: over 100,000 rows
    both take 1.6 times as long.
    """
    path = _path(wanted)
    where, values = _where(wanted, path)
    counts = ", ".join(f"count(*) FILTER (WHERE e.status = {n})" for n in range(STATUSES))
    return f"SELECT {counts} {path.source} WHERE {where}", tuple(values)


def _path(wanted: RunFilter) -> _Path:
    place = [wanted.namespace_key, wanted.kind]
    parts = conjuncts(wanted.condition)
    if wanted.workflow_ids is not None or any(_names_ids(part) for part in parts):
        return _Path(BY_ID, "e", "e.namespace_key = ? AND e.kind = ?", place)
    for part in parts:
        sought = _sought(part)
        if sought is not None:
            where = (
                "s.namespace_key = ? AND s.kind = ? AND s.field = ? AND s.value = ? "
                "AND e.run_key = s.run_key"
            )
            return _Path(BY_VALUE, "s", where, [*place, *sought])
    return _Path(BY_TIME, "e", "e.namespace_key = ? AND e.kind = ?", place)


def _names_ids(part: Condition) -> bool:
    match part:
        case Compare():
            return (part.field, part.operator) == ("workflow_id", "=")
        case OneOf():
            return part.field == "workflow_id"
    return False


def _sought(part: Condition) -> tuple[str, Scalar] | None:
    """Return the attribute and the one value that every match has."""
    found: tuple[str, Scalar] | None = None
    match part:
        case Compare() if part.operator == "=":
            found = part.field, part.value
        case OneOf() if len(part.values) == 1:
            found = part.field, part.values[0]
        case HasWord() if len(part.words) == 1:
            found = part.field, part.words[0]
    indexed = found is not None and found[0] not in FIELDS and found[0] not in UNINDEXED
    return found if indexed else None


def _where(wanted: RunFilter, path: _Path) -> tuple[str, list[Any]]:
    parts = [path.where]
    values = list(path.values)
    listed: tuple[tuple[str, str, Sequence[Any] | None], ...] = (
        ("workflow_id", "IN", wanted.workflow_ids),
        ("run_id", "IN", wanted.run_ids),
        ("workflow_type", "IN", wanted.workflow_types),
        ("task_queue", "IN", wanted.task_queues),
        ("status", "IN", wanted.statuses),
        ("status", "NOT IN", wanted.excluded_statuses),
    )
    for column, operator, choices in listed:
        if choices is not None:
            parts.append(f"e.{column} {operator} ({', '.join('?' for _ in choices)})")
            values += choices
    bounds = (
        ("e.start_ns >= ?", wanted.start_ns_min),
        ("e.start_ns <= ?", wanted.start_ns_max),
        ("e.list_ns >= ?", wanted.close_ns_min),
        ("e.list_ns <= ?", wanted.close_ns_max),
    )
    for condition, bound in bounds:
        if bound is not None:
            parts.append(condition)
            values.append(bound)
    if wanted.close_ns_min is not None or wanted.close_ns_max is not None:
        # A close time condition never matches an open run.
        parts.append(f"e.list_ns < {OPEN_LAST}")
    if not wanted.divided:
        parts.append("e.divided = 0")
    if wanted.condition is not None:
        parts.append(f"({sql_of(wanted.condition, values)})")
    return " AND ".join(parts), values
