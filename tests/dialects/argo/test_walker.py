"""The walker: node trees, phases and messages of each kind of template, replayed at every step."""

from __future__ import annotations

from dialects.argo.stub import StubPods, spec, tree_of, walked
from polyrhythm.dialects.argo.walk.nodes import NodeTreeState

STEPS = (
    "steps: [[{name: one, template: a}], [{name: two, template: b}, {name: three, template: c}]]"
)


def test_a_pod_is_the_root() -> None:
    done = walked("spec: {entrypoint: a, templates: [{name: a, container: {image: x}}]}")
    assert tree_of(done) == "wf Pod Succeeded []"
    assert done["status"]["phase"] == "Succeeded"
    assert done["metadata"]["labels"]["workflows.argoproj.io/completed"] == "true"


def test_ids_are_the_name_and_its_hash() -> None:
    # Two pairs of Argo's own tests.
    tree = NodeTreeState("daemon-step-dvbnn")
    assert tree.id_of("daemon-step-dvbnn[0]") == "daemon-step-dvbnn-1159996203"
    assert tree.id_of("daemon-step-dvbnn[0].influx(0)") == "daemon-step-dvbnn-2254877734"
    nodes = walked(spec(STEPS))["status"]["nodes"]
    assert nodes["wf"]["name"] == "wf"
    assert all(node["id"] == key for key, node in nodes.items())


def test_steps_hang_on_what_was_last_before_them() -> None:
    done = walked(spec(STEPS))
    assert tree_of(done).splitlines() == [
        "wf Steps Succeeded [wf[0]]",
        "wf[0] StepGroup Succeeded [wf[0].one]",
        "wf[0].one Pod Succeeded [wf[1]]",
        "wf[1] StepGroup Succeeded [wf[1].two,wf[1].three]",
        "wf[1].two Pod Succeeded []",
        "wf[1].three Pod Succeeded []",
    ]
    nodes = {node["name"]: node for node in done["status"]["nodes"].values()}
    assert nodes["wf"]["outboundNodes"] == [
        nodes[f"wf[1].{name}"]["id"] for name in ("two", "three")
    ]
    assert nodes["wf[1].two"]["displayName"] == "two"
    assert nodes["wf[1].two"]["boundaryID"] == "wf"
    assert nodes["wf[1]"]["displayName"] == "[1]"
    assert nodes["wf"]["templateScope"] == "local/wf"


def test_a_failed_step_ends_the_steps() -> None:
    done = walked(spec(STEPS), StubPods(exits={"b": [3]}))
    lines = tree_of(done).splitlines()
    assert "wf[1].two Pod Failed [] main: Error (exit code 3)" in lines
    failed = next(n["id"] for n in done["status"]["nodes"].values() if n["name"] == "wf[1].two")
    assert done["status"]["phase"] == "Failed"
    assert done["status"]["message"] == f"child '{failed}' failed"


def test_continue_on_excuses_a_step() -> None:
    excused = "{name: one, template: a, continueOn: {failed: true}}"
    text = f"steps: [[{excused}], [{{name: two, template: b}}]]"
    assert walked(spec(text), StubPods(exits={"a": [1]}))["status"]["phase"] == "Succeeded"


def test_when_skips_a_step() -> None:
    text = "steps: [[{name: one, template: a, when: '1 == 2'}], [{name: two, template: b}]]"
    done = walked(spec(text))
    lines = tree_of(done).splitlines()
    assert "wf[0].one Skipped Skipped [wf[1]] when '1 == 2' evaluated false" in lines
    assert done["status"]["phase"] == "Succeeded"


def test_a_condition_that_is_none_is_an_error_of_the_group() -> None:
    done = walked(spec("steps: [[{name: one, template: a, when: 'abc'}]]"))
    assert done["status"]["phase"] == "Failed"
    assert done["status"]["message"] == (
        "failed to resolve references: Expected boolean evaluation for 'abc'. Got abc"
    )


def test_a_diamond_hangs_on_outbound_nodes() -> None:
    text = """
dag:
  tasks:
  - {name: A, template: a}
  - {name: B, template: b, dependencies: [A]}
  - {name: C, template: c, depends: ""}
  - {name: D, template: a, dependencies: [B, C]}
"""
    done = walked(spec(text))
    assert sorted(tree_of(done).splitlines()) == [
        "wf DAG Succeeded [wf.A,wf.C]",
        "wf.A Pod Succeeded [wf.B]",
        "wf.B Pod Succeeded [wf.D]",
        "wf.C Pod Succeeded [wf.D]",
        "wf.D Pod Succeeded []",
    ]


def test_what_hangs_on_a_failed_task_is_omitted() -> None:
    text = """
dag:
  tasks:
  - {name: A, template: a}
  - {name: B, template: b, dependencies: [A]}
  - {name: C, template: c}
"""
    done = walked(spec(text), StubPods(exits={"a": [1]}))
    lines = tree_of(done).splitlines()
    assert "wf.B Skipped Omitted [] omitted: depends condition not met" in lines
    assert "wf.C Pod Succeeded []" in lines
    assert done["status"]["phase"] == "Failed"


def test_depends_asks_how_tasks_have_ended() -> None:
    text = """
dag:
  tasks:
  - {name: A, template: a}
  - {name: B, template: b, depends: A.Failed}
  - {name: C, template: c, depends: A.Succeeded}
  - {name: D, template: c, depends: "B && C.Omitted"}
"""
    done = walked(spec(text), StubPods(exits={"a": [1]}))
    phases = {n["name"]: n["phase"] for n in done["status"]["nodes"].values()}
    assert phases == {
        "wf": "Succeeded",
        "wf.A": "Failed",
        "wf.B": "Succeeded",
        "wf.C": "Omitted",
        "wf.D": "Succeeded",
    }


def test_targets_choose_what_runs() -> None:
    text = """
dag:
  target: B
  tasks: [{name: A, template: a}, {name: B, template: b, dependencies: [A]}, {name: C, template: c}]
"""
    names = [node["name"] for node in walked(spec(text))["status"]["nodes"].values()]
    assert names == ["wf", "wf.A", "wf.B"]


def test_items_of_steps_are_steps_and_of_tasks_a_group() -> None:
    steps = "steps: [[{name: one, template: a, withItems: [x, {k: v, j: 2}, '(y)']}]]"
    assert tree_of(walked(spec(steps))).splitlines()[2:] == [
        "wf[0].one(0:x) Pod Succeeded []",
        "wf[0].one(1:j:2,k:v) Pod Succeeded []",
        "wf[0].one(2:y) Pod Succeeded []",
    ]
    dag = """
dag:
  tasks:
  - {name: A, template: a, withSequence: {count: 2, start: 5, format: 'n%02d'}}
  - {name: B, template: b, dependencies: [A]}
"""
    assert tree_of(walked(spec(dag))).splitlines() == [
        "wf DAG Succeeded [wf.A]",
        "wf.A TaskGroup Succeeded [wf.A(0:n05),wf.A(1:n06)]",
        "wf.A(0:n05) Pod Succeeded [wf.B]",
        "wf.A(1:n06) Pod Succeeded [wf.B]",
        "wf.B Pod Succeeded []",
    ]


def test_an_empty_loop_is_skipped() -> None:
    dag = "dag: {tasks: [{name: A, template: a, withParam: '[]'}]}"
    assert (
        tree_of(walked(spec(dag))).splitlines()[1]
        == "wf.A Skipped Skipped [] Skipped, empty params"
    )


def test_a_bad_list_is_an_error() -> None:
    done = walked(spec("dag: {tasks: [{name: A, template: a, withParam: '{}'}]}"))
    [node] = [n for n in done["status"]["nodes"].values() if n["name"] == "wf.A"]
    assert node["message"] == "withParam value could not be parsed as a JSON list: {}: not a list"
    assert done["status"]["phase"] == "Error"


LOOPED = """
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: gen, template: gen, withItems: [1, 2]}
    - - name: use
        template: use
        arguments:
          parameters:
          - {name: rows, value: "{{steps.gen.outputs.parameters}}"}
          - {name: column, value: "{{steps.gen.outputs.parameters.p}}"}
          - {name: results, value: "{{steps.gen.outputs.result}}"}
  - name: gen
    container: {image: x}
    outputs: {parameters: [{name: p, valueFrom: {path: /p}}]}
  - name: use
    inputs: {parameters: [{name: rows}, {name: column}, {name: results}]}
    container: {image: x, args: ["{{inputs.parameters.rows}}"]}
"""


def test_outputs_of_items_are_lists() -> None:
    pods = StubPods(results={"gen": '{"a": 1}'}, parameters={"gen": {"p": '["v"]'}})
    walked(LOOPED, pods)
    given = pods.jobs[-1].template["inputs"]["parameters"]
    assert [each["value"] for each in given] == [
        '[{"p":"[\\"v\\"]"},{"p":"[\\"v\\"]"}]',
        '[["v"],["v"]]',
        '[{"a":1},{"a":1}]',
    ]
