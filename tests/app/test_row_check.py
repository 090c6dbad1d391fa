"""Rows of runs against their logs: sound files pass, every damaged column is found and mended."""

import gzip
from dataclasses import fields
from pathlib import Path

import apsw
import pytest

from polyrhythm.app.row_check import check_rows, repair_rows
from polyrhythm.base.errors import LaneHeld, StoreError
from polyrhythm.stores.port import RunRow
from polyrhythm.stores.sqlite import SqliteSettings, SqliteStore, check_file
from polyrhythm.testing.crash.program import engine_batches

OLD_FILE = Path(__file__).parents[1] / "corpus" / "sqlite" / "log-format-1.db.gz"
NEWER = ("due_ns", "search_attributes", "search_values")
COUNTS = ("history_events", "history_bytes", "transitions")
COLUMNS = [f.name for f in fields(RunRow) if f.name not in ("run_key", *COUNTS)]


def shell(path, sql):
    connection = apsw.Connection(str(path))
    found = connection.execute(sql).fetchall()
    connection.close()
    return found


def rows(path):
    """All rows, but for what this release writes in another way than the one of the file."""
    columns = ", ".join(f.name for f in fields(RunRow) if f.name not in NEWER)
    return shell(path, f"SELECT {columns} FROM executions ORDER BY run_key")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "old.db"
    path.write_bytes(gzip.decompress(OLD_FILE.read_bytes()))
    # As a server's first start leaves it: of this schema, with its work sorted.
    store = SqliteStore(path, SqliteSettings(durability="normal", reserve_bytes=0))
    store.claim_lane(0, "test", "")
    store.close()
    repair_rows(str(path))
    return path


@pytest.mark.parametrize("seed", range(6))
def test_what_the_engine_writes_is_sound(tmp_path, seed):
    file = tmp_path / "new.db"
    store = SqliteStore(file, SqliteSettings(durability="normal", reserve_bytes=0))
    epoch = store.claim_lane(0, "test", "").epoch
    for batch in engine_batches(seed, 120):
        batch.epoch = epoch
        store.commit(batch)
    report = check_rows(str(file))
    assert report.is_sound(), report
    assert report.runs > 10
    with pytest.raises(LaneHeld):
        repair_rows(str(file))
    store.close()


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_is_found_and_mended(path, column):
    before = rows(path)
    [(kind,)] = shell(path, f"SELECT typeof({column}) FROM executions LIMIT 1")
    other = {"integer": f"{column} + 77", "text": f"{column} || 'x'", "blob": "X'0102'"}[kind]
    shell(path, f"UPDATE executions SET {column} = {other} WHERE run_key = 5")
    assert check_rows(str(path)).differing == [5]
    assert repair_rows(str(path)).differing == [5]
    assert check_rows(str(path)).is_sound()
    assert rows(path) == before
    assert check_file(path).is_sound()


@pytest.mark.parametrize("column", COUNTS)
def test_a_row_that_counts_less_is_mended_and_one_that_counts_more_is_left(path, column):
    before = rows(path)
    shell(path, f"UPDATE executions SET {column} = {column} - 1 WHERE run_key = 5")
    repair_rows(str(path))
    assert rows(path) == before
    shell(path, f"UPDATE executions SET {column} = {column} + 1 WHERE run_key = 5")
    changed = rows(path)
    assert repair_rows(str(path)).short_logs == [5]
    assert rows(path) == changed


def test_a_log_without_its_end_is_no_reason_to_forget_the_row(path):
    before = rows(path)
    shell(path, "DELETE FROM log WHERE position = (SELECT max(position) FROM log)")
    assert len(repair_rows(str(path)).short_logs) == 1
    assert rows(path) == before


def test_a_row_that_is_gone_or_no_text_is_made_again(path):
    before = rows(path)
    shell(path, "DELETE FROM executions WHERE run_key = 3")
    shell(path, "UPDATE executions SET task_queue = CAST(X'FF' AS TEXT) WHERE run_key = 4")
    assert check_rows(str(path)).differing == [3, 4]
    repair_rows(str(path))
    assert rows(path) == before


def test_a_run_whose_log_is_damaged_is_left_alone(path):
    shell(path, "UPDATE log SET notes = X'00' WHERE run_key = 2 AND sequence = 1")
    shell(path, "UPDATE executions SET task_queue = 'x' WHERE run_key = 2")
    before = rows(path)
    report = repair_rows(str(path))
    assert (report.unreadable, report.differing) == ([2], [])
    assert rows(path) == before


def test_a_file_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(StoreError, match="no file"):
        repair_rows(str(tmp_path / "none.db"))
    assert not list(tmp_path.iterdir())
