"""Two and three processes on one file: attaching, being killed, taking over."""

import json
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import grpc
import pytest

from poly_process import CODES, PolyProcess, code_of

# What the issue allows from the owner's death to the first call that another process answers.
TAKEOVER_S_MAX = 3.0


def call_until_it_works(server: PolyProcess, workflow_id: str, give_up_s: float = 20) -> float:
    """Start a workflow again and again; return how long it took, in seconds."""
    began = time.monotonic()
    while True:
        try:
            server.start(workflow_id)
        except grpc.RpcError as error:
            if code_of(error) is CODES.UNAVAILABLE and time.monotonic() - began < give_up_s:
                continue
            raise
        return time.monotonic() - began


def owner_of(file: Path) -> tuple[int, int]:
    """The owner's process id, and how often the file had a new owner."""
    held = json.loads(file.with_name(file.name + ".lock").read_text())
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        [(epoch,)] = connection.execute("SELECT epoch FROM lanes")
    return held["pid"], epoch


def test_a_second_process_attaches_and_sees_the_same(tmp_path):
    with PolyProcess(tmp_path) as owner:
        assert "serving" in owner.line()
        with PolyProcess(tmp_path) as second:
            assert "attached to the owner of" in second.line()
            owner.start("one")
            second.start("two")
            assert second.describe("one").execution.workflow_id == "one"
            assert owner.describe("two").execution.workflow_id == "two"
            with pytest.raises(grpc.RpcError) as caught:
                second.describe("three")
            assert code_of(caught.value) is CODES.NOT_FOUND
            # A poll through the second gets the task of a start through the first.
            assert second.poll().workflow_execution.workflow_id in ("one", "two")
            # The second may leave without disturbing anybody.
            assert second.end() == 0
        assert owner.describe("two").execution.workflow_id == "two"
        assert owner.end() == 0


def test_the_owner_is_killed_and_a_workflow_goes_on_elsewhere(tmp_path):
    with PolyProcess(tmp_path) as owner, PolyProcess(tmp_path) as second:
        # Either may have become the owner; each says one line.
        lines = (owner.line(), second.line())
        first, other = (owner, second) if "serving" in lines[0] else (second, owner)
        other.start("travels")
        task = other.poll()
        polled: list[grpc.StatusCode] = []

        def poll() -> None:
            try:
                other.poll(timeout=60)
            except grpc.RpcError as error:
                polled.append(code_of(error))

        parked = threading.Thread(target=poll)
        parked.start()
        first.kill()
        took_s = call_until_it_works(other, "after")
        assert took_s < TAKEOVER_S_MAX
        assert "took over" in other.line()
        parked.join(20)
        assert polled == [CODES.UNAVAILABLE]
        # The task that was handed out by the dead owner is completed at the new one.
        other.complete(task.task_token)
        assert other.history("travels")[-1] == "WORKFLOW_EXECUTION_COMPLETED"
        # The old address is free and its file is not: who comes back attaches.
        with PolyProcess(tmp_path) as back:
            assert "attached" in back.line()
            assert back.describe("travels").status == 2


def test_of_three_exactly_one_takes_over_and_the_other_follows(tmp_path):
    with (
        PolyProcess(tmp_path) as first,
        PolyProcess(tmp_path) as second,
        PolyProcess(tmp_path) as third,
    ):
        alive = [first, second, third]
        assert sorted(server.line().split()[2] for server in alive) == [
            "attached",
            "attached",
            "serving",
        ]
        for epoch in (1, 2):
            pid, now = owner_of(first.file)
            assert now == epoch
            [owner] = [server for server in alive if server.process.pid == pid]
            owner.kill()
            alive.remove(owner)
            for number, server in enumerate(alive):
                assert call_until_it_works(server, f"{epoch}-{number}") < TAKEOVER_S_MAX
            for server in alive:
                assert server.describe(f"{epoch}-0").status == 1
        pid, epoch = owner_of(first.file)
        assert (pid, epoch) == (alive[0].process.pid, 3)


def test_an_owner_that_ends_in_order_hands_over(tmp_path):
    with PolyProcess(tmp_path) as owner:
        owner.line()
        with PolyProcess(tmp_path) as second:
            second.line()
            second.start("before")
            assert owner.end() == 0
            assert call_until_it_works(second, "after") < TAKEOVER_S_MAX
            assert "took over" in second.line()
            assert second.describe("before").status == 1
            assert (tmp_path / "poly.db.sock").exists()


def test_a_path_too_long_for_a_socket(tmp_path):
    folder = tmp_path / ("deep" * 30)
    folder.mkdir()
    with PolyProcess(folder) as owner:
        assert "serving" in owner.line()
        with PolyProcess(folder) as second:
            assert "attached" in second.line()
            second.start("here")
            assert owner.describe("here").status == 1


def test_an_owner_whose_lock_was_stolen_stops_and_follows(tmp_path):
    with PolyProcess(tmp_path) as owner:
        owner.line()
        owner.start("before")
        # Somebody removes the lock file; a second process locks a new one and is the owner.
        (tmp_path / "poly.db.lock").unlink()
        with PolyProcess(tmp_path) as second:
            assert "serving" in second.line()
            # The first commit of the old owner is refused, and it attaches to the new one.
            call_until_it_works(owner, "through-the-old-one")
            assert "attached" in owner.until("attached")
            assert second.describe("through-the-old-one").status == 1
