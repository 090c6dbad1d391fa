"""Pods for tests of the walker: each is answered by the first rule that fits its node's name."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import yaml

from polyrhythm import App
from polyrhythm.dialects.argo.model import read_manifests
from polyrhythm.dialects.argo.model.library import Library
from polyrhythm.dialects.argo.pods.containers import Job
from polyrhythm.dialects.argo.program import install
from polyrhythm.dialects.argo.submitting import SubmitOptions, prepare, submission_of
from polyrhythm.testing import Stage

HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: wf}\n"


@dataclass
class StubPods:
    """Answers jobs: `exits` by template name, in turn; `results` likewise."""

    exits: dict[str, list[int]] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, dict[str, str]] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    global_names: dict[str, str] = field(default_factory=dict)
    forever: set[str] = field(default_factory=set)
    forgotten: list[str] = field(default_factory=list)
    # Daemons that are ready and end with this code once another pod begins.
    dying: dict[str, int] = field(default_factory=dict)
    another: asyncio.Event = field(default_factory=asyncio.Event)
    at_work: int = 0
    at_work_max: int = 0

    async def run(self, job: Job, ready: Any) -> dict[str, Any]:
        self.jobs.append(job)
        name = str(job.template.get("name"))
        self.at_work += 1
        self.at_work_max = max(self.at_work_max, self.at_work)
        try:
            await asyncio.sleep(0)
            if name in self.forever:
                await ready("127.0.0.7")
                await asyncio.Event().wait()
            if name in self.dying:
                self.exits[name] = [self.dying[name]]
                await ready("127.0.0.7")
                await self.another.wait()
            else:
                self.another.set()
        finally:
            self.at_work -= 1
        left = self.exits.get(name, [])
        code = left.pop(0) if left else 0
        outputs: dict[str, Any] = {"exitCode": str(code)}
        if job.wants_result:
            outputs["result"] = self.results.get(name, "")
        values = self.parameters.get(name, {})
        if values:
            outputs["parameters"] = [self._parameter(key, values[key]) for key in values]
        message = f"main: Error (exit code {code})" if code else ""
        phase = "Failed" if code else "Succeeded"
        return {"phase": phase, "message": message, "outputs": outputs}

    async def forget(self, uid: str) -> None:
        self.forgotten.append(uid)

    def _parameter(self, name: str, value: str) -> dict[str, str]:
        made = {"name": name, "value": value}
        return {**made, "globalName": self.global_names[name]} if self.global_names else made


def walked(text: str, pods: StubPods | None = None, **options: Any) -> dict[str, Any]:
    """The object of a workflow after it was walked on a stage that replays at every step."""
    app = App("argo")
    argo = install(app, pods or StubPods())
    manifests = read_manifests(text if "kind:" in text else HEAD + text, "w.yaml")
    [tree] = [each.tree for each in manifests if each.kind == "Workflow"]
    made = prepare(tree, SubmitOptions(**options))
    with Stage(app, replays=True):
        return argo.options(id="wf").execute(submission_of(made, Library.of(manifests)))


def tree_of(workflow: dict[str, Any]) -> str:
    """The nodes of a workflow, a line each: name, type, phase, children by name, message."""
    nodes = workflow["status"]["nodes"]
    lines = []
    for node in nodes.values():
        children = ",".join(nodes[child]["name"] for child in node.get("children", []))
        parts = [node["name"], node["type"], node["phase"], f"[{children}]"]
        lines.append(" ".join(parts) + (f" {node['message']}" if "message" in node else ""))
    return "\n".join(lines)


def spec(text: str) -> str:
    """A spec with a main template and a leaf `a`, `b`, `c` each, from the text of main's body."""
    leaves = [{"name": name, "container": {"image": "x"}} for name in "abc"]
    main = {"name": "main", **yaml.safe_load(text)}
    return "spec: " + yaml.safe_dump(
        {"entrypoint": "main", "templates": [main, *leaves]}, default_flow_style=True, width=100000
    )
