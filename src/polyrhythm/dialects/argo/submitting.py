"""A manifest as it is submitted: its name, what the command line sets, what it may refer to.

Pure but for the letters of a generated name. What is wrong with the manifest was found before.
"""

from __future__ import annotations

import secrets
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from polyrhythm.dialects.argo.model.library import Library
from polyrhythm.dialects.argo.model.manifest import API_VERSION, Manifest
from polyrhythm.dialects.argo.model.names import named
from polyrhythm.dialects.argo.model.yaml_text import Tree
from polyrhythm.dialects.argo.walk.plan import make_plan
from polyrhythm.dialects.argo.walk.workflow import Submission

# As Kubernetes makes names: no vowels, nothing that looks like something else.
LETTERS = "bcdfghjklmnpqrstvwxz2456789"
SUFFIX_LENGTH = 5
TEMPLATE_LABEL = "workflows.argoproj.io/workflow-template"


@dataclass(slots=True)
class SubmitOptions:
    """What may be set beside the manifest; empty keeps what it says."""

    name: str = ""
    generate_name: str = ""
    entrypoint: str = ""
    namespace: str = ""
    service_account: str = ""
    priority: int | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)


def prepare(workflow: Tree, options: SubmitOptions) -> Tree:
    """The workflow object that is started: with a name, its parameters and labels."""
    made: Tree = deepcopy(workflow)
    metadata: dict[str, Any] = made.setdefault("metadata", {})
    if options.generate_name:
        metadata.pop("name", None)
        metadata["generateName"] = options.generate_name
    if options.name:
        metadata["name"] = options.name
    if not metadata.get("name"):
        metadata["name"] = f"{metadata.get('generateName') or 'workflow-'}{random_suffix()}"
    metadata["namespace"] = options.namespace or metadata.get("namespace") or "default"
    for part, given in (("labels", options.labels), ("annotations", options.annotations)):
        if given:
            metadata[part] = {**(metadata.get(part) or {}), **given}
    spec: dict[str, Any] = made.setdefault("spec", {})
    if options.entrypoint:
        spec["entrypoint"] = options.entrypoint
    if options.service_account:
        spec["serviceAccountName"] = options.service_account
    if options.priority is not None:
        spec["priority"] = options.priority
    if options.parameters:
        spec["arguments"] = set_parameters(spec.get("arguments") or {}, options.parameters)
    return made


def set_parameters(arguments: Tree, values: dict[str, str]) -> Tree:
    """Arguments with other values; those that are not declared are added."""
    items = [
        {"name": each["name"], "value": values[each["name"]], **_kept(each)}
        if each.get("name") in values
        else each
        for each in named(arguments.get("parameters"))
    ]
    known = {each.get("name") for each in items}
    items += [{"name": key, "value": text} for key, text in values.items() if key not in known]
    return {**arguments, "parameters": items}


def _kept(parameter: Tree) -> Tree:
    return {
        key: parameter[key] for key in ("description", "enum", "globalName") if key in parameter
    }


def random_suffix() -> str:
    """Letters at the end of a generated name."""
    return "".join(secrets.choice(LETTERS) for _ in range(SUFFIX_LENGTH))


def workflow_of(kind: str, name: str, library: Library) -> Tree | None:
    """A workflow that is made of a template or a cron workflow; None when there is none."""
    spec = library.spec(kind, name)
    if spec is None:
        return None
    if kind == "CronWorkflow":
        body, more = spec.get("workflowSpec") or {}, spec.get("workflowMetadata") or {}
        metadata = {**more, "generateName": f"{name}-"}
        return _workflow(metadata, body)
    reference = {"name": name}
    if kind == "ClusterWorkflowTemplate":
        return _workflow(
            {"generateName": f"{name}-"},
            {"workflowTemplateRef": {**reference, "clusterScope": True}},
        )
    metadata = {"generateName": f"{name}-", "labels": {TEMPLATE_LABEL: name}}
    return _workflow(metadata, {"workflowTemplateRef": reference})


def _workflow(metadata: Tree, spec: Tree) -> Tree:
    return {"apiVersion": API_VERSION, "kind": "Workflow", "metadata": metadata, "spec": spec}


def submission_of(workflow: Tree, library: Library) -> Submission:
    """A workflow with the objects that it may refer to."""
    kinds = ("WorkflowTemplate", "ClusterWorkflowTemplate", "ConfigMap", "Secret")
    objects = {kind: library.objects[kind] for kind in kinds if library.objects.get(kind)}
    return Submission(workflow, objects)


def missing_arguments(workflow: Tree, library: Library) -> list[str]:
    """Messages about arguments that a submission has to give. Raises PlanError."""
    spec = make_plan(workflow, library).spec
    parameters = named((spec.get("arguments") or {}).get("parameters"))
    missing = [
        f"spec.arguments.{each['name']}"
        for each in parameters
        if each.get("value") is None and each.get("valueFrom") is None
    ]
    return [f"{said}.value or {said}.valueFrom is required" for said in missing]


def library_of(manifests: list[Manifest]) -> Library:
    """The templates and values of manifests."""
    return Library.of([each for each in manifests if each.kind != "Workflow"])


# Fields that a manifest may have and that nothing is done with yet.
UNUSED = ("synchronization", "memoize", "metrics", "ttlStrategy", "podGC", "artifactGC")


def unused_fields(workflow: Tree, library: Library) -> list[str]:
    """Fields of a workflow and its templates that are read and not done. Raises PlanError."""
    spec = make_plan(workflow, library).spec
    found = [f"spec.{key}" for key in UNUSED if spec.get(key)]
    for template in named(spec.get("templates")):
        found += [f"templates.{template.get('name')}.{key}" for key in UNUSED if template.get(key)]
    return found
