"""Lives of nodes: retries, handlers, hooks, suspends, daemons, sets, limits; replayed each step."""

from __future__ import annotations

import pytest

from dialects.argo.stub import StubPods, spec, tree_of, walked

RETRIED = "spec: {entrypoint: a, templates: [{name: a, retryStrategy: %s, container: {image: x}}]}"


@pytest.mark.parametrize(
    ("strategy", "codes", "attempts", "phase", "message"),
    [
        ("{limit: 2}", [1, 1, 0], 3, "Succeeded", None),
        ("{limit: 2}", [1, 1, 1], 3, "Failed", "No more retries left"),
        ("{limit: 2, retryPolicy: OnError}", [1], 1, "Failed", "main: Error (exit code 1)"),
        ("{limit: '0'}", [1], 1, "Failed", "No more retries left"),
        (
            "{limit: 9, backoff: {duration: 10, factor: 2, maxDuration: 1m}}",
            [1] * 9,
            3,
            "Failed",
            "Backoff would exceed max duration limit",
        ),
    ],
)
def test_retries(
    strategy: str, codes: list[int], attempts: int, phase: str, message: str | None
) -> None:
    done = walked(RETRIED % strategy, StubPods(exits={"a": list(codes)}))
    nodes = done["status"]["nodes"]
    assert nodes["wf"]["type"] == "Retry"
    assert (nodes["wf"]["phase"], nodes["wf"].get("message")) == (phase, message)
    names = [nodes[child]["name"] for child in nodes["wf"]["children"]]
    assert names == [f"wf({n})" for n in range(attempts)]
    assert all(nodes[child]["nodeFlag"] == {"retried": True} for child in nodes["wf"]["children"])


def test_an_exit_handler_sees_how_it_went_and_can_fail_the_workflow() -> None:
    text = """
spec:
  entrypoint: a
  onExit: bye
  templates:
  - {name: a, container: {image: x}}
  - {name: bye, container: {image: x, args: ["{{workflow.status}} {{workflow.failures}}"]}}
"""
    pods = StubPods(exits={"a": [2]})
    done = walked(text, pods)
    said = pods.jobs[-1].template["container"]["args"][0]
    assert said.startswith("Failed ")
    assert "main: Error (exit code 2)" in said
    assert done["status"]["message"] == "main: Error (exit code 2)"
    nodes = {node["name"]: node for node in done["status"]["nodes"].values()}
    assert nodes["wf.onExit"]["nodeFlag"] == {"hooked": True}
    done = walked(text, StubPods(exits={"bye": [1]}))
    assert done["status"]["phase"] == "Failed"


def test_a_step_has_an_exit_handler_of_its_own() -> None:
    hooked = "{name: one, template: a, hooks: {exit: {template: b}}}"
    text = f"steps: [[{hooked}], [{{name: t, template: c}}]]"
    assert tree_of(walked(spec(text))).splitlines()[2:4] == [
        "wf[0].one Pod Succeeded [wf[0].one.onExit,wf[1]]",
        "wf[0].one.onExit Pod Succeeded []",
    ]


def test_a_suspend_goes_on_after_its_duration() -> None:
    text = "spec: {entrypoint: m, templates: [{name: m, suspend: {duration: 1h30m}}]}"
    done = walked(text)
    assert tree_of(done) == "wf Suspend Succeeded []"
    started, finished = done["status"]["startedAt"], done["status"]["finishedAt"]
    assert (started[11:13], started[:10]) != (finished[11:13], finished[:10])


SET = """
spec:
  entrypoint: m
  templates:
  - name: m
    containerSet:
      containers:
      - {name: a, image: x}
      - {name: b, image: x}
      - {name: main, image: x, dependencies: [a, b]}
"""


def test_containers_of_a_set_hang_on_each_other() -> None:
    assert tree_of(walked(SET)).splitlines() == [
        "wf Pod Succeeded [wf.a,wf.b]",
        "wf.a Container Succeeded [wf.main]",
        "wf.b Container Succeeded [wf.main]",
        "wf.main Container Succeeded []",
    ]


DAEMON = """
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - [{name: d, template: d}]
    - - {name: use, template: use, arguments: {parameters: [{name: ip, value: "{{steps.d.ip}}"}]}}
  - {name: d, daemon: true, container: {image: x}}
  - name: use
    inputs: {parameters: [{name: ip}]}
    container: {image: x}
"""


def test_a_daemon_is_used_while_it_runs_and_ends_with_its_steps() -> None:
    pods = StubPods(forever={"d"})
    done = walked(DAEMON, pods)
    assert done["status"]["phase"] == "Succeeded"
    assert "wf[0].d Pod Succeeded [wf[1]]" in tree_of(done).splitlines()
    assert pods.jobs[-1].template["inputs"]["parameters"][0]["value"] == "127.0.0.7"
    assert pods.at_work == 0


def test_parallelism_holds_pods_back() -> None:
    text = "parallelism: 2\nsteps: [[{name: one, template: a, withSequence: {count: 9}}]]"
    pods = StubPods()
    assert walked(spec(text), pods)["status"]["phase"] == "Succeeded"
    assert pods.at_work_max <= 2


def test_recursion_ends_at_a_hundred_levels() -> None:
    text = "steps: [[{name: again, template: main}]]"
    done = walked(spec(text))
    assert done["status"]["phase"] == "Failed"
    deepest = [n for n in done["status"]["nodes"].values() if n["phase"] == "Error"]
    assert deepest[0]["message"].startswith("Maximum recursion depth exceeded")


def test_a_value_adds_no_structure() -> None:
    text = """
spec:
  entrypoint: a
  arguments: {parameters: [{name: p, value: "x\\", \\"image\\": \\"evil"}]}
  templates:
  - {name: a, container: {image: "img-{{workflow.parameters.p}}"}}
"""
    pods = StubPods()
    walked(text, pods)
    assert pods.jobs[0].template["container"] == {"image": 'img-x", "image": "evil'}


def test_global_outputs_are_the_workflows() -> None:
    text = """
spec:
  entrypoint: a
  templates:
  - name: a
    container: {image: x}
    outputs: {parameters: [{name: p, valueFrom: {path: /p}}]}
"""
    pods = StubPods(parameters={"a": {"p": "7"}}, global_names={"p": "everywhere"})
    done = walked(text, pods)
    assert done["status"]["outputs"] == {"parameters": [{"name": "everywhere", "value": "7"}]}


def test_a_template_that_is_not_there_is_an_error() -> None:
    done = walked("spec: {entrypoint: nothing, templates: []}")
    assert done["status"]["phase"] == "Error"
    assert "template nothing not found" in done["status"]["message"]


def test_an_invalid_spec_fails_without_nodes() -> None:
    text = "spec: {entrypoint: a, arguments: {parameters: [{name: p}]}, templates: []}"
    done = walked(text)
    assert done["status"]["phase"] == "Failed"
    assert done["status"]["message"].startswith("invalid spec: either value or valueFrom must")
    assert "nodes" not in done["status"]


def test_an_expression_decides_on_retries() -> None:
    strategy = "{limit: 9, expression: 'asInt(lastRetry.exitCode) > 1'}"
    done = walked(RETRIED % strategy, StubPods(exits={"a": [2, 3, 1]}))
    nodes = done["status"]["nodes"]
    assert len(nodes["wf"]["children"]) == 3
    assert nodes["wf"]["message"] == "retryStrategy.expression evaluated to false"


def test_hooks_run_once_when_their_expression_holds() -> None:
    text = """
steps:
- - name: one
    template: a
    hooks:
      running: {expression: 'steps["one"].status == "Running"', template: b}
      failed: {expression: 'steps["one"].status == "Failed"', template: c}
"""
    done = walked(spec(text))
    assert tree_of(done).splitlines()[2:] == [
        "wf[0].one Pod Succeeded [wf[0].one.hooks.running]",
        "wf[0].one.hooks.running Pod Succeeded []",
    ]


def test_outputs_of_a_dag_come_of_expressions() -> None:
    text = """
spec:
  entrypoint: main
  templates:
  - name: main
    dag: {tasks: [{name: A, template: a}, {name: B, template: a, depends: A.Failed}]}
    outputs:
      parameters:
      - {name: p, valueFrom: {expression: "tasks.B.outputs.parameters.q ?? tasks.A.status"}}
  - name: a
    container: {image: x}
    outputs: {parameters: [{name: q, valueFrom: {path: /q}}]}
"""
    done = walked(text)
    outputs = done["status"]["nodes"]["wf"]["outputs"]
    assert outputs == {"parameters": [{"name": "p", "value": "Succeeded"}]}
