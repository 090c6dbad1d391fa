"""Brings a file to the schema of this release, or refuses it.

`application_id` in the file's header says that it is ours, `user_version` which schema it has;
both are written in the transaction that makes the schema, so a file is never half of one version.
Migrations go forward only, one transaction each: a kill between two of them leaves a sound file
of an older version, which the next start brings further. A newer file is refused untouched.
"""

from __future__ import annotations

from importlib import resources

import apsw

from polyrhythm.base.errors import StoreError

# "Poly" in ASCII.
APPLICATION_ID = 0x506F6C79
SCHEMA_VERSION = 6
# 3.7.0 to 3.51.2 can lose commits when a checkpoint races a reset of the write-ahead log.
LIBRARY_VERSION_MIN = 3_051_003


def check_library() -> None:
    """Refuse a SQLite that can lose commits."""
    if apsw.SQLITE_VERSION_NUMBER < LIBRARY_VERSION_MIN:
        found = apsw.sqlite_lib_version()
        raise StoreError(f"SQLite {found} can lose commits, at least 3.51.3 is needed: update apsw")


def read_version(connection: apsw.Connection, path: str) -> int:
    """Return the file's schema version, 0 for a new file. Raises StoreError for a foreign or a
    newer one; nothing is written."""
    application = connection.execute("PRAGMA application_id").get
    version = int(connection.execute("PRAGMA user_version").get)
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if application == 0 and version == 0 and tables == 0:
        return 0
    if application != APPLICATION_ID:
        raise StoreError(f"{path} is a database of another program")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} has schema {version}, this release knows {SCHEMA_VERSION}: "
            "it was written by a newer release, which is needed to open it"
        )
    return version


def migrate(connection: apsw.Connection, version: int) -> None:
    """Apply the migrations after `version`, one transaction each."""
    folder = resources.files("polyrhythm.stores.sqlite.migrations")
    for number in range(version + 1, SCHEMA_VERSION + 1):
        script = folder.joinpath(f"{number:04}.sql").read_text(encoding="utf-8")
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(script).fetchall()
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
