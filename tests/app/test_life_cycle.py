"""Applications as processes: told to stop, killed, several on one file."""

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("shop_program.py")


class Process:
    """The program of `shop_program.py`; a line of what it says at a time."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.log = folder / f"{words[0]}.{time.monotonic_ns()}.log"
        with self.log.open("wb") as log:
            self.popen = subprocess.Popen(
                [sys.executable, str(PROGRAM), str(folder / "shop.db"), *words],
                stdout=subprocess.PIPE,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def __enter__(self):
        return self

    def __exit__(self, *exception: object) -> None:
        self.popen.kill()
        self.popen.wait()
        assert self.popen.stdout is not None
        self.popen.stdout.close()

    def until(self, word: str) -> str:
        assert self.popen.stdout is not None
        while True:
            line = self.popen.stdout.readline().decode()
            assert line, f"it ended without {word!r}: {self.log.read_text()}"
            if word in line:
                return line

    def end(self, number: int = signal.SIGTERM) -> int:
        self.popen.send_signal(number)
        return self.popen.wait(30)


def done(folder: Path) -> Counter:
    lines = (folder / "shop.db.done").read_text().splitlines()
    return Counter(line.split()[0] for line in lines)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path, number):
    with Process(tmp_path, "work") as worker:
        assert "serving" in worker.until("serving")
        assert worker.end(number) == 0
        assert "ended" in worker.until("ended")
    assert not list(tmp_path.glob("*.sock"))


def test_a_process_that_is_killed_leaves_its_runs_to_the_next(tmp_path):
    with Process(tmp_path, "start", "travels") as first:
        first.until("started")
        # It is inside its second or third step, or about to end: wherever it is.
        first.popen.kill()
        first.popen.wait()
    with Process(tmp_path, "result", "travels") as second:
        assert second.until("result").split() == ["result", "travels"]
    # No step with a recorded result was made again.
    assert set(done(tmp_path)) == {f"travels-{n}" for n in range(3)}


def test_several_processes_on_one_file(tmp_path):
    with Process(tmp_path, "work") as owner:
        owner.until("serving")
        with Process(tmp_path, "work") as other:
            other.until("attached")
            with Process(tmp_path, "client", "10") as client:
                client.until("finished 10")
                assert client.popen.wait(30) == 0
            with Process(tmp_path, "client", "10") as client:
                client.until("started 10")
                owner.popen.kill()
                owner.popen.wait()
                # One of the two others owns the file now, and all runs end.
                client.until("finished 10")
            assert other.end() == 0
    counts = done(tmp_path)
    assert len(counts) == 60
    # Only what was in hand when the owner was killed may have been made again.
    assert sum(counts.values()) - 60 <= 20


def test_a_task_in_a_process_of_its_own(tmp_path):
    with Process(tmp_path, "elsewhere") as program:
        assert "True" in program.until("elsewhere")
        assert program.popen.wait(30) == 0
