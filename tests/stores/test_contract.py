"""Every store of ours passes the shipped contract suite."""

from pathlib import Path

import apsw
import pytest

from polyrhythm.stores.memory import MemoryStore
from polyrhythm.stores.sqlite import SqliteSettings, SqliteStore
from polyrhythm.testing.store_suite import CHECKS, DAMAGE_CHECKS


class InMemory:
    """Dictionaries; a reopening is a new handle on them."""

    def __init__(self, folder: Path) -> None:
        self.store = MemoryStore()

    def open(self) -> MemoryStore:
        self.store = self.store.reopen()
        return self.store


class InFile:
    """A SQLite file; small checkpoints, so that they happen in tests."""

    def __init__(self, folder: Path, durability: str = "full") -> None:
        self.path = folder / "suite.db"
        self.durability = durability

    def open(self) -> SqliteStore:
        settings = SqliteSettings(durability=self.durability, checkpoint_pages=20, reserve_bytes=0)
        return SqliteStore(self.path, settings)

    def damage_log(self, run_key: int) -> None:
        self.overwrite("UPDATE log SET notes = X'00' WHERE run_key = ? AND sequence = 1", run_key)

    def damage_snapshot(self, run_key: int) -> None:
        self.overwrite("UPDATE snapshots SET body = X'00' WHERE run_key = ?", run_key)

    def overwrite(self, sql: str, run_key: int) -> None:
        connection = apsw.Connection(str(self.path))
        connection.execute(sql, (run_key,))
        assert connection.changes() == 1
        connection.close()


class InNoFile:
    """SQLite's own memory; it is lost with its connection, which is therefore never closed."""

    def __init__(self, folder: Path) -> None:
        self.store = SqliteStore(":memory:", SqliteSettings(durability="memory"))

    def open(self) -> "InNoFile":
        return self

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)

    def close(self) -> None:
        pass


SUBJECTS = {
    "memory": InMemory,
    "full": InFile,
    "normal": lambda folder: InFile(folder, "normal"),
    "no-file": InNoFile,
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_contract(subject, check, tmp_path):
    check(SUBJECTS[subject](tmp_path))


@pytest.mark.parametrize("check", DAMAGE_CHECKS, ids=lambda check: check.__name__)
def test_damage(check, tmp_path):
    check(InFile(tmp_path))
