"""Manifests: every example of the corpus is read or refused for the right reason; bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from polyrhythm.base.limits import MANIFEST_BYTES_MAX, MANIFEST_DEPTH_MAX
from polyrhythm.dialects.argo.depends import DependsError, parse_task
from polyrhythm.dialects.argo.model import ManifestError, read_manifests
from polyrhythm.dialects.argo.model.check import check_manifests
from polyrhythm.dialects.argo.model.flows import find_cycle
from polyrhythm.dialects.argo.model.library import Library

CORPUS = Path(__file__).parents[2] / "corpus/argo"
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: a-}\n"
# Examples that Argo's own server refuses as well: the reason is part of what is tested.
REFUSED = {
    "examples/k8s-patch-json-workflow.yaml": "key 'annotations' already set in map",
    "examples/fun-with-gifs.yaml": "metadata.name or metadata.generateName is required",
    "examples/k8s-jobs.yaml": "metadata.name or metadata.generateName is required",
}


def findings_of(text: str) -> list[str]:
    """What is wrong with a text, as `file:line: text`."""
    try:
        manifests = read_manifests(text, "w.yaml")
    except ManifestError as error:
        return [str(finding) for finding in error.findings]
    return [str(each) for each in check_manifests(manifests, Library.of(manifests))]


def test_every_example_is_read_or_refused_for_the_right_reason() -> None:
    manifests, refused = [], {}
    for row in json.loads((CORPUS / "expected.json").read_text()):
        try:
            manifests += read_manifests((CORPUS / row["file"]).read_text(), row["file"])
        except ManifestError as error:
            refused[row["file"]] = error.findings[0].text
    for finding in check_manifests(manifests, Library.of(manifests)):
        assert finding.line > 0
        refused[finding.file] = finding.text
    assert refused == REFUSED
    assert len(manifests) > 160


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("spec: {}", "w.yaml:4: spec.entrypoint is required"),
        (
            "spec: {entrypoint: m}",
            "w.yaml:4: template name 'm' undefined",
        ),
        (
            "spec:\n  entrypoint: main\n  templates:\n  - name: main\n    container: {image: a}\n"
            "    suspend: {}",
            "w.yaml:9: templates.main multiple template types specified. choose one of: container,"
            " containerSet, steps, script, resource, dag, suspend, template, template ref",
        ),
        (
            "spec:\n  entrypoint: main\n  templates:\n  - name: main\n    contaner: {image: a}\n"
            "    suspend: {}",
            'w.yaml:8: json: unknown field "contaner" at spec.templates[0],'
            " did you mean 'container'?",
        ),
        (
            "spec:\n  entrypoint: main\n  templates:\n  - name: main\n    dag:\n      tasks:\n"
            "      - {name: A, template: main, dependencies: [B]}\n"
            "      - {name: B, template: main, dependencies: [A]}",
            "w.yaml:9: templates.main.tasks dependency cycle detected: A->B->A",
        ),
        (
            "spec:\n  entrypoint: main\n  templates:\n  - name: main\n    steps:\n"
            "    - - {name: a, template: mian}",
            "w.yaml:9: templates.main.steps[0].a template name 'mian' undefined, did you mean"
            " 'main'?",
        ),
        (
            "spec:\n  entrypoint: main\n  templates:\n  - name: main\n    dag:\n      tasks:\n"
            "      - {name: A, template: main}\n"
            "      - name: B\n        template: main\n        arguments:\n"
            "          parameters: [{name: p, value: '{{tasks.A.outputs.result}}'}]",
            "w.yaml:11: templates.main.tasks.B missing dependency 'A' for parameter 'p'",
        ),
    ],
)
def test_what_makes_no_sense_is_said_as_argo_says_it(spec: str, said: str) -> None:
    assert said in findings_of(HEAD + spec)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: " + "[" * (MANIFEST_DEPTH_MAX + 1), "nested deeper than"),
        ("a: &a [1]\nb: [" + "*a," * 1001 + "]", "more than 1000 aliases"),
        ("a: 1\na: 2", "w.yaml:2: key 'a' already set in map"),
        ("a: &a [*a]", "an alias that contains itself"),
        ("x: " + "y" * MANIFEST_BYTES_MAX, "the file is larger"),
        ("a: !!python/object:os.system [ls]", "kind is missing"),
        ("a: !!python/name:os.system x", "is not read"),
        ("a: [1", "w.yaml:1: not YAML"),
        ("- 1", "w.yaml:1: a manifest is a map"),
        ("kind: Workfow", "did you mean 'Workflow'?"),
        ("kind: Workflow", "apiVersion of a Workflow is argoproj.io/v1alpha1, not None"),
    ],
)
def test_bad_text_is_refused_with_its_place(text: str, said: str) -> None:
    assert any(said in each for each in findings_of(text)), findings_of(text)


def test_a_billion_laughs_are_not_built() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{','.join(['*a' + str(n - 1)] * 10)}]" for n in range(1, 10)]
    assert "aliases expand to more than" in findings_of("\n".join(rows))[0]


def test_values_become_texts_where_the_api_has_texts() -> None:
    text = HEAD + (
        "spec:\n  entrypoint: main\n  arguments:\n    parameters:\n"
        "    - {name: a, value: 10}\n    - {name: b, value: true}\n    - {name: c, value: 1.5}\n"
        "    - {name: d, value: [1, {x: y}]}\n  templates: [{name: main, suspend: {}}]"
    )
    [manifest] = read_manifests(text, "w.yaml")
    values = [each["value"] for each in manifest.tree["spec"]["arguments"]["parameters"]]
    assert values == ["10", "true", "1.5", '[1,{"x":"y"}]']


@pytest.mark.parametrize(
    ("depends", "results", "holds"),
    [
        ("A", {"A": "Succeeded"}, True),
        ("A", {"A": "Failed"}, False),
        ("A", {"A": "Skipped"}, True),
        ("A.Failed", {"A": "Failed"}, True),
        ("A && (B.Failed || !C.Succeeded)", {"A": "Daemoned", "B": "Failed", "C": "x"}, True),
        ("(A.Succeeded || A.Skipped) && !B", {"A": "Skipped", "B": "Succeeded"}, False),
        ("a-1.AnySucceeded and not b", {"a-1": "AnySucceeded", "b": "Failed"}, True),
    ],
)
def test_depends_is_read_and_answered(depends: str, results: dict[str, str], holds: bool) -> None:
    tasks = {name: {"name": name} for name in results}
    logic = parse_task({"name": "x", "depends": depends}, tasks)
    assert set(logic.names) == set(results)
    assert logic.holds(lambda name, result: results[name] == result) is holds


@pytest.mark.parametrize("text", ["A &&", "A.Nothing", "(A", "A B", "&& A", "A ? B", "(" * 200])
def test_bad_depends_is_refused(text: str) -> None:
    with pytest.raises(DependsError):
        parse_task({"name": "x", "depends": text}, {})


def test_cycles_are_found() -> None:
    assert find_cycle({"a": ["b"], "b": ["c"], "c": []}) == []
    assert find_cycle({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}) == []
    assert find_cycle({"x": [], "a": ["b"], "b": ["a"]}) == ["a", "b", "a"]
