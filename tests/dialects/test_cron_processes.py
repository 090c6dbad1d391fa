"""Several processes of one program on one file: each time of a job is acted for once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from polyrhythm import App

PROGRAM = """
import os
from polyrhythm import App

app = App("clock")


@app.every("50ms", missed=1000, overlap="allow")
async def tick():
    with open("ticks", "a") as file:
        file.write(f"{os.getpid()}\\n")


app.run()
"""
PATIENCE_S = 60


def start(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "clock.py"], cwd=folder)


def wait_for(folder: Path, process: subprocess.Popen[bytes], ticks: int) -> None:
    """Wait until a process has run the job so often."""
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        assert process.poll() is None
        file = folder / "ticks"
        if file.exists() and file.read_text().split().count(str(process.pid)) >= ticks:
            return
    raise AssertionError(f"process {process.pid} ran nothing")


def test_the_owner_is_killed_and_no_time_is_acted_for_twice(tmp_path: Path) -> None:
    (tmp_path / "clock.py").write_text(PROGRAM)
    first = start(tmp_path)
    wait_for(tmp_path, first, 3)
    second = start(tmp_path)
    try:
        first.send_signal(signal.SIGKILL)
        first.wait()
        wait_for(tmp_path, second, 10)
    finally:
        second.send_signal(signal.SIGTERM)
        assert second.wait(PATIENCE_S) == 0
    with App("clock", url=str(tmp_path / "clock.db"), works=False) as app:
        begun = [run.workflow_id for run in app.client.list("WorkflowId STARTS_WITH 'tick-'")]
        job = app.jobs.get("tick")
    assert len(begun) == len(set(begun)) >= 13
    assert (job.missed, job.skipped) == (0, 0)
