"""A disk that is full, read-only, failing or gone: clear errors, no half commit, and recovery."""

import errno
import os
import subprocess
import sys

import apsw
import pytest

from polyrhythm.base.errors import StoreError, StoreFull
from polyrhythm.stores.port import Batch
from polyrhythm.stores.sqlite import SqliteSettings, SqliteStore
from polyrhythm.stores.sqlite import reserve as reserve_file
from polyrhythm.testing.crash import Recorder, install
from polyrhythm.testing.crash.recording import Fault
from polyrhythm.testing.store_suite.samples import created, row, step

# Fills the file up to a limit of its size, then gets more room, as when a quota is raised.
LIMITED = """
import resource, sys
from polyrhythm.base.errors import StoreFull
from polyrhythm.stores.port import Batch
from polyrhythm.stores.sqlite import SqliteSettings, SqliteStore
from polyrhythm.testing.store_suite.samples import created, row

settings = SqliteSettings(reserve_bytes=0, checkpoint_pages=int(sys.argv[2]))
store = SqliteStore(sys.argv[1], settings)
epoch = store.claim_lane(0, "limited", "").epoch
most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, most))
key = 1
try:
    while True:
        store.commit(Batch(0, epoch, key, [created(key, memo=bytes(2000))]))
        key += 1
        assert key < 10_000
except StoreFull as error:
    assert "no space left" in error.message
for _ in range(3):
    try:
        store.commit(Batch(0, epoch, key, [created(key, memo=bytes(200_000))]))
        raise AssertionError("there was room")
    except StoreFull:
        pass
assert store.run_key_last() == key - 1, (store.run_key_last(), key)
assert store.load_run(1, 1).row == row(1, memo=bytes(2000))
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
store.commit(Batch(0, epoch, key, [created(key)]))
assert store.load_row(key) == row(key)
assert store.check().is_sound()
store.close()
print(key)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shop.db"


@pytest.fixture
def failing(path):
    """A store over a VFS whose operations can be made to fail, and that VFS's recorder."""
    recorder = Recorder()
    vfs = install(recorder, "failing")
    settings = SqliteSettings(vfs="failing", reserve_bytes=0, checkpoint_pages=20)
    store = SqliteStore(path, settings)
    epoch = store.claim_lane(0, "test", "").epoch

    def commit(*runs):
        store.commit(Batch(0, epoch, 1, list(runs)))

    yield store, recorder, commit
    recorder.faults.clear()
    store.close()
    vfs.unregister()


@pytest.mark.parametrize("checkpoint_pages", [10, 1_000_000])
def test_a_limit_of_the_file_s_size_is_a_full_disk(path, checkpoint_pages):
    command = [sys.executable, "-c", LIMITED, str(path), str(checkpoint_pages)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 5


def test_a_full_disk_refuses_and_then_goes_on(path):
    store = SqliteStore(path, SqliteSettings(reserve_bytes=0))
    epoch = store.claim_lane(0, "test", "").epoch
    pages = store._database.read("PRAGMA page_count")[0][0]
    store._database.read(f"PRAGMA max_page_count = {pages + 20}")
    key = 0
    try:
        while key < 1000:
            key += 1
            store.commit(Batch(0, epoch, 1, [created(key, memo=bytes(3000))]))
    except StoreFull:
        assert 10 < key < 100
    assert store.load_row(key) is None
    assert store.load_row(key - 1) is not None
    store._database.read("PRAGMA max_page_count = 1000000")
    store.commit(Batch(0, epoch, 1, [created(key)]))
    store.close()


def test_the_reserve_is_released_once_and_made_again(path, failing, monkeypatch):
    store, recorder, commit = failing
    reserve = store._database.reserve
    reserve.size = 1 << 20
    reserve.hold()
    held = path.parent / "shop.db.reserve"
    assert held.stat().st_blocks * 512 >= 1 << 20
    recorder.faults["write"] = Fault(apsw.SQLITE_FULL)
    with pytest.raises(StoreFull):
        commit(created(1))
    assert not held.exists()
    recorder.faults.clear()
    # While the disk has little to spare the reserve stays away; a checkpoint makes it again.
    monkeypatch.setattr(reserve_file, "SPARE_FACTOR", 1 << 40)
    for key in range(1, 50):
        commit(created(key))
    assert not held.exists()
    monkeypatch.undo()
    for key in range(50, 100):
        commit(created(key))
    assert held.exists()


@pytest.mark.parametrize("operation", ["write", "sync"])
def test_an_io_error_loses_nothing_that_was_acknowledged(failing, operation):
    store, recorder, commit = failing
    key = 0
    for after in range(25):
        key += 1
        commit(created(key))
        code = apsw.SQLITE_IOERR_FSYNC if operation == "sync" else apsw.SQLITE_IOERR_WRITE
        recorder.faults[operation] = Fault(code, after, times=1)
        try:
            commit(created(key + 1), step(key, 2))
        except StoreError:
            with_next = store.load_row(key + 1) is not None
            assert len(store.load_run(key, 1).log) == (2 if with_next else 1)
        else:
            with_next = True
        recorder.faults.clear()
        key += with_next
        assert store.run_key_last() == key
        assert store.load_row(key) == row(key)
        assert store.check().is_sound()


def test_an_io_error_that_stays_refuses_every_commit(failing):
    store, recorder, commit = failing
    commit(created(1))
    recorder.faults["write"] = Fault(apsw.SQLITE_IOERR_WRITE)
    for _ in range(3):
        with pytest.raises(StoreError):
            commit(created(2))
    recorder.faults.clear()
    commit(created(2))
    assert store.load_row(2) == row(2)


def test_a_failing_checkpoint_does_not_fail_the_commit(failing):
    store, recorder, commit = failing
    # Commits sync the log, only a checkpoint syncs the database.
    recorder.faults["sync"] = Fault(apsw.SQLITE_IOERR_FSYNC, file="shop.db")
    commit(*(created(key) for key in range(1, 100)))
    assert recorder.faults["sync"].after < 0
    recorder.faults.clear()
    assert all(store.load_row(key) == row(key) for key in range(1, 100))
    commit(created(100))


def test_a_place_where_nothing_can_be_created_is_a_clear_error(tmp_path):
    with pytest.raises(StoreError, match=r"cannot create .*nowhere"):
        SqliteStore(tmp_path / "nowhere" / "shop.db").claim_lane(0, "test", "")
    with pytest.raises(StoreError, match=r"cannot create /proc/shop\.db\.lock"):
        SqliteStore("/proc/shop.db").claim_lane(0, "test", "")


def test_a_read_only_directory_is_a_clear_error(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write anywhere")
    with pytest.raises(StoreError, match=os.strerror(errno.EACCES)):
        SqliteStore(folder / "shop.db").claim_lane(0, "test", "")


def test_a_directory_in_the_file_s_place_is_a_clear_error(path):
    path.mkdir()
    with pytest.raises(StoreError, match="cannot open"):
        SqliteStore(path).claim_lane(0, "test", "")


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_went_away_is_noticed(path, replaced):
    store = SqliteStore(path, SqliteSettings(reserve_bytes=0))
    epoch = store.claim_lane(0, "test", "").epoch
    store.commit(Batch(0, epoch, 1, [created(1)]))
    path.rename(path.with_suffix(".moved"))
    if replaced:
        path.write_bytes(b"")
    with pytest.raises(StoreError, match="removed or replaced"):
        store.commit(Batch(0, epoch, 2, [created(2)]))
    store.close()


def test_a_checkpoint_without_space_leaves_the_reserve_to_commits(path, failing):
    store, recorder, commit = failing
    reserve = store._database.reserve
    reserve.size = 1 << 20
    assert store.find_space()
    # Commits write to the log, only a checkpoint writes to the database.
    recorder.faults["write"] = Fault(apsw.SQLITE_FULL, file="shop.db")
    commit(*(created(key) for key in range(1, 100)))
    assert recorder.faults["write"].after < 0
    assert (path.parent / "shop.db.reserve").exists()
    recorder.faults["write"] = Fault(apsw.SQLITE_FULL)
    with pytest.raises(StoreFull):
        commit(created(100))
    assert not (path.parent / "shop.db.reserve").exists()
    recorder.faults.clear()
    assert store.find_space()
    assert (path.parent / "shop.db.reserve").exists()


def test_the_reserve_of_a_dead_owner_lets_the_next_one_in(path):
    recorder = Recorder()
    vfs = install(recorder, "inherited")
    settings = SqliteSettings(vfs="inherited", reserve_bytes=0)
    store = SqliteStore(path, settings)
    store.claim_lane(0, "dead", "")
    store.close()
    held = path.with_name("shop.db.reserve")
    held.write_bytes(bytes(1 << 20))
    recorder.faults["write"] = Fault(apsw.SQLITE_FULL, times=1, file="shop.db-wal")
    store = SqliteStore(path, settings)
    assert store.claim_lane(0, "next", "").epoch == 2
    assert recorder.faults["write"].after < 0
    assert not held.exists()
    recorder.faults["write"] = Fault(apsw.SQLITE_FULL, file="shop.db-wal")
    with pytest.raises(StoreFull):
        store.claim_lane(0, "next", "")
    recorder.faults.clear()
    assert store.claim_lane(0, "next", "").epoch == 3
    store.close()
    vfs.unregister()
