"""How a SQLite file is kept: durability, sizes and waits, each with its reason.

Durability is a named mode and never silently weaker:
`full`    every commit is on the disk before it returns (one fsync each).
`normal`  commits survive a crash of the process; a power cut may lose the last ones.
`memory`  no file at all; for throw-away servers and tests.
"""

from __future__ import annotations

from dataclasses import dataclass

from polyrhythm.base.errors import InvalidArgument

# durability -> what `PRAGMA synchronous` says once the file is created and owned.
SYNCHRONOUS = {"full": "FULL", "normal": "NORMAL", "memory": "OFF"}
MEMORY_PATH = ":memory:"


@dataclass(slots=True)
class SqliteSettings:
    """Sizes in bytes or pages, waits in milliseconds."""

    durability: str = "full"
    # A VFS registered with apsw. It has no shared memory, so the file is opened exclusively.
    vfs: str = ""
    # Keeps every other process out, readers too, and saves 2-3 us a transaction.
    exclusive: bool = False
    page_bytes: int = 4096
    # Pages in the write-ahead log that start a checkpoint between two commits.
    checkpoint_pages: int = 1000
    # The page cache of the one connection.
    cache_bytes: int = 16 * 1024 * 1024
    # Space set aside so that closing down can commit on a full disk; 0 for none.
    reserve_bytes: int = 16 * 1024 * 1024
    # How long a commit waits for another process that writes (a human in the sqlite3 shell).
    busy_ms: int = 5000

    def __post_init__(self) -> None:
        """Refuse a durability that is not one of the three."""
        if self.durability not in SYNCHRONOUS:
            names = ", ".join(SYNCHRONOUS)
            raise InvalidArgument(f"durability is one of {names}, not {self.durability!r}")
