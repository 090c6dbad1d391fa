"""`poly schedule list` and its fellows on a file, while its owner works and when nobody does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from poly_process import POLY
from polyrhythm import App


def poly(*arguments: str) -> tuple[int, list[str], str]:
    done = subprocess.run(
        [str(POLY), "schedule", *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def shown(file: Path, *flags: str) -> dict[str, dict[str, object]]:
    code, lines, told = poly("list", str(file), *flags)
    assert code == 0, told
    return {job["id"]: job for job in map(json.loads, lines)}


def test_jobs_are_listed_and_changed_from_outside(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    app = App("shop", url=str(file))

    @app.every("10h", tags=["slow"])
    def count() -> int:
        return 1

    @app.cron("0 9 * * mon-fri", tz="Europe/Berlin", tags=["slow", "loud"])
    def brew() -> None:
        """Do nothing."""

    with app:
        job = shown(file)["count"]
        assert (job["spec"], job["owner"], job["paused"]) == ("@every 10h", "shop", False)
        assert poly("run", str(file), "count")[:2] == (0, ["count"])
        assert poly("pause", str(file), "--tag", "slow", "--reason", "snow")[:2] == (
            0,
            ["brew", "count"],
        )
        assert app.jobs.get("brew").note == "snow"
    assert shown(file, "--tag", "loud")["brew"]["paused"] is True
    assert poly("resume", str(file), "brew")[:2] == (0, ["brew"])
    assert shown(file)["brew"]["paused"] is False
    assert poly("remove", str(file), "brew", "count")[0] == 0
    assert shown(file) == {}


def test_what_cannot_be_done_says_why(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    assert poly("list", str(file))[0] == 1
    with App("shop", url=str(file)):
        """Make the file."""
    code, _, told = poly("pause", str(file))
    assert (code, told) == (2, "poly schedule pause: name jobs, or a --tag\n")
    code, _, told = poly("run", str(file), "nobody")
    assert code == 1
    assert 'there is no job "nobody"' in told
