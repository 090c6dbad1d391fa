"""What ends a run from outside: stop, terminate, deadlines, a daemon that dies; claims after it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dialects.argo.stub import HEAD, StubPods, tree_of, walked
from polyrhythm import App
from polyrhythm.dialects.argo.model import read_manifests
from polyrhythm.dialects.argo.program import install
from polyrhythm.dialects.argo.walk.workflow import CONTROL, STATUS, Submission
from polyrhythm.testing import Stage


def told(text: str, pods: StubPods, running: str, *asked: dict[str, Any]) -> dict[str, Any]:
    """The object of a workflow that was told things once a node had the phase Running."""

    async def work() -> dict[str, Any]:
        app = App("argo")
        argo = install(app, pods)
        [manifest] = read_manifests(HEAD + text, "w.yaml")
        async with Stage(app, replays=True):
            run = await argo.options(id="wf").aio.start(Submission(manifest.tree))
            async with asyncio.timeout(30):
                while not await _is_running(run, running):
                    await asyncio.sleep(0)
            for each in asked:
                await run.send(CONTROL, each)
            return await run.result()

    return asyncio.run(work())


async def _is_running(run: Any, name: str) -> bool:
    nodes = (await run.query(STATUS))["status"].get("nodes") or {}
    return any(node["name"] == name and node["phase"] == "Running" for node in nodes.values())


HANDLED = """
spec:
  entrypoint: main
  onExit: b
  templates:
  - name: main
    steps: [[{name: one, template: a}, {name: two, template: s}], [{name: three, template: b}]]
  - {name: a, container: {image: x}}
  - {name: b, container: {image: x, args: ["{{workflow.status}}"]}}
  - {name: s, suspend: {}}
"""


def test_stop_ends_what_runs_and_lets_the_handler_run() -> None:
    pods = StubPods(forever={"a"})
    done = told(HANDLED, pods, "wf[0].one", {"verb": "stop"})
    assert done["status"]["phase"] == "Failed"
    assert done["status"]["message"] == "Stopped with strategy 'Stop'"
    lines = tree_of(done).splitlines()
    assert "wf[0].one Pod Failed [] workflow shutdown with strategy: Stop" in lines
    assert "wf[0].two Suspend Failed [] Stopped with strategy 'Stop'" in lines
    assert "wf.onExit Pod Succeeded []" in lines
    assert pods.jobs[-1].template["container"]["args"] == ["Failed"]
    assert not any("three" in line for line in lines)
    assert pods.at_work == 0


def test_terminate_runs_no_handler() -> None:
    pods = StubPods(forever={"a"})
    done = told(HANDLED, pods, "wf[0].one", {"verb": "terminate"})
    assert done["status"]["message"] == "Stopped with strategy 'Terminate'"
    assert "wf.onExit" not in tree_of(done)
    assert len(pods.jobs) == 1


def test_terminate_after_stop_ends_the_handler_too() -> None:
    pods = StubPods(forever={"a", "b"})
    done = told(HANDLED, pods, "wf[0].one", {"verb": "stop"}, {"verb": "terminate"})
    assert done["status"]["phase"] == "Failed"
    assert pods.at_work == 0


def test_a_stop_ends_the_wait_for_another_attempt() -> None:
    text = """
spec:
  entrypoint: a
  templates:
  - {name: a, retryStrategy: {limit: 5, backoff: {duration: 1h}}, container: {image: x}}
"""
    done = told(text, StubPods(exits={"a": [1] * 9}), "wf", {"verb": "stop"})
    nodes = done["status"]["nodes"]
    assert nodes["wf"]["message"] == "Stopped with strategy 'Stop'"
    assert len(nodes["wf"]["children"]) <= 2


def test_a_suspended_workflow_begins_nothing_until_it_is_resumed() -> None:
    text = """
spec:
  entrypoint: main
  templates:
  - {name: main, steps: [[{name: w, template: s}], [{name: t, template: a}]]}
  - {name: a, container: {image: x}}
  - {name: s, suspend: {}}
"""
    asked = [{"verb": "suspend"}, {"verb": "resume", "selector": "displayName=w"}]
    done = told(text, StubPods(), "wf[0].w", *asked, {"verb": "resume"})
    assert done["status"]["phase"] == "Succeeded"


def test_the_deadline_of_the_workflow_ends_what_waits() -> None:
    text = """
spec:
  entrypoint: main
  activeDeadlineSeconds: 60
  onExit: b
  templates:
  - {name: main, steps: [[{name: w, template: s}], [{name: t, template: b}]]}
  - {name: b, container: {image: x}}
  - {name: s, suspend: {}}
"""
    done = walked(text, StubPods())
    lines = tree_of(done).splitlines()
    assert done["status"]["phase"] == "Failed"
    assert "wf[0].w Suspend Failed [] Step exceeded its deadline" in lines
    assert "wf.onExit Pod Succeeded []" in lines
    assert not any(line.startswith("wf[1].t") for line in lines)


@pytest.mark.parametrize(
    ("fields", "timeout_s"),
    [
        ("activeDeadlineSeconds: 7", 7.0),
        ("activeDeadlineSeconds: '{{workflow.parameters.n}}'", 9.0),
        ("timeout: 1m30s", 90.0),
        ("timeout: 10s, activeDeadlineSeconds: 3", 3.0),
    ],
)
def test_the_nearest_deadline_goes_with_a_pod(fields: str, timeout_s: float) -> None:
    text = "spec: {entrypoint: a, arguments: {parameters: [{name: n, value: '9'}]}, "
    pods = StubPods()
    walked(text + f"templates: [{{name: a, {fields}, container: {{image: x}}}}]}}", pods)
    assert pods.jobs[0].timeout_s == pytest.approx(timeout_s, abs=1.0)


DYING = """
spec:
  entrypoint: main
  templates:
  - name: main
    steps: [[{name: d, template: d}], [{name: t, template: a}, {name: w, template: s}]]
  - {name: d, daemon: true, container: {image: x}}
  - {name: a, container: {image: x}}
  - {name: s, suspend: {duration: 1h}}
"""


@pytest.mark.parametrize("code", [0, 3])
def test_a_daemon_that_ends_by_itself_has_failed(code: int) -> None:
    done = walked(DYING, StubPods(dying={"d": code}))
    lines = tree_of(done).splitlines()
    [daemon] = [line for line in lines if line.startswith("wf[0].d ")]
    said = f"main: Error (exit code {code})" if code else "the daemon has ended"
    assert daemon == f"wf[0].d Pod Failed [wf[1]] {said}"


def test_a_daemon_that_ends_before_it_is_ready_fails_its_step() -> None:
    done = walked(DYING, StubPods(exits={"d": [4]}))
    assert done["status"]["phase"] == "Failed"
    assert "wf[0].d Pod Failed [] main: Error (exit code 4)" in tree_of(done).splitlines()


CLAIMS = """
spec:
  entrypoint: a
  volumeClaimTemplates: [{metadata: {name: work}}]
  %s
  templates: [{name: a, container: {image: x}}]
"""


@pytest.mark.parametrize(
    ("strategy", "code", "forgotten"),
    [
        ("", 0, 1),
        ("", 1, 0),
        ("volumeClaimGC: {strategy: OnWorkflowCompletion}", 1, 1),
        ("volumeClaimGC: {strategy: OnWorkflowSuccess}", 0, 1),
    ],
)
def test_claims_are_deleted_as_their_strategy_says(
    strategy: str, code: int, forgotten: int
) -> None:
    pods = StubPods(exits={"a": [code]})
    done = walked(CLAIMS % strategy, pods)
    assert pods.forgotten == [done["metadata"]["uid"]] * forgotten
