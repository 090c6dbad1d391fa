"""Lists of runs: a filter becomes one statement on one index, values always bound.

The index is named in the statement, so that SQLite's planner cannot choose another when tables
grow: the order of lists serves every filter but one by workflow id. Rows that tie with the last
one of a page (runs closed and started in the same nanosecond) are read and left out, since
SQLite cannot seek by (a, b, rowid) in one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polyrhythm.stores.port import RunFilter
from polyrhythm.stores.sqlite.writes import RUN_COLUMNS

COLUMNS = ", ".join(RUN_COLUMNS)
ORDER = "ORDER BY list_ns DESC, start_ns DESC, run_key DESC LIMIT ?"
OPEN_LAST = (1 << 63) - 1


def list_statement(wanted: RunFilter) -> tuple[str, tuple[Any, ...]]:
    """Return the query of one page and its values."""
    where, values = _where(wanted)
    if wanted.after is not None:
        close_ns, start_ns, run_key = wanted.after
        list_ns = close_ns or OPEN_LAST
        where += " AND (list_ns, start_ns) <= (?, ?)"
        where += " AND (list_ns, start_ns, run_key) < (?, ?, ?)"
        values += [list_ns, start_ns, list_ns, start_ns, run_key]
    sql = f"SELECT {COLUMNS} FROM executions {_index(wanted)} WHERE {where} {ORDER}"
    return sql, (*values, wanted.limit)


def key_statement(
    wanted: RunFilter, key_after: int, key_last: int, limit: int
) -> tuple[str, tuple[Any, ...]]:
    """Return the query of the matches in a range of keys and its values."""
    where, values = _where(wanted)
    where = f"run_key > ? AND run_key <= ? AND {where}"
    # No other index: the rows of the range are what is read.
    sql = f"SELECT {COLUMNS} FROM executions NOT INDEXED WHERE {where} ORDER BY run_key LIMIT ?"
    return sql, (key_after, key_last, *values, limit)


def count_statement(wanted: RunFilter) -> tuple[str, tuple[Any, ...]]:
    """Return the query that counts all matches and its values."""
    where, values = _where(wanted)
    return f"SELECT count(*) FROM executions {_index(wanted)} WHERE {where}", tuple(values)


def status_statement(wanted: RunFilter) -> tuple[str, tuple[Any, ...]]:
    """Return the query that counts matches by status and its values."""
    where, values = _where(wanted)
    counted = f"SELECT status, count(*) FROM executions {_index(wanted)} WHERE {where}"
    return f"{counted} GROUP BY status ORDER BY status", tuple(values)


def _index(wanted: RunFilter) -> str:
    by_id = wanted.workflow_ids is not None
    return f"INDEXED BY {'executions_by_id' if by_id else 'executions_by_time'}"


def _where(wanted: RunFilter) -> tuple[str, list[Any]]:
    parts = ["namespace_key = ? AND kind = ?"]
    values: list[Any] = [wanted.namespace_key, wanted.kind]
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
            parts.append(f"{column} {operator} ({', '.join('?' for _ in choices)})")
            values += choices
    bounds = (
        ("start_ns >= ?", wanted.start_ns_min),
        ("start_ns <= ?", wanted.start_ns_max),
        ("list_ns >= ?", wanted.close_ns_min),
        ("list_ns <= ?", wanted.close_ns_max),
    )
    for condition, bound in bounds:
        if bound is not None:
            parts.append(condition)
            values.append(bound)
    if wanted.close_ns_min is not None or wanted.close_ns_max is not None:
        # A close time condition never matches an open run.
        parts.append(f"list_ns < {OPEN_LAST}")
    return " AND ".join(parts), values
