"""One owner of a file: other processes are told its address, and take over when it is dead."""

import os
import signal
import subprocess
import sys

import pytest

from polyrhythm.base.errors import LaneHeld, LaneLost, StoreError
from polyrhythm.stores.port import Batch
from polyrhythm.stores.sqlite import SqliteSettings, SqliteStore, backup_file, check_file
from polyrhythm.testing.store_suite.samples import created, row, step

SMALL = SqliteSettings(reserve_bytes=0)

# An owner in its own process: commits one run, says so, and waits to be killed.
OWNER = """
import sys
from polyrhythm.stores.port import Batch
from polyrhythm.stores.sqlite import SqliteSettings, SqliteStore
from polyrhythm.testing.store_suite.samples import created

store = SqliteStore(sys.argv[1], SqliteSettings(reserve_bytes=0))
owner = store.claim_lane(0, "first", "unix:/run/first.sock")
key = 0
while True:
    key += 1
    store.commit(Batch(0, owner.epoch, key, [created(key)]))
    print(owner.epoch, key, flush=True)
    if sys.argv[2] == "wait":
        sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shop.db"


@pytest.fixture
def start_owner(path):
    started = []

    def start(mode):
        command = [sys.executable, "-c", OWNER, str(path), mode]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        started.append(process)
        assert process.stdout.readline().split()[1] == "1"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_a_second_process_learns_the_address(path, start_owner):
    start_owner("wait")
    before = path.stat().st_mtime_ns
    for _ in range(2):
        store = SqliteStore(path, SMALL)
        with pytest.raises(LaneHeld, match="first") as held:
            store.claim_lane(0, "second", "unix:/run/second.sock")
        assert held.value.address == "unix:/run/first.sock"
        store.close()
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("mode", ["wait", "busy"])
def test_a_killed_owner_is_replaced_and_nothing_is_lost(path, start_owner, mode):
    process = start_owner(mode)
    last = 1
    if mode == "busy":
        for _ in range(300):
            last = int(process.stdout.readline().split()[1])
    process.send_signal(signal.SIGKILL)
    last = max([last, *(int(line.split()[1]) for line in process.stdout if line[-1] == "\n")])
    process.wait()
    store = SqliteStore(path, SMALL)
    owner = store.claim_lane(0, "second", "")
    assert owner.epoch == 2
    assert last <= store.run_key_last() <= last + 1
    assert all(store.load_row(key) == row(key) for key in range(1, last + 1))
    assert store.check().is_sound()
    store.close()


def test_two_stores_in_one_process_are_two_owners(path):
    first = SqliteStore(path, SMALL)
    first.claim_lane(0, "first", "here")
    with pytest.raises(LaneHeld) as held:
        SqliteStore(path, SMALL).claim_lane(0, "second", "")
    assert held.value.address == "here"
    first.close()
    second = SqliteStore(path, SMALL)
    second.claim_lane(0, "second", "")
    second.close()


def test_a_new_claim_changes_the_address(path):
    store = SqliteStore(path, SMALL)
    store.claim_lane(0, "first", "before")
    store.claim_lane(0, "first", "after")
    with pytest.raises(LaneHeld) as held:
        SqliteStore(path, SMALL).claim_lane(0, "second", "")
    assert held.value.address == "after"
    store.close()


def test_an_unreadable_lock_file_holds_all_the_same(path):
    store = SqliteStore(path, SMALL)
    store.claim_lane(0, "first", "here")
    (path.parent / "shop.db.lock").write_bytes(b"\xff{")
    with pytest.raises(LaneHeld) as held:
        SqliteStore(path, SMALL).claim_lane(0, "second", "")
    assert held.value.address == ""
    store.close()


def test_whoever_removes_the_lock_file_is_fenced_by_the_epoch(path):
    first = SqliteStore(path, SMALL)
    old = first.claim_lane(0, "first", "")
    first.commit(Batch(0, old.epoch, 1, [created(1)]))
    (path.parent / "shop.db.lock").unlink()
    second = SqliteStore(path, SMALL)
    new = second.claim_lane(0, "second", "")
    second.commit(Batch(0, new.epoch, 2, [step(1, 2)]))
    with pytest.raises(LaneLost):
        first.commit(Batch(0, old.epoch, 3, [step(1, 2)]))
    assert len(first.load_run(1, 1).log) == 2
    second.close()
    first.close()


def test_nothing_is_touched_before_the_claim(path):
    store = SqliteStore(path, SMALL)
    assert os.listdir(path.parent) == []
    with pytest.raises(StoreError, match="claim its lane first"):
        store.load_row(1)
    with pytest.raises(StoreError, match="claim its lane first"):
        store.commit(Batch(0, 1, 1))
    store.close()


def test_a_closed_store_leaves_the_file_and_a_free_lock(path):
    store = SqliteStore(path)
    store.claim_lane(0, "first", "")
    assert (path.parent / "shop.db.reserve").stat().st_blocks * 512 >= 16 * 1024 * 1024
    store.close()
    store.close()
    assert sorted(os.listdir(path.parent)) == ["shop.db", "shop.db.lock"]


def test_others_read_check_and_copy_while_the_owner_writes(path, start_owner, tmp_path):
    process = start_owner("busy")
    for _ in range(20):
        process.stdout.readline()
    report = check_file(path)
    assert report.is_sound()
    assert report.log_rows >= 20
    backup_file(path, tmp_path / "copy.db")
    assert int(process.stdout.readline().split()[1]) > 20
    copy = SqliteStore(tmp_path / "copy.db", SMALL)
    assert copy.claim_lane(0, "copy", "").epoch == 2
    last = copy.run_key_last()
    assert last >= report.log_rows
    assert all(copy.load_row(key) == row(key) for key in range(1, last + 1))
    copy.close()
