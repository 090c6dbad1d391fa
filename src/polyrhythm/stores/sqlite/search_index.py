"""The index of search attributes: one row a value, so that a list by a value reads only its runs.

Owns the table `search_index`, which holds nothing that the rows of runs do not say; it is written
in the transaction of those rows, and only for runs that have attributes. Texts are not in it: they
are asked for by phrases. An entry stands in the order of lists, so it moves when its run closes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import apsw

from polyrhythm.base.conditions import OPEN_LAST, UNINDEXED
from polyrhythm.stores.port import RunRow

Entry = tuple[Any, ...]

SCHEMA_SINCE = 6
# Texts of rows whose values are kept, at 2 kB each or, where somebody goes to a limit, 40 kB.
TEXTS_KEPT = 256

PUT = "INSERT OR IGNORE INTO search_index VALUES (?, ?, ?, ?, ?, ?, ?)"
DELETE = (
    "DELETE FROM search_index WHERE namespace_key = ? AND kind = ? AND field = ? AND value = ? "
    "AND list_ns = ? AND start_ns = ? AND run_key = ?"
)
# What the table should hold, as the rows say: texts are objects and left out.
_PASSED_OVER = ", ".join(f"'{field}'" for field in sorted(UNINDEXED))
WANTED = f"""
SELECT namespace_key, kind, key, value, list_ns, start_ns, run_key FROM (
    SELECT e.namespace_key, e.kind, j.key, j.value, e.list_ns, e.start_ns, e.run_key, j.type
    FROM executions e, json_each(e.search_values) j
    WHERE e.search_values <> '' AND j.type NOT IN ('array', 'object')
        AND j.key NOT IN ({_PASSED_OVER})
    UNION
    SELECT e.namespace_key, e.kind, j.key, w.value, e.list_ns, e.start_ns, e.run_key, ''
    FROM executions e, json_each(e.search_values) j, json_each(j.value) w
    WHERE e.search_values <> '' AND j.type = 'array' AND j.key NOT IN ({_PASSED_OVER}))
"""
HELD = "SELECT namespace_key, kind, field, value, list_ns, start_ns, run_key FROM search_index"
MISSING = f"SELECT DISTINCT run_key FROM ({WANTED} EXCEPT {HELD})"
WRONG = f"SELECT DISTINCT run_key FROM ({HELD} EXCEPT {WANTED})"
REBUILD = ("DELETE FROM search_index", f"INSERT OR IGNORE INTO search_index {WANTED}")
STORED = (
    "SELECT namespace_key, kind, list_ns, start_ns, run_key, search_values FROM executions "
    "WHERE run_key = ? AND search_values <> ''"
)


def index_created(cursor: apsw.Cursor, rows: Iterable[RunRow]) -> None:
    """Add the values of new runs."""
    entries = [entry for row in rows if row.search_values for entry in _entries_of(row)]
    if entries:
        cursor.executemany(PUT, entries)


def index_changed(cursor: apsw.Cursor, pairs: Iterable[tuple[RunRow, RunRow]]) -> None:
    """Move the values of runs from where they were to where they are."""
    gone: list[Entry] = []
    added: list[Entry] = []
    for before, row in pairs:
        if not before.search_values and not row.search_values:
            continue
        if (before.search_values, before.close_ns) == (row.search_values, row.close_ns):
            continue
        gone += _entries_of(before)
        added += _entries_of(row)
    if gone:
        cursor.executemany(DELETE, gone)
    if added:
        cursor.executemany(PUT, added)


def forget_runs(cursor: apsw.Cursor, run_keys: Iterable[int]) -> None:
    """Drop the values of runs whose rows are about to be deleted."""
    gone: list[Entry] = []
    for run_key in run_keys:
        for row in cursor.execute(STORED, (run_key,)).fetchall():
            found: tuple[Any, ...] = row
            gone += _entries(found[-1], *found[:-1])
    if gone:
        cursor.executemany(DELETE, gone)


def rebuild(cursor: apsw.Cursor) -> None:
    """Write the whole table anew from the rows."""
    for sql in REBUILD:
        cursor.execute(sql)


def find_wrong(connection: apsw.Connection) -> list[int]:
    """Return the keys of runs whose values are not indexed as their rows say."""
    found = {run_key for sql in (MISSING, WRONG) for (run_key,) in connection.execute(sql)}
    return sorted(found)


def _entries_of(row: RunRow) -> list[Entry]:
    list_ns = row.close_ns or OPEN_LAST
    place = (row.namespace_key, row.kind, list_ns, row.start_ns, row.run_key)
    return _entries(row.search_values, *place)


def _entries(
    search_values: str, namespace_key: int, kind: int, list_ns: int, start_ns: int, run_key: int
) -> list[Entry]:
    return [
        (namespace_key, kind, field, value, list_ns, start_ns, run_key)
        for field, value in _indexed_values(search_values)
    ]


# Most runs say no more than which build they met, in the same words.
@lru_cache(maxsize=TEXTS_KEPT)
def _indexed_values(search_values: str) -> tuple[tuple[str, Any], ...]:
    if not search_values:
        return ()
    pairs: list[tuple[str, Any]] = []
    for field, held in json.loads(search_values).items():
        if isinstance(held, dict) or field in UNINDEXED:
            continue
        pairs += [(field, value) for value in (held if isinstance(held, list) else [held])]
    return tuple(pairs)
