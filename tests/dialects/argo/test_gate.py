"""The gate: examples of Argo that its own CI asserts to succeed, run here in the sandbox."""

from __future__ import annotations

import asyncio
import json
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from polyrhythm import App
from polyrhythm.dialects.argo.model import ManifestError, read_manifests
from polyrhythm.dialects.argo.model.library import Library
from polyrhythm.dialects.argo.pods import Places, PodRunner
from polyrhythm.dialects.argo.program import install
from polyrhythm.dialects.argo.submitting import SubmitOptions, prepare, submission_of
from polyrhythm.executors.sandbox import SandboxExecutor

CORPUS = Path(__file__).parents[2] / "corpus/argo"
ASSERTED = "examples_test.go asserts Succeeded"
AT_ONCE = 4
# What these need is not built yet; each must fail, so that none stays here when it is.
WAITING = {
    "variables-showcase": "two daemons on one port: pods share the network of this machine",
}
pytestmark = pytest.mark.skipif(
    not (shutil.which("bwrap") and shutil.which("busybox")),
    reason="the sandbox needs: apt-get install bubblewrap busybox-static",
)


def gated() -> list[str]:
    """The files of the gate, without their folder and ending."""
    rows = json.loads((CORPUS / "expected.json").read_text())
    return [
        row["file"].removeprefix("examples/").removesuffix(".yaml")
        for row in rows
        if row["local_runnable"] == "yes" and row["phase_source"] == ASSERTED
    ]


# They end as chance has it: what holds is how often they try.
RANDOM = ("retry-container", "retry-script")
ATTEMPTS_MAX = 11


def objects() -> Library:
    """Everything that the examples bring for each other."""
    manifests = []
    for file in sorted((CORPUS / "examples").rglob("*.yaml")):
        try:
            manifests += read_manifests(file.read_text(), str(file))
        except ManifestError:
            continue
    return Library.of([each for each in manifests if each.kind != "Workflow"])


def workflows(name: str) -> list[dict[str, Any]]:
    """The workflows of an example."""
    text = (CORPUS / f"examples/{name}.yaml").read_text()
    manifests = [each for each in read_manifests(text, name) if each.kind == "Workflow"]
    return [prepare(deepcopy(each.tree), SubmitOptions()) for each in manifests]


async def run_all(names: list[str], folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The objects of all workflows of examples after they have ended."""
    executor, library = SandboxExecutor(), objects()
    app = App("argo", durability="memory")
    argo = install(app, PodRunner(executor, Places(folder)))
    room = asyncio.Semaphore(AT_ONCE)

    async def run(name: str) -> list[dict[str, Any]]:
        async with room:
            ended = []
            for tree in workflows(name):
                chosen = argo.options(id=tree["metadata"]["name"]).aio
                ended.append(await chosen.execute(submission_of(tree, library)))
            return ended

    try:
        async with app:
            return dict(zip(names, await asyncio.gather(*map(run, names)), strict=True))
    finally:
        await executor.close()


def test_every_example_of_the_gate_succeeds(tmp_path: Path) -> None:
    names = gated()
    assert len(names) > 60
    ended = asyncio.run(run_all(names, tmp_path))
    phases = {
        name: [(each["status"]["phase"], each["status"].get("message")) for each in objects]
        for name, objects in ended.items()
    }
    for name in RANDOM:
        [workflow] = ended[name]
        attempts = workflow["status"]["nodes"][workflow["metadata"]["name"]]["children"]
        assert phases.pop(name)[0][0] == "Succeeded" or len(attempts) == ATTEMPTS_MAX
    bad = {name: said for name, said in phases.items() if any(p != "Succeeded" for p, _ in said)}
    assert set(bad) == {name for name in WAITING if name in names}, bad
