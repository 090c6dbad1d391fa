"""SIGKILL of the engine in the middle of a DAG of 50 nodes: what is recorded never runs again.

Every pod adds its node's name to a file of a volume. After each kill the history says which nodes
have ended; how often those have run must not change any more. Attempts that were in hand run again.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from polyrhythm import App
from polyrhythm.dialects.argo.model.yaml_text import Tree

NODES = 50
WIDTH = 5
PROGRAM = "from polyrhythm.cli.program import main; main()"
pytestmark = pytest.mark.skipif(
    not (shutil.which("bwrap") and shutil.which("busybox")),
    reason="the sandbox needs: apt-get install bubblewrap busybox-static",
)


def manifest() -> Tree:
    """Ten rows of five tasks; each hangs on two of the row before."""
    tasks = []
    for number in range(NODES):
        row, column = divmod(number, WIDTH)
        before = [(row - 1) * WIDTH + (column + step) % WIDTH for step in (0, 1)] if row else []
        tasks.append(
            {
                "name": f"n{number}",
                "template": "mark",
                "dependencies": [f"n{other}" for other in before],
                "arguments": {"parameters": [{"name": "n", "value": f"n{number}"}]},
            }
        )
    command = "echo {{inputs.parameters.n}} >> /ran/ran; echo {{inputs.parameters.n}}"
    container = {
        "image": "busybox",
        "command": ["sh", "-c", command],
        "volumeMounts": [{"name": "ran", "mountPath": "/ran"}],
    }
    mark = {"name": "mark", "inputs": {"parameters": [{"name": "n"}]}, "container": container}
    claim = {"persistentVolumeClaim": {"claimName": "ran"}, "name": "ran"}
    spec = {
        "entrypoint": "main",
        "volumes": [claim],
        "templates": [{"name": "main", "dag": {"tasks": tasks}}, mark],
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "fifty"},
        "spec": spec,
    }


def run_until(folder: Path, lines: int) -> int | None:
    """Run the workflow until so many lines of logs, then kill it; its exit code if it has ended."""
    command = [sys.executable, "-c", PROGRAM, "argo", "submit", "w.yaml", "--log", "--db", "a.db"]
    process = subprocess.Popen(
        [*command, "-o", "name"], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        for _ in range(lines):
            if not process.stdout.readline():
                return process.wait()
        os.kill(process.pid, signal.SIGKILL)
    return None


def ended_nodes(folder: Path) -> set[str]:
    """Nodes whose end the history has."""
    with App("argo", str(folder / "a.db"), works=False) as app:
        events = list(app.client.run("fifty").history())
    names = {}
    for event in events:
        scheduled = event.activity_task_scheduled_event_attributes
        if event.HasField("activity_task_scheduled_event_attributes"):
            job = yaml.safe_load(scheduled.input.payloads[0].data)
            names[event.event_id] = job["template"]["inputs"]["parameters"][0]["value"]
    return {
        names[event.activity_task_completed_event_attributes.scheduled_event_id]
        for event in events
        if event.HasField("activity_task_completed_event_attributes")
    }


def test_a_dag_goes_on_after_every_kill(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(yaml.safe_dump(manifest()))
    ran_file = tmp_path / "a.db.files/volumes/shared/ran/ran"
    kept: dict[str, int] = {}
    for lines in (3, 8, 15):
        assert run_until(tmp_path, lines) is None
        ran = Counter(ran_file.read_text().split())
        assert {name: ran[name] for name in kept} == kept, "a recorded node ran again"
        kept = {name: ran[name] for name in ended_nodes(tmp_path)}
    assert kept
    assert run_until(tmp_path, 10 * NODES) == 0
    ran = Counter(ran_file.read_text().split())
    assert {name: ran[name] for name in kept} == kept, "a recorded node ran again"
    assert len(ended_nodes(tmp_path)) == NODES == len(ran)
