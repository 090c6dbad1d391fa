"""`poly worker` in processes of its own over one server: queues, places, drains, deaths, bounds."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from poly_process import POLY, PolyProcess
from polyrhythm import App, MisuseError
from polyrhythm.canvas import chord
from polyrhythm.sdk.worker.slots import PATIENCE, Bounds, Slots, next_limit

PROGRAM = """
import os, pathlib
from polyrhythm import App, task

app = App("farm", url={url!r})
FOLDER = pathlib.Path({folder!r})


@app.task(queue="small", timeout="1m")
def who() -> int:
    return os.getpid()


@app.task(queue="large", timeout="1m", heartbeat="1s")
def hold(name: str) -> int:
    open(FOLDER / f"{{name}}-{{os.getpid()}}", "w").close()
    while not (FOLDER / f"{{name}}-go").exists():
        task.heartbeat()
        task.wait_cancelled(0.02)
    return os.getpid()


@app.task
def together(pids: list[int]) -> list[int]:
    return sorted(set(pids))
"""


@pytest.fixture
def server(tmp_path):
    with PolyProcess(tmp_path) as server:
        server.url = f"poly://{server.address}"
        yield server


@pytest.fixture
def farm(tmp_path, server):
    """The program as this process holds it, to send from, and its file."""
    path = tmp_path / "farm.py"
    path.write_text(PROGRAM.format(url=server.url, folder=str(tmp_path)))
    names: dict[str, object] = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    app = names["app"]
    app.plan.works = False
    with app:
        yield names, path


@contextmanager
def worker(path: Path, *flags: str):
    command = [str(POLY), "worker", f"{path}:app", *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "tasks at queue" not in process.stderr.readline():
            assert process.poll() is None
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.stderr.read()


def begun(folder: Path, name: str) -> int:
    """Wait until a task of that name is at work, and return in which process."""
    looking = threading.Event()
    while not looking.wait(0.02):
        for entry in os.listdir(folder):
            stem, _, pid = entry.rpartition("-")
            if stem == name and pid.isdigit():
                return int(pid)
    return 0


def test_each_worker_has_its_queues(farm):
    names, path = farm
    who, together = names["who"], names["together"]
    with worker(path, "--queues", "small"), worker(path, "--queues", "farm,large") as other:
        pids = chord([who.s() for _ in range(8)], together.s()).execute()
        assert len(pids) == 1
        assert pids[0] != other.pid


def test_a_worker_without_a_free_place_is_not_given_work(farm, tmp_path):
    names, path = farm
    hold, app = names["hold"], names["app"]
    with worker(path, "--queues", "large", "--concurrency", "1"):
        first = hold.start("first")
        begun(tmp_path, "first")
        second = hold.start("second")
        (tmp_path / "second-go").touch()
        with worker(path, "--queues", "large", "--concurrency", "1") as free:
            assert second.result(timeout="20s") == free.pid
        third = hold.start("third")
        assert first.describe().state == "started"
        assert third.describe().state == "scheduled"
        for name in ("first", "third"):
            (tmp_path / f"{name}-go").touch()
        assert first.result(timeout="20s") == third.result(timeout="20s")
    assert app.client.count_tasks("ExecutionStatus = 'Completed'") == 3


def test_a_drained_worker_finishes_what_it_has(farm, tmp_path):
    names, path = farm
    hold = names["hold"]
    with worker(path, "--queues", "large", "--drain", "30s") as process:
        run = hold.start("last")
        begun(tmp_path, "last")
        process.send_signal(signal.SIGTERM)
        (tmp_path / "last-go").touch()
        assert run.result(timeout="20s") == process.pid
        assert process.wait(20) == 0
        assert run.describe().attempt == 1


def test_a_killed_worker_hands_its_task_to_another(farm, tmp_path):
    names, path = farm
    hold, together = names["hold"], names["together"]
    with worker(path, "--queues", "large,farm", "--concurrency", "2") as doomed:
        run = (hold.s("kept") | together.si([7])).start()
        assert begun(tmp_path, "kept") == doomed.pid
        with worker(path, "--queues", "large,farm", "--concurrency", "2"):
            doomed.kill()
            (tmp_path / "kept-go").touch()
            assert run.result(timeout="30s") == [7]
    heard = [event for event in run.history() if event.event_type == 11]
    assert [event.activity_task_started_event_attributes.attempt for event in heard] == [2, 1]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--queues", "a,b", "--concurrency", "1"), "1 tasks at once for 2 queues"),
        (("--queues", "a,,b"), "for 3 queues"),
        (("--autoscale", "many"), "MIN-MAX"),
        (("--autoscale", "9-2"), "a lower and an upper bound"),
        (("--drain", "soon"), "soon"),
    ],
)
def test_flags_that_cannot_be_meant(farm, flags, said):
    _, path = farm
    command = [str(POLY), "worker", f"{path}:app", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    assert said in done.stderr


def test_places_move_between_two_bounds():
    bounds, seen = Bounds(2, 20), []
    limit, idle = 2, 0
    for _ in range(12):
        limit, idle = next_limit((limit, limit), idle, 0.5, bounds)
        seen.append(limit)
    assert seen == [3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 20, 20]
    assert next_limit((5, 5), 0, 9.0, bounds) == (5, 0)
    for _ in range(PATIENCE - 1):
        limit, idle = next_limit((limit, 3), idle, 0.5, bounds)
    assert limit == 20
    for _ in range(40):
        limit, idle = next_limit((limit, 0), idle, 0.5, bounds)
    assert limit == 2


def test_queues_of_one_process_share_its_places():
    app = App("shared", queues=["a", "b"], tasks_max=3, durability="memory")
    slots = app.plan.worker.slots
    assert isinstance(slots, Slots)
    assert (slots.limit, app.plan.worker.task_polls) == (3, 1)
    with pytest.raises(MisuseError, match="2 queues"):
        App("few", queues=["a", "b"], tasks_max=1)
    assert json.dumps(App("one", durability="memory").plan.queues) == '["one"]'


CELERY = """
from polyrhythm.celery import Celery, chord

app = Celery("mail", broker="redis://nobody:6379")

@app.task
def add(one, two=1):
    return one + two

@app.task
def total(numbers):
    return sum(numbers)

if __name__ == "__main__":
    whole = chord(add.s(n) for n in range(4))(total.s())
    print(add.delay(1).get(timeout=30), whole.get(timeout=30))
"""


def test_a_module_of_celery_has_its_worker_and_its_publishers(tmp_path):
    path = tmp_path / "mail.py"
    path.write_text(CELERY)
    said: list[str] = []
    command = [str(POLY), "worker", "mail:app", "--concurrency", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stderr is not None
        while "at queue mail" not in process.stderr.readline():
            assert process.poll() is None
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, str(path)],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            said.append(done.stdout or done.stderr)
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
    assert said == ["2 10\n", "2 10\n"]
