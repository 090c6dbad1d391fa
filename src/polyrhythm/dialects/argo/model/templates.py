"""What one template means, checked with Argo's messages: its type, inputs, outputs, leaf rules.

Steps and DAGs are in `flows.py`. Each function yields (path below the template, message).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from polyrhythm.dialects.argo.model.names import Problem, check_names, is_tag, named
from polyrhythm.dialects.argo.model.yaml_text import Path, Tree

TYPES = "container containerSet steps script resource dag suspend data http plugin".split()
PODS = ("container", "containerSet", "script", "resource", "data")
CHOICE = (
    "choose one of: container, containerSet, steps, script, resource, dag, suspend, template,"
    " template ref"
)
ACTIONS = ("get", "create", "apply", "delete", "replace", "patch")
SOURCES = ("path", "jqFilter", "jsonPath", "parameter", "expression")
POLICIES = ("Always", "OnFailure", "OnError", "OnTransientError")
# Fields of an artifact that say where it lies.
LOCATIONS = "s3 git http artifactory hdfs raw oss gcs azure plugin".split()


def template_type(template: Tree) -> str:
    """The one type that a template has, in Argo's field name; empty for none or several."""
    found = [kind for kind in TYPES if template.get(kind) is not None]
    return found[0] if len(found) == 1 else ""


def has_location(artifact: Tree) -> bool:
    """Whether an artifact says where it lies."""
    return any(artifact.get(kind) is not None for kind in LOCATIONS)


def check_template(template: Tree, name: str) -> Iterator[Problem]:
    """Everything about one template but its steps and tasks."""
    found = [kind for kind in TYPES if template.get(kind) is not None]
    if not found:
        yield (), f"templates.{name} template type unspecified. {CHOICE}"
        return
    if len(found) > 1:
        yield (found[1],), f"templates.{name} multiple template types specified. {CHOICE}"
        return
    kind = found[0]
    yield from _check_inputs(template, name, kind)
    yield from _check_outputs(template, name, kind)
    yield from _check_limits(template, name, kind)
    yield from _check_leaf(template, name, kind)
    policy = (template.get("retryStrategy") or {}).get("retryPolicy")
    if policy and policy not in POLICIES and not is_tag(policy):
        yield ("retryStrategy", "retryPolicy"), f"{policy} is not a valid RetryPolicy"


def _check_inputs(template: Tree, name: str, kind: str) -> Iterator[Problem]:
    inputs = template.get("inputs") or {}
    at: Path = ("inputs",)
    for part in ("parameters", "artifacts"):
        prefix = f"templates.{name}.inputs.{part}"
        yield from check_names(inputs.get(part), (*at, part), prefix, values=True)
    for index, artifact in enumerate(named(inputs.get("artifacts"))):
        where = (*at, "artifacts", index)
        said = f"templates.{name}.inputs.artifacts.{artifact.get('name')}"
        path = artifact.get("path") or ""
        if kind in ("steps", "dag", "suspend"):
            if path:
                yield (*where, "path"), f"{said}.path only valid in container/script templates"
        elif not path and kind not in ("http", "plugin", "data"):
            yield (
                where,
                f"error in {said}: Artifact '{artifact.get('name')}' did not specify a path",
            )
        elif path and not is_tag(path) and not _is_clean(path):
            yield (*where, "path"), f"error in {said}: the path {path!r} leaves its root"
        if artifact.get("from"):
            yield (*where, "from"), f"{said}.from not valid in inputs"


def _is_clean(path: str) -> bool:
    return path.startswith("/") and ".." not in path.split("/")


def _check_outputs(template: Tree, name: str, kind: str) -> Iterator[Problem]:
    outputs = template.get("outputs") or {}
    for part in ("parameters", "artifacts"):
        prefix = f"templates.{name}.outputs.{part} "
        yield from check_names(outputs.get(part), ("outputs", part), prefix, values=True)
    for index, artifact in enumerate(named(outputs.get("artifacts"))):
        path = artifact.get("path") or ""
        at = ("outputs", "artifacts", index, "path")
        said = f"templates.{name}.outputs.artifacts.{artifact.get('name')}"
        if kind in ("steps", "dag"):
            if path:
                yield at, f"{said}.path only valid in container/script templates"
        elif path and not is_tag(path) and ".." in path.split("/"):
            yield at, f"error in {said}: the path {path!r} leaves its root"
    for index, parameter in enumerate(named(outputs.get("parameters"))):
        at_parameter: Path = ("outputs", "parameters", index)
        said = f"templates.{name}.outputs.parameters.{parameter.get('name')}"
        for text in _check_output(parameter, said, kind):
            yield at_parameter, text


def _check_output(parameter: Tree, said: str, kind: str) -> Iterator[str]:
    source = parameter.get("valueFrom")
    if parameter.get("value") is not None:
        if source is not None:
            yield f"{said} has both valueFrom and value specified, choose one"
        return
    if source is None:
        yield f"{said} does not have valueFrom or value specified"
        return
    count = sum(bool(source.get(key)) for key in SOURCES) + (source.get("supplied") is not None)
    if count == 0:
        yield (
            "valueFrom type unspecified. choose one of: path, jqFilter, jsonPath, parameter, raw,"
            " expression"
        )
    elif kind in ("dag", "steps") and source.get("parameter") and source.get("expression"):
        yield (
            f"{said} shouldn't have both `from` and `expression` specified in `ValueFrom` for "
            f"{_go_type(kind)} templates"
        )
    elif count > 1:
        yield (
            "multiple valueFrom types specified. choose one of: path, jqFilter, jsonPath,"
            " parameter, raw"
        )
    elif kind in ("container", "containerSet", "script") and not source.get("path"):
        yield f"{said}.path must be specified for {_go_type(kind)} templates"
    elif kind == "resource" and not (source.get("jqFilter") or source.get("jsonPath")):
        yield f"{said} .jqFilter or jsonPath must be specified for Resource templates"
    elif kind in ("dag", "steps") and not (source.get("parameter") or source.get("expression")):
        yield f"{said}.parameter or expression must be specified for {_go_type(kind)} templates"


def _go_type(kind: str) -> str:
    return {"dag": "DAG", "containerSet": "ContainerSet"}.get(kind, kind.capitalize())


def _check_limits(template: Tree, name: str, kind: str) -> Iterator[Problem]:
    leaf = kind not in ("steps", "dag")
    timeout = template.get("timeout")
    if timeout and not leaf:
        yield ("timeout",), f"{_go_type(kind)} template doesn't support timeout field"
    elif timeout and re.fullmatch(r"-?\d+", timeout):
        yield ("timeout",), f"{name} has invalid duration format in timeout"
    deadline = template.get("activeDeadlineSeconds")
    if deadline is not None:
        text = str(deadline)
        if not leaf:
            said = f"templates.{name}.activeDeadlineSeconds is only valid for leaf templates"
            yield ("activeDeadlineSeconds",), said
        elif not is_tag(text) and not (text.isdecimal() and int(text) > 0):
            yield (
                ("activeDeadlineSeconds",),
                f"templates.{name}.activeDeadlineSeconds must be a positive integer > 0 or an"
                " argo variable",
            )
    if template.get("parallelism") is not None and leaf:
        said = f"templates.{name}.parallelism is only valid for steps and dag templates"
        yield ("parallelism",), said


def _check_leaf(template: Tree, name: str, kind: str) -> Iterator[Problem]:
    body: Any = template.get(kind)
    if not isinstance(body, dict):
        return
    if kind in ("container", "script") and not body.get("image"):
        yield (kind,), f"templates.{name}.{kind}.image may not be empty"
    if kind == "resource":
        yield from _check_resource(body, name)
    if kind == "containerSet":
        names = [str(each.get("name") or "") for each in named(body.get("containers"))]
        inputs, outputs = template.get("inputs") or {}, template.get("outputs") or {}
        moves = inputs.get("artifacts") or outputs.get("parameters") or outputs.get("artifacts")
        if not names:
            yield (
                (kind,),
                f"templates.{name}.containerSet.containers must have at least one container",
            )
        elif moves and "main" not in names:
            yield (
                (kind,),
                f'templates.{name}.containerSet.containers must have a container named "main" for'
                " input or output",
            )
        for reserved in ("init", "wait"):
            if reserved in names:
                yield (
                    (kind,),
                    f'templates.{name}.containerSet.containers: "{reserved}" is a reserved Argo'
                    " container name",
                )


def _check_resource(body: Tree, name: str) -> Iterator[Problem]:
    action = str(body.get("action") or "")
    if action not in ACTIONS and not is_tag(action):
        yield (
            ("resource",),
            f"templates.{name}.resource.action must be one of: {', '.join(ACTIONS)}",
        )
    if body.get("manifest") and body.get("manifestFrom"):
        yield (
            ("resource",),
            "shouldn't have both `manifest` and `manifestFrom` specified in `Manifest` for resource"
            " template",
        )
    elif (
        not body.get("manifest")
        and not body.get("manifestFrom")
        and action not in ("get", "delete")
    ):
        yield (
            ("resource",),
            f"either templates.{name}.resource.manifest or templates.{name}.resource.manifestFrom"
            " must be specified",
        )
