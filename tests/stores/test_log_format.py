"""The checksums of stored rows: every column counts, and files of older releases are still read.

`corpus/sqlite/log-format-1.db.gz` was written when format 1 was the only one: 40 commits of
`engine_batches(4, 40)` with payloads of at most 30 bytes, and snapshots of the fold of that time.
"""

import gzip
from pathlib import Path

import apsw
import pytest

from polyrhythm.base.errors import DataLoss
from polyrhythm.core.snapshot import FOLD_VERSION
from polyrhythm.stores.port import Batch, LogRow, ObjectKind, ObjectRow, Snapshot
from polyrhythm.stores.sqlite import SqliteSettings, SqliteStore, check_file, logrows
from polyrhythm.stores.sqlite.schema import SCHEMA_VERSION
from polyrhythm.testing.store_suite.samples import created, step

OLD_FILE = Path(__file__).parents[1] / "corpus" / "sqlite" / "log-format-1.db.gz"
OLD_FOLD = 6


def shell(path, sql, *values):
    connection = apsw.Connection(str(path))
    found = connection.execute(sql, values).fetchall()
    connection.close()
    return found


def claimed(path):
    store = SqliteStore(path, SqliteSettings(reserve_bytes=0))
    return store, store.claim_lane(0, "test", "").epoch


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "old.db"
    path.write_bytes(gzip.decompress(OLD_FILE.read_bytes()))
    return path


@pytest.fixture
def path(tmp_path):
    """A file with one run of two log rows and a snapshot, and one object."""
    path = tmp_path / "new.db"
    store, epoch = claimed(path)
    write = created(1)
    write.snapshot = Snapshot(1, 1, FOLD_VERSION, b"state")
    permit = ObjectRow(1, ObjectKind.PERMIT, "p", b"body")
    store.commit(Batch(0, epoch, 7, [write], objects=[permit]))
    store.commit(Batch(0, epoch, 8, [step(1, 2)]))
    store.close()
    return path


def test_a_file_of_format_1_is_read_and_goes_on_in_format_2(old):
    assert shell(old, "PRAGMA user_version") == [(3,)]
    assert shell(old, "SELECT format, count(*) FROM log GROUP BY 1") == [(1, 48)]
    assert check_file(old).is_sound()
    keys = [key for (key,) in shell(old, "SELECT run_key FROM executions")]
    store, epoch = claimed(old)
    stored = {key: store.load_run(key, OLD_FOLD) for key in keys}
    assert sum(run.snapshot is not None for run in stored.values()) == 4
    assert sum(len(store.load_run(key, 0).log) for key in keys) == 48
    assert len(store.scan_log(1, 0, 1000)) == 48
    [open_key, *_] = [key for key, run in stored.items() if not run.row.close_ns]
    last = store.load_run(open_key, 0).log[-1].sequence
    entry = LogRow(open_key, last + 1, 0, 0, b"", b"note")
    write = step(open_key, last + 1)
    write.row, write.log = stored[open_key].row, entry
    store.commit(Batch(0, epoch, 9, [write]))
    assert store.load_run(open_key, 0).log[-1].notes == b"note"
    assert store.check().is_sound()
    store.close()
    assert shell(old, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert shell(old, "SELECT format, count(*) FROM log GROUP BY 1") == [(1, 48), (2, 1)]


def test_damage_in_a_row_of_format_1_is_found(old):
    shell(old, "UPDATE log SET notes = X'00' WHERE position = 20")
    [(key,)] = shell(old, "SELECT run_key FROM log WHERE position = 20")
    assert check_file(old).damaged_logs == [key]


@pytest.mark.parametrize("column", [name for name in logrows.COLUMNS if name != "run_key"])
def test_every_column_of_a_log_row_is_covered(path, column):
    other = "X'00'" if column in ("events", "notes") else f"{column} + 1"
    shell(path, f"UPDATE log SET {column} = {other} WHERE sequence = 2")
    assert check_file(path).damaged_logs == [1]
    store, _ = claimed(path)
    with pytest.raises(DataLoss, match="run 1: log row"):
        store.load_run(1, 0)
    with pytest.raises(DataLoss, match="is damaged"):
        store.scan_log(1, 0, 10)
    store.close()


def test_a_log_row_under_another_run_is_found(path):
    shell(path, "UPDATE log SET run_key = 2 WHERE sequence = 2")
    assert check_file(path).damaged_logs == [2]


def test_a_row_cannot_pass_as_one_of_format_1(path):
    shell(path, "UPDATE log SET format = 1")
    assert check_file(path).damaged_logs == [1]


@pytest.mark.parametrize("change", ["sequence = 2", "version = version + 1", "body = X'00'"])
def test_every_column_of_a_snapshot_is_covered(path, change):
    shell(path, f"UPDATE snapshots SET {change}")
    assert check_file(path).damaged_snapshots == [1]
    store, _ = claimed(path)
    for version in (FOLD_VERSION, FOLD_VERSION + 1):
        stored = store.load_run(1, version)
        assert (stored.snapshot, len(stored.log)) == (None, 2)
    store.close()


@pytest.mark.parametrize("change", ["kind = 2", "namespace_key = 2", "name = 'q'", "body = X'00'"])
def test_every_column_of_an_object_is_covered(path, change):
    shell(path, f"UPDATE objects SET {change}")
    assert len(check_file(path).damaged_objects) == 1
    [(namespace_key, kind, name)] = shell(path, "SELECT namespace_key, kind, name FROM objects")
    store, _ = claimed(path)
    with pytest.raises(DataLoss, match="is damaged"):
        store.load_object(namespace_key, kind, name)
    store.close()


def test_text_that_is_none_is_data_loss(path):
    shell(path, "UPDATE executions SET task_queue = CAST(X'FF' AS TEXT)")
    store, _ = claimed(path)
    with pytest.raises(DataLoss, match="text is damaged"):
        store.load_row(1)
    store.close()
