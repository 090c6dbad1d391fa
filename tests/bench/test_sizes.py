"""Three benchmarks on a small scale: `bench/long_run.py`, `bench/sleeping.py`, `bench/tasks.py`.

The first two judge themselves; their figures of the full scale are docs/evidence/long-run.json and
sleeping.json.
"""

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "bench"


def run(program: str, folder: Path, *arguments: str) -> dict:
    out = folder / "figures.json"
    command = [sys.executable, str(BENCH / program), *arguments]
    command += ["--dir", str(folder), "--out", str(out)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=110)
    # 1 says that a goal was missed: no matter here, other tests run on the same machine.
    assert done.returncode in (0, 1), done.stderr
    return json.loads(out.read_text())


def test_tasks(tmp_path):
    out = tmp_path / "tasks.json"
    command = [sys.executable, str(BENCH / "tasks.py"), "--count", "100", "--due", "100"]
    done = subprocess.run(
        [*command, "--out", str(out)], check=False, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())["figures"]["durability full"]
    assert found["ran"] == 100
    assert found["tasks_per_s"] > 0


def test_a_long_run(tmp_path):
    found = run("long_run.py", tmp_path, "--events", "2000", "--window", "50")
    assert found["events"] >= 2000
    # Events that cost in proportion to their number would be at 10 and more.
    assert found["last_over_first"]["median"] < 3


def test_sleeping_runs_after_a_kill(tmp_path):
    found = run("sleeping.py", tmp_path, "--runs", "2000", "--shape", "near")
    assert found["near"]["first_call_s"]["max"] > 0
    assert found["near"]["rss_mb"]["list"] < found["goals"]["rss_mb"]
