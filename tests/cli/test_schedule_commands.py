"""`poly schedule add`, `import` and `work`: jobs for who writes no Python."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from poly_process import POLY


def poly(*arguments: str, said: str = "") -> tuple[int, list[str], str]:
    done = subprocess.run(
        [str(POLY), "schedule", *arguments],
        input=said,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def ids(file: Path) -> list[str]:
    return [json.loads(line)["id"] for line in poly("list", str(file))[1]]


def test_a_command_is_added_and_run_by_a_worker(tmp_path: Path) -> None:
    file, pipe = str(tmp_path / "jobs.db"), tmp_path / "said"
    command = f"{sys.executable} -c 'import os; os.mkfifo(\"{pipe}\")' && echo moon > {pipe}"
    assert poly("add", file, "say", "@every 10h", "--shell", command, "--tag", "night")[0] == 0
    code, _, told = poly("add", file, "say", "@every 10h", "--shell", "true")
    assert (code, told) == (1, 'poly schedule add: there is a job "say" already\n')
    assert poly("add", file, "say", "@every 9h", "--shell", command, "--replace")[0] == 0
    assert poly("run", file, "say")[:2] == (0, ["say"])
    work = subprocess.Popen(
        [str(POLY), "schedule", "work", file], stderr=subprocess.PIPE, text=True
    )
    try:
        while not pipe.exists():
            assert work.poll() is None
        assert pipe.read_text(encoding="utf-8") == "moon\n"
    finally:
        work.send_signal(signal.SIGTERM)
        work.communicate(timeout=30)
    assert work.returncode == 0


def test_a_crontab_becomes_jobs(tmp_path: Path) -> None:
    file = tmp_path / "jobs.db"
    crontab = "TZ=Europe/Berlin\n0 9 * * * /usr/bin/true\n@daily backup --all\n"
    assert poly("import", str(file), "-", said=crontab)[:2] == (0, ["true", "backup"])
    assert poly("add", str(file), "ping", "@hourly", "--http", "http://127.0.0.1:9")[0] == 0
    assert ids(file) == ["backup", "ping", "true"]
    assert poly("import", str(file), "-", said="@daily backup --all\n")[0] == 0
    assert ids(file) == ["backup", "ping"]
    code, lines, told = poly("import", str(file), "-", said="@daily new\n@reboot start\n")
    assert (code, lines) == (2, [])
    assert "line 2: @reboot" in told
    assert poly("import", str(file), str(tmp_path / "none"))[0] == 1


def test_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    file = str(tmp_path / "jobs.db")
    for flags, said in (
        ((), "either --shell or --http"),
        (("--shell", "true", "--http", "http://host"), "either --shell or --http"),
        (("--http", "ftp://host"), "http://"),
        (("--shell", "true", "--overlap", "perhaps"), "overlap is one of"),
        (("--shell", "true", "--tz", "Mars"), "Mars"),
    ):
        code, _, told = poly("add", file, "x", "@hourly", *flags)
        assert (code, said in told) == (2, True), told
    assert poly("add", file, "x", "0 0 30 2 *", "--shell", "true")[0] == 2
