"""The rig of `python bench/machinery_kills.py`: seconds of it; its audit sees losses.

The long run is that command, for ten minutes if nothing is said.
"""

import asyncio
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from redis_servers import need, redis_server

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.mark.xdist_group("whole servers under load")
def test_nothing_is_lost_or_stuck(tmp_path):
    need("redis-server", "redis-server")
    out = tmp_path / "kills.json"
    command = [sys.executable, str(BENCH / "machinery_kills.py"), "--minutes", "0.15"]
    command += ["--seed", "5", "--out", str(out)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    kept = json.loads(out.read_text())
    assert set(kept["findings"].values()) == {0}
    assert sum(kept["kills"].values()) > 1
    assert kept["acknowledged"]["calls"] > kept["acknowledged"]["chords"] > 0


def test_the_audit_sees_what_is_lost(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(BENCH)
    rig_module = importlib.import_module("machinery_kills")
    monkeypatch.setattr(rig_module, "ENDING_S", 1)
    (tmp_path / "sent").write_text('["task_1", 2, 1, false]\n["chord_2", 3, 2, true]\n')
    (tmp_path / "effects").write_text("1\n2\n2\n")
    with redis_server() as server:
        rig = type("Rig", (), {"folder": tmp_path, "server": server})()
        found = asyncio.run(rig_module.audit(rig))
    sys.modules.pop("machinery_kills", None)
    assert found["findings"]["lost results"] == 2
    assert found["findings"]["lost effects"] == 2
    assert found["effects"]["more than once"] == 1
