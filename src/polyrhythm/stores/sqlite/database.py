"""The one connection of a file: opened, checkpointed, given up after a failure, opened again.

One connection writes and runs every checkpoint, between commits; SQLite's own checkpoints are
off. A commit that failed for any reason but lack of space leaves a connection nobody may trust:
after a failed fsync the kernel may show pages that are not on the disk. It is closed without a
checkpoint, and the next use opens the file anew once its log is on the disk (see walfile).
Locking is NORMAL: it costs 2-3 us a transaction and lets other processes read (`poly doctor`,
a shell), and an owner who lost its lock file is still fenced by the epoch. A VFS of a test has
no shared memory and gets EXCLUSIVE.
"""

from __future__ import annotations

import os
from typing import Any

import apsw

from polyrhythm.base.errors import DataLoss, PolyrhythmError, StoreError
from polyrhythm.stores.sqlite import refusals, schema
from polyrhythm.stores.sqlite.reserve import Reserve
from polyrhythm.stores.sqlite.settings import MEMORY_PATH, SYNCHRONOUS, SqliteSettings
from polyrhythm.stores.sqlite.walfile import refresh_log

# Every statement of the store and of lists of common shape stays prepared.
STATEMENTS_CACHED = 200
# With this many thresholds in the log a reader is in the way: wait for it, briefly.
STUBBORN_FACTOR = 8
STUBBORN_MS = 50


class Database:
    """A file and its connection; `connection()` is the only way to it."""

    def __init__(self, path: str, settings: SqliteSettings) -> None:
        self.path = path
        self.settings = settings
        self.in_memory = path == MEMORY_PATH
        self.reserve = Reserve(path, 0 if self.in_memory else settings.reserve_bytes)
        self._connection: apsw.Connection | None = None
        self._inode = 0
        self._wal_pages = 0
        self._checkpoint_at = settings.checkpoint_pages
        self._suspect = False
        self._opened = False

    def open(self) -> None:
        """Open or create the file and bring it to this release's schema, durably."""
        schema.check_library()
        try:
            self._connection = self._connect(apsw.SQLITE_OPEN_CREATE)
            self.set_durable(durable=True)
        except apsw.Error as error:
            raise self.refused(error) from error
        if not self.in_memory:
            # The file's name must be on the disk as well as its bytes; with EXTRA SQLite does
            # this for journals, never for the database itself.
            sync_directory(self.path)
            self._inode = os.stat(self.path).st_ino if not self.settings.vfs else 0
            self.reserve.hold()
        self._opened = True

    @property
    def is_open(self) -> bool:
        """Whether the file was opened, though its connection may have been given up since."""
        return self._opened

    def connection(self) -> apsw.Connection:
        """Return the connection; after a failure this opens the file again."""
        if self._connection is None:
            if not self._opened:
                raise StoreError(f"{self.path} is not open: claim its lane first")
            self._reopen()
        assert self._connection is not None
        return self._connection

    def read(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """Return all rows of a query."""
        connection = self.connection()
        try:
            return connection.execute(sql, values).fetchall()
        except apsw.Error as error:
            raise refusals.refusal(error, connection.system_errno, self.path) from error
        except UnicodeDecodeError as error:
            raise DataLoss(f"{self.path} holds a row whose text is damaged") from error

    def verify_in_place(self) -> None:
        """Refuse to write to a file that was removed or replaced under us (1.3 us a call)."""
        if not self._inode:
            return
        try:
            found = os.stat(self.path).st_ino
        except OSError:
            found = 0
        if found != self._inode:
            raise StoreError(f"{self.path} was removed or replaced while it was open")

    def set_durable(self, durable: bool) -> None:
        """Sync everything (creation, migration, a new epoch), or as the durability mode says."""
        mode = "EXTRA" if durable else SYNCHRONOUS[self.settings.durability]
        self.connection().execute(f"PRAGMA synchronous = {mode}")

    def refused(self, error: apsw.Error) -> PolyrhythmError:
        """Return our error for SQLite's on writing; a connection that cannot be trusted is marked
        to be given up, and on a full disk the reserve is released."""
        errno = self._connection.system_errno if self._connection is not None else 0
        if refusals.is_full(error, errno):
            self.reserve.release()
        return self._mark(error, errno)

    def _mark(self, error: apsw.Error, errno: int) -> PolyrhythmError:
        if not isinstance(error, refusals.HARMLESS):
            self._suspect = True
        return refusals.refusal(error, errno, self.path)

    def rollback(self) -> None:
        """End a transaction that failed; give the connection up if it is suspect."""
        if self._connection is None:
            return
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except apsw.Error:
            self._suspect = True
        if self._suspect and not self.in_memory:
            self._drop()

    def tend(self) -> None:
        """Checkpoint when the write-ahead log has grown; called after a commit, which it cannot
        undo: what fails here is dealt with by the next commit."""
        if self._wal_pages < self._checkpoint_at:
            return
        connection = self.connection()
        threshold = self.settings.checkpoint_pages
        stubborn = self._wal_pages > STUBBORN_FACTOR * threshold
        mode = apsw.SQLITE_CHECKPOINT_TRUNCATE if stubborn else apsw.SQLITE_CHECKPOINT_PASSIVE
        try:
            connection.set_busy_timeout(STUBBORN_MS)
            total, done = connection.wal_checkpoint(mode=mode)
            connection.set_busy_timeout(self.settings.busy_ms)
        except apsw.BusyError:
            connection.set_busy_timeout(self.settings.busy_ms)
            self._checkpoint_at = self._wal_pages + threshold
            return
        except apsw.Error as error:
            # On a full disk the reserve stays: it is for a commit that finds no room in the log.
            self._mark(error, connection.system_errno)
            self.rollback()
            self._checkpoint_at = self._wal_pages + threshold
            return
        # A reader may hold the log back: try again when it has grown as much once more.
        self._checkpoint_at = threshold if done >= total else self._wal_pages + threshold
        self._wal_pages = 0
        self.reserve.hold()

    def close(self) -> None:
        """Move the log into the database and close; what cannot be moved stays in the log."""
        self.reserve.release()
        if self._connection is not None:
            self._drop()
        self._opened = False

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        assert connection is not None
        try:
            connection.set_wal_hook(None)
            if self._suspect:
                connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.close(force=True)
        except apsw.Error:
            # SQLite frees a connection even when closing reports an error.
            return

    def _reopen(self) -> None:
        self.verify_in_place()
        try:
            self._connection = self._connect(0)
            self.set_durable(durable=False)
            self._suspect = False
        except apsw.Error as error:
            refused = self.refused(error)
            self.rollback()
            raise refused from error

    def _connect(self, create: int) -> apsw.Connection:
        settings = self.settings
        if not self.in_memory:
            refresh_log(self.path, settings.vfs)
        connection = apsw.Connection(
            self.path,
            apsw.SQLITE_OPEN_READWRITE | create,
            vfs=settings.vfs or None,
            statementcachesize=STATEMENTS_CACHED,
        )
        try:
            self._set_up(connection)
        except BaseException:
            # Left open it would hold the locks of a file that the next try is to open.
            connection.close(force=True)
            raise
        return connection

    def _set_up(self, connection: apsw.Connection) -> None:
        settings = self.settings
        # Without this SQLite plans a statement anew whenever a value it looked at changes: 20 us.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        connection.set_busy_timeout(settings.busy_ms)
        if settings.vfs or settings.exclusive:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        version = schema.read_version(connection, self.path)
        connection.execute(f"PRAGMA page_size = {settings.page_bytes}")
        connection.execute("PRAGMA synchronous = EXTRA")
        mode = connection.execute("PRAGMA journal_mode = WAL").get
        if mode != "wal" and not self.in_memory:
            raise StoreError(f"{self.path}: this place allows no write-ahead log ({mode})")
        connection.execute(
            f"""
            PRAGMA wal_autocheckpoint = 0;
            PRAGMA journal_size_limit = {settings.page_bytes * settings.checkpoint_pages};
            PRAGMA cache_size = {-(settings.cache_bytes // 1024)};
            PRAGMA mmap_size = 0;
            PRAGMA fullfsync = ON;
            PRAGMA temp_store = MEMORY;
            PRAGMA trusted_schema = OFF;
            """
        ).fetchall()  # apsw goes on to the next statement only when the rows of one are read
        schema.migrate(connection, version)
        connection.set_wal_hook(self._note_wal)

    def _note_wal(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK


def sync_directory(path: str) -> None:
    """Make the names in a file's directory durable."""
    descriptor = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
