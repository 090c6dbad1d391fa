"""Reads the runs of a file, whoever owns it: what an export needs.

One read transaction on a connection of its own, so that all runs are seen as of one instant while
the owner goes on writing. Nothing is locked for others and nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from os import fspath
from pathlib import Path
from typing import Any

import apsw

from polyrhythm.base.conditions import UNREAD
from polyrhythm.base.errors import DataLoss, StoreError
from polyrhythm.stores.port import LogRow, NamespaceRow, RunRow
from polyrhythm.stores.sqlite import logrows, refusals
from polyrhythm.stores.sqlite.verification import Reader
from polyrhythm.stores.sqlite.writes import RUN_COLUMNS

NAMESPACES = (
    "SELECT namespace_key, name, namespace_id, retention_ns, body FROM namespaces "
    "ORDER BY namespace_key"
)
RUNS = (
    "SELECT {columns} FROM executions WHERE (? = 0 OR namespace_key = ?) "
    "AND (? = '' OR workflow_id = ?) AND (? = '' OR run_id = ?) ORDER BY run_key"
)
RUN_KEYS = "SELECT run_key FROM executions UNION SELECT run_key FROM log ORDER BY run_key"
ROW = "SELECT {columns} FROM executions WHERE run_key = ?"
LOG = (
    f"SELECT {logrows.SELECTED} FROM log INDEXED BY log_by_run WHERE run_key = ? ORDER BY sequence"
)


class FileReader:
    """The runs of one file as of one instant, for as long as a `with` block."""

    def __init__(self, path: str | Path) -> None:
        self._reader = Reader(fspath(path))
        self._connection: apsw.Connection | None = None
        self._columns = ""

    def __enter__(self) -> FileReader:
        self._connection = self._reader.__enter__()
        self._connection.execute("BEGIN")
        # A file that no server of this release has opened yet lacks the columns added since.
        found = self._connection.execute("SELECT name FROM pragma_table_info('executions')")
        known = {name for (name,) in found}
        self._columns = ", ".join(_column(name, known) for name in RUN_COLUMNS)
        return self

    def __exit__(self, *exception: object) -> None:
        self._reader.__exit__(*exception)

    def namespaces(self) -> list[NamespaceRow]:
        """Return all namespaces."""
        return [NamespaceRow(*values) for values in self._read(NAMESPACES, ())]

    def runs(self, namespace_key: int, workflow_id: str, run_id: str) -> Iterator[RunRow]:
        """Yield rows in the order in which the runs were created; 0 and empty mean any."""
        wanted = (namespace_key,) * 2 + (workflow_id,) * 2 + (run_id,) * 2
        for values in self._read(RUNS.format(columns=self._columns), wanted):
            yield RunRow(*values)

    def run_keys(self) -> list[int]:
        """Return the keys of everything that has a row or a log."""
        return [run_key for (run_key,) in self._read(RUN_KEYS, ())]

    def row(self, run_key: int) -> RunRow | None:
        """Return a run's row, None when there is none or its text cannot be read."""
        try:
            found = self._read(ROW.format(columns=self._columns), (run_key,))
            return next((RunRow(*values) for values in found), None)
        except UnicodeDecodeError:
            return None

    def log(self, run_key: int) -> list[LogRow]:
        """Return a run's whole log. Raises DataLoss when a checksum does not match."""
        try:
            return [logrows.log_row(values) for values in self._read(LOG, (run_key,))]
        except DataLoss as error:
            raise DataLoss(f"run {run_key}: {error.message}") from error

    def _read(self, sql: str, values: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        if self._connection is None:
            raise StoreError("the file is not open")
        try:
            yield from self._connection.execute(sql, values)
        except apsw.Error as error:
            raise refusals.refusal(error, 0, self._reader.path) from error


def _column(name: str, known: set[str]) -> str:
    if name in known:
        return name
    unread = f"CASE length(search_attributes) WHEN 0 THEN '' ELSE '{UNREAD}' END"
    return unread if name == "search_values" else "''"
