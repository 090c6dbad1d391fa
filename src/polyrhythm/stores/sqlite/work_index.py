"""The index of work: which runs have something to hand out in which line of which queue.

A row's `work` text says it for one run; here it is in the order in which queues are read: line by
line, the oldest first. Owns the table `work`, which is written with the rows and from nothing else,
so it can be made anew from them. Runs that wait for no worker are not in it. A line is found by
seeks, however much waits before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import apsw

from polyrhythm.base.errors import DataLoss
from polyrhythm.base.work import LINE_VALUES, TEXTS_KEPT, LineName, decode_work
from polyrhythm.stores.port import RunRow

ADD = (
    "INSERT OR REPLACE INTO work (namespace_key, kind, queue, priority, fairness_key, since_ns, "
    "count, run_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
REMOVE = (
    "DELETE FROM work WHERE namespace_key = ? AND kind = ? AND queue = ? AND priority = ? "
    "AND fairness_key = ? AND since_ns = ? AND run_key = ?"
)
# For a row whose text is damaged: it says nothing, so the whole table is searched.
REMOVE_RUN = "DELETE FROM work WHERE run_key = ?"
OF_RUN = "SELECT namespace_key, work FROM executions WHERE run_key = ? AND work != ''"
OF_ALL = "SELECT namespace_key, work, run_key FROM executions WHERE work != ''"
LINE = (
    "SELECT since_ns, run_key FROM work WHERE namespace_key = ? AND kind = ? AND queue = ? "
    "AND priority = ? AND fairness_key = ? AND (since_ns, run_key) > (?, ?) "
    "ORDER BY since_ns, run_key LIMIT ?"
)
NEXT_LINE = (
    "SELECT priority, fairness_key FROM work WHERE namespace_key = ? AND kind = ? AND queue = ? "
    "AND (priority, fairness_key) > (?, ?) ORDER BY priority, fairness_key LIMIT 1"
)
QUEUES = "SELECT namespace_key, kind, queue, count(*) FROM work GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
COUNTS = (
    "SELECT priority, sum(count), min(since_ns) FROM work WHERE namespace_key = ? AND kind = ? "
    "AND queue = ? GROUP BY priority ORDER BY priority"
)


def add_lines(cursor: apsw.Cursor, rows: Sequence[RunRow]) -> None:
    """Index new rows."""
    if rows:
        cursor.executemany(ADD, [values for row in rows for values in _values(row)])


def move_lines(cursor: apsw.Cursor, moved: Sequence[tuple[RunRow, RunRow]]) -> None:
    """Index rows whose work has changed, given as they were and as they are."""
    gone: list[tuple[Any, ...]] = []
    come: list[tuple[Any, ...]] = []
    for before, row in moved:
        are = _values(row)
        if not before.work:
            come += are
            continue
        try:
            were = _values(before)
        except DataLoss:
            cursor.execute(REMOVE_RUN, (row.run_key,))
            were = []
        gone += ((*old[:6], old[7]) for old in were if old not in are)
        come += (new for new in are if new not in were)
    cursor.executemany(REMOVE, gone)
    cursor.executemany(ADD, come)


def forget_runs(cursor: apsw.Cursor, run_keys: Sequence[int]) -> None:
    """Take runs out that are about to be deleted."""
    for run_key in run_keys:
        for namespace_key, text in cursor.execute(OF_RUN, (run_key,)).fetchall():
            try:
                lines = _lines(str(text))
            except DataLoss:
                cursor.execute(REMOVE_RUN, (run_key,))
                continue
            cursor.executemany(REMOVE, [(namespace_key, *line[:5], run_key) for line in lines])


def rebuild(cursor: apsw.Cursor) -> None:
    """Make the index anew from the rows; one whose text is damaged is left out."""
    cursor.execute("DELETE FROM work")
    values: list[tuple[Any, ...]] = []
    found: list[tuple[Any, ...]] = cursor.execute(OF_ALL).fetchall()
    for namespace_key, text, run_key in found:
        try:
            values += _line_values(namespace_key, text, run_key)
        except DataLoss:
            continue
    cursor.executemany(ADD, values)


def line_query(line: LineName, after: tuple[int, int], limit: int) -> tuple[str, tuple[Any, ...]]:
    """Return the statement that reads one line, and its values."""
    name = (line.namespace_key, line.kind, line.queue, line.priority, line.fairness_key)
    return LINE, (*name, *after, limit)


def _values(row: RunRow) -> list[tuple[Any, ...]]:
    return _line_values(row.namespace_key, row.work, row.run_key)


def _line_values(namespace_key: int, text: str, run_key: int) -> list[tuple[Any, ...]]:
    return [(namespace_key, *line, run_key) for line in _lines(text)] if text else []


# Runs whose work became available in one turn say it in the same words, and each says it twice: as
# it comes and as it goes.
@lru_cache(maxsize=TEXTS_KEPT)
def _lines(text: str) -> tuple[tuple[Any, ...], ...]:
    return tuple(LINE_VALUES(line) for line in decode_work(text))
