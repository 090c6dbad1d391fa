"""Named objects, and the log in the order of its commits: their SQL and how rows become values.

Both serve reads beside the runs. An object's checksum covers its key, so that a row that a
damaged page shows under another one is found out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apsw

from polyrhythm.base.errors import DataLoss
from polyrhythm.stores.port import LogEntry, ObjectRow
from polyrhythm.stores.sqlite import logrows
from polyrhythm.stores.sqlite.checksums import is_object_sound, object_crc

PUT = (
    "INSERT INTO objects (namespace_key, kind, name, crc, body) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (namespace_key, kind, name) DO UPDATE SET crc = excluded.crc, "
    "body = excluded.body"
)
DELETE = "DELETE FROM objects WHERE namespace_key = ? AND kind = ? AND name = ?"
GET = (
    "SELECT namespace_key, kind, name, crc, body FROM objects "
    "WHERE namespace_key = ? AND kind = ? AND name = ?"
)
LIST = (
    "SELECT namespace_key, kind, name, crc, body FROM objects "
    "WHERE namespace_key = ? AND kind = ? AND name > ? ORDER BY name LIMIT ?"
)
# The join looks up a row for each entry: a stream of one namespace among many skips the others.
LOG_FROM = (
    "SELECT e.workflow_id, e.run_id, e.workflow_type, "
    f"{', '.join(f'l.{column}' for column in logrows.COLUMNS)} "
    "FROM log l CROSS JOIN executions e ON e.run_key = l.run_key "
    "WHERE l.position > ? AND e.namespace_key = ? ORDER BY l.position LIMIT ?"
)


def write_objects(cursor: apsw.Cursor, objects: Iterable[ObjectRow]) -> None:
    """Put or delete objects inside the open transaction, in order."""
    for one in objects:
        key = (one.namespace_key, one.kind, one.name)
        if one.body is None:
            cursor.execute(DELETE, key)
        else:
            cursor.execute(PUT, (*key, object_crc(*key, one.body), one.body))


def object_row(values: tuple[Any, ...]) -> ObjectRow:
    """Return a stored object. Raises DataLoss."""
    namespace_key, kind, name, crc, body = values
    if not is_object_sound((namespace_key, kind, name, body, crc)):
        raise DataLoss(f"object {name} is damaged")
    return ObjectRow(namespace_key, kind, name, body)


def log_entry(values: tuple[Any, ...]) -> LogEntry:
    """Return a stored log row with its place. Raises DataLoss."""
    workflow_id, run_id, workflow_type, *stored = values
    try:
        row = logrows.log_row(tuple(stored))
    except DataLoss as error:
        raise DataLoss(f"run {run_id} of workflow {workflow_id}: {error.message}") from error
    return LogEntry(stored[0], workflow_id, run_id, workflow_type, row)
