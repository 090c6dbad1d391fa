"""What is true of the SQLite store alone: schema, plans, checkpoints, checks, backups."""

import os

import apsw
import pytest

from polyrhythm.base.conditions import Compare, HasWord
from polyrhythm.base.errors import DataLoss, InvalidArgument, StoreError
from polyrhythm.stores.port import Batch, ObjectKind, ObjectRow, RunFilter, RunWrite
from polyrhythm.stores.sqlite import (
    SqliteSettings,
    SqliteStore,
    backup_file,
    check_file,
    schema,
    work_index,
)
from polyrhythm.stores.sqlite import lists as sqlite_lists
from polyrhythm.stores.sqlite import store as sqlite_store
from polyrhythm.stores.sqlite.schema import APPLICATION_ID, SCHEMA_VERSION
from polyrhythm.testing.store_suite.samples import created, log, row, snapshot, step


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shop.db"


@pytest.fixture
def opened(path):
    """A claimed store and a function that commits to it."""
    settings = SqliteSettings(checkpoint_pages=50, reserve_bytes=0)
    store = SqliteStore(path, settings)
    epoch = store.claim_lane(0, "test", "").epoch

    def commit(*runs, **parts):
        store.commit(Batch(0, epoch, 1, list(runs), **parts))

    yield store, commit
    store.close()


def shell(path, sql, *values):
    """What a person with the sqlite3 shell would do to the file."""
    connection = apsw.Connection(str(path))
    found = connection.execute(sql, values).fetchall()
    connection.close()
    return found


def test_durability_is_one_of_three_names_and_memory_goes_with_no_file():
    with pytest.raises(InvalidArgument, match="full, normal, memory"):
        SqliteSettings(durability="fast")
    with pytest.raises(InvalidArgument, match="memory"):
        SqliteStore("shop.db", SqliteSettings(durability="memory"))
    with pytest.raises(InvalidArgument, match="memory"):
        SqliteStore(":memory:")
    traits = SqliteStore(":memory:", SqliteSettings(durability="memory")).traits
    assert (traits.durable, traits.durability, traits.shared) == (False, "memory", False)


@pytest.mark.parametrize(("durability", "level"), [("full", 2), ("normal", 1)])
def test_the_mode_is_in_force_after_the_claim(path, durability, level):
    store = SqliteStore(path, SqliteSettings(durability=durability, reserve_bytes=0))
    store.claim_lane(0, "test", "")
    assert store.traits.durability == durability
    names = "synchronous journal_mode wal_autocheckpoint mmap_size page_size cache_size".split()
    names += "journal_size_limit temp_store trusted_schema fullfsync".split()
    pragmas = {name: store._database.read(f"PRAGMA {name}")[0][0] for name in names}
    assert pragmas == {
        "synchronous": level,
        "journal_mode": "wal",
        "wal_autocheckpoint": 0,
        "mmap_size": 0,
        "page_size": 4096,
        "cache_size": -16 * 1024,
        "journal_size_limit": 4096 * 1000,
        "temp_store": 2,
        "trusted_schema": 0,
        "fullfsync": 1,
    }
    store.close()


def test_a_newer_schema_is_refused_untouched(path, opened):
    opened[0].close()
    shell(path, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer release"):
        SqliteStore(path).claim_lane(0, "test", "")
    assert path.read_bytes() == before
    with pytest.raises(StoreError, match="newer release"):
        check_file(path)


def test_a_database_of_another_program_is_refused_untouched(path):
    shell(path, "CREATE TABLE songs (title TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        SqliteStore(path).claim_lane(0, "test", "")
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_untouched(path):
    path.write_bytes(b"# shopping list\n" * 100)
    with pytest.raises(StoreError, match="not a SQLite database"):
        SqliteStore(path).claim_lane(0, "test", "")
    assert path.read_bytes() == b"# shopping list\n" * 100


def test_the_schema_is_named_in_the_header(path, opened):
    assert shell(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert shell(path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]


def test_every_read_stays_on_its_index(opened):
    store, commit = opened
    commit(*(created(key) for key in range(1, 50)))
    everything = RunFilter(
        1,
        workflow_types=["a"],
        task_queues=["b"],
        statuses=[1],
        start_ns_min=1,
        close_ns_max=5,
        after=(5, 5, 5),
    )
    queries = [
        value
        for module in (sqlite_store, work_index)
        for name, value in vars(module).items()
        if isinstance(value, str)
        and value.startswith("SELECT")
        and name not in ("LOG", "NAMESPACES", "OF_ALL")
    ]
    assert len(queries) > 12
    queries += [
        sqlite_lists.list_statement(everything)[0],
        sqlite_lists.count_statement(everything)[0],
        sqlite_lists.list_statement(RunFilter(1))[0],
        sqlite_lists.list_statement(RunFilter(1, condition=Compare("Color", "=", "red")))[0],
        sqlite_lists.count_statement(RunFilter(1, condition=HasWord("Tags", ["new"])))[0],
    ]
    for sql in queries:
        values = (1,) * sql.count("?")
        plan = [step[3] for step in store._database.read(f"EXPLAIN QUERY PLAN {sql}", values)]
        # The index of work has exactly the rows that wait, that of unread rows only those.
        whole = ("SCAN work", "SCAN executions USING COVERING INDEX executions_unread")
        bad = [p for p in plan if p.startswith("SCAN") and p not in whole and "json_each" not in p]
        assert not bad, (sql, plan)
        sorts = any("TEMP B-TREE" in p for p in plan)
        assert not sorts, (sql, plan)


def test_the_log_of_the_database_stays_small(path, opened):
    _, commit = opened
    largest = 0
    for key in range(1, 200):
        commit(created(key))
        largest = max(largest, os.path.getsize(f"{path}-wal"))
    assert largest < 100 * 4096


def test_a_reader_that_stays_holds_nothing_up(path, opened):
    store, commit = opened
    commit(created(1))
    reader = apsw.Connection(str(path), apsw.SQLITE_OPEN_READONLY)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM executions").get == 1
    for key in range(2, 300):
        commit(created(key))
    assert reader.execute("SELECT count(*) FROM executions").get == 1
    grown = os.path.getsize(f"{path}-wal")
    reader.close()
    for key in range(300, 500):
        commit(created(key))
    assert os.path.getsize(f"{path}-wal") <= grown
    assert store.count_runs(RunFilter(1)) == 499


def test_a_person_may_write_beside_us(path, opened):
    store, commit = opened
    commit(created(1))
    shell(path, "UPDATE executions SET task_queue = 'moved' WHERE run_key = 1")
    assert store.load_row(1).task_queue == "moved"
    commit(created(2))


def test_a_gap_in_a_log_is_data_loss(path, opened):
    store, commit = opened
    commit(created(1), created(2))
    commit(step(1, 2))
    commit(step(1, 3))
    shell(path, "DELETE FROM log WHERE run_key = 1 AND sequence = 2")
    with pytest.raises(DataLoss, match="run 1: log row 2 is missing"):
        store.load_run(1, 1)
    assert store.load_run(2, 1) is not None


def test_a_check_names_what_is_damaged(path, opened):
    store, commit = opened
    for key in (1, 2, 3, 4):
        write = created(key)
        write.snapshot = snapshot(key, 1)
        commit(write)
    commit(step(3, 2), objects=[ObjectRow(1, ObjectKind.PERMIT, "p", b"body")])
    assert store.check().is_sound()
    shell(path, "UPDATE log SET events = X'00' WHERE run_key = 1")
    shell(path, "UPDATE snapshots SET body = X'00' WHERE run_key = 2")
    shell(path, "DELETE FROM log WHERE run_key = 3 AND sequence = 1")
    shell(path, "DELETE FROM executions WHERE run_key = 4")
    shell(path, "UPDATE objects SET body = X'00'")
    report = store.check()
    assert not report.is_sound()
    assert report.damaged_logs == [1]
    assert report.damaged_snapshots == [2]
    assert report.damaged_objects == ["p"]
    with pytest.raises(DataLoss, match="object p is damaged"):
        store.load_object(1, ObjectKind.PERMIT, "p")
    assert report.incomplete_logs == [3]
    assert report.orphaned_logs == [4]
    assert report.structure == []


def test_damaged_pages_are_data_loss_of_the_runs_on_them(path, opened):
    store, commit = opened
    blob = bytes(20_000)
    for key in (1, 2):
        write = created(key)
        write.log.events = bytes([key]) * 20_000
        commit(write)
    store.close()
    # A page in the middle of run 1's events now says that the next one is page 0.
    content = path.read_bytes()
    at = content.index(bytes([1]) * 4000) // 4096 * 4096
    assert content[at + 4 : at + 4000] == bytes([1]) * 3996
    path.write_bytes(content[:at] + bytes(4) + content[at + 4 :])
    again = SqliteStore(path, SqliteSettings(reserve_bytes=0))
    again.claim_lane(0, "test", "")
    with pytest.raises(DataLoss, match=r"run 1: .*damaged"):
        again.load_run(1, 1)
    assert len(again.load_run(2, 1).log[0].events) == len(blob)
    again.close()


def test_a_migration_happens_whole_or_not_at_all(path, opened, tmp_path, monkeypatch):
    opened[1](created(1))
    opened[0].close()
    folder = tmp_path / "migrations"
    folder.mkdir()
    next_version = SCHEMA_VERSION + 1
    script = folder / f"{next_version:04}.sql"
    script.write_text("CREATE TABLE extra (x INTEGER) STRICT; INSERT INTO absent VALUES (1);")
    monkeypatch.setattr(schema, "SCHEMA_VERSION", next_version)
    monkeypatch.setattr(schema.resources, "files", lambda package: folder)
    with pytest.raises(StoreError, match="no such table: absent"):
        SqliteStore(path).claim_lane(0, "test", "")
    assert shell(path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert shell(path, "SELECT name FROM sqlite_schema WHERE name = 'extra'") == []
    script.write_text("CREATE TABLE extra (x INTEGER) STRICT;")
    store = SqliteStore(path)
    store.claim_lane(0, "test", "")
    assert store.load_row(1) == row(1)
    store.close()
    assert shell(path, "PRAGMA user_version") == [(next_version,)]


def test_a_check_tells_of_broken_structure(path, opened):
    store, commit = opened
    commit(*(created(key) for key in range(1, 200)))
    store.close()
    with path.open("r+b") as file:
        file.seek(12 * 4096)
        file.write(b"\xff" * 4096)
    report = check_file(path)
    assert report.structure
    assert not report.is_sound()


def test_backups_are_whole_and_never_overwrite(path, opened, tmp_path):
    store, commit = opened
    commit(*(created(key) for key in range(1, 100)))
    target = tmp_path / "copies"
    target.mkdir()
    store.backup(target / "monday.db")
    commit(created(100))
    backup_file(path, target / "tuesday.db")
    assert sorted(os.listdir(target)) == ["monday.db", "tuesday.db"]
    for name, count in (("monday.db", 99), ("tuesday.db", 100)):
        assert check_file(target / name).is_sound()
        assert shell(target / name, "SELECT count(*) FROM executions") == [(count,)]
    with pytest.raises(StoreError, match="never written over"):
        store.backup(target / "monday.db")
    with pytest.raises(StoreError, match="no file"):
        backup_file(tmp_path / "absent.db", target / "other.db")
    with pytest.raises(StoreError, match="cannot open"):
        store.backup(tmp_path / "nowhere" / "copy.db")


def test_an_unchanged_index_is_not_written(path, opened):
    """What an update does not move costs no page: one page of the table and two of the log."""
    store, commit = opened
    commit(*(created(key) for key in range(1, 2000)))
    still = row(1000)
    commit(RunWrite(still, log=log(1000, 2)))
    before = store._database._wal_pages
    commit(RunWrite(still, log=log(1000, 3)))
    assert store._database._wal_pages - before <= 3
    still.due_ns += 1
    before = store._database._wal_pages
    commit(RunWrite(still, log=log(1000, 4)))
    assert store._database._wal_pages - before <= 5
