"""Whether manifests make sense: `poly argo lint`, and what refuses a submission.

Manifests are checked with what they refer to: the templates of the same files and of a library.
Every problem has the line of the place it is at; the sentences are Argo's where it has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from polyrhythm.dialects.argo.model.flows import check_dag, check_steps, step_groups
from polyrhythm.dialects.argo.model.library import Library
from polyrhythm.dialects.argo.model.manifest import Manifest
from polyrhythm.dialects.argo.model.names import Problem, check_names, is_tag, named
from polyrhythm.dialects.argo.model.problems import Finding
from polyrhythm.dialects.argo.model.templates import check_template, has_location
from polyrhythm.dialects.argo.model.yaml_text import Path, Tree

NAME_MAX = 63
# A cron workflow's children have `-` and ten digits after its name.
CRON_NAME_MAX = 52
KIND_WORDS = {
    "Workflow": "workflow",
    "WorkflowTemplate": "workflow template",
    "ClusterWorkflowTemplate": "cluster workflow template",
    "CronWorkflow": "cron workflow",
}
CONCURRENCY = ("", "Allow", "Forbid", "Replace")


def check_manifests(manifests: Iterable[Manifest], library: Library) -> list[Finding]:
    """Everything that is wrong with manifests, in the order of their files."""
    findings = []
    for manifest in manifests:
        findings += manifest.findings
        for path, text in check_manifest(manifest, library):
            findings.append(Finding(manifest.file, manifest.document.line(path), text))
    return findings


def check_manifest(manifest: Manifest, library: Library) -> Iterator[Problem]:
    """Problems of what one manifest means, with their places."""
    if manifest.kind not in KIND_WORDS:
        return
    limit = CRON_NAME_MAX if manifest.kind == "CronWorkflow" else NAME_MAX
    name = manifest.name
    if len(name) > limit:
        yield (
            ("metadata", "name"),
            f'{KIND_WORDS[manifest.kind]} name "{name}" must not be more than {limit} characters '
            f"long (currently {len(name)})",
        )
    if not name and not (manifest.tree.get("metadata") or {}).get("generateName"):
        yield ("metadata",), "metadata.name or metadata.generateName is required"
    spec = manifest.tree.get("spec") or {}
    at: Path = ("spec",)
    if manifest.kind == "CronWorkflow":
        yield from _check_cron(spec)
        spec, at = spec.get("workflowSpec") or {}, ("spec", "workflowSpec")
    template_only = manifest.kind in ("WorkflowTemplate", "ClusterWorkflowTemplate")
    for path, text in _check_spec(spec, library, template_only=template_only):
        yield (*at, *path), text


def _check_cron(spec: Tree) -> Iterator[Problem]:
    if not spec.get("schedules"):
        yield ("spec",), "cron workflow must have at least one schedule"
    policy = str(spec.get("concurrencyPolicy") or "")
    if policy not in CONCURRENCY:
        yield ("spec", "concurrencyPolicy"), f"'{policy}' is not a valid concurrencyPolicy"
    if (spec.get("startingDeadlineSeconds") or 0) < 0:
        yield ("spec", "startingDeadlineSeconds"), "startingDeadlineSeconds must be positive"


def _check_spec(spec: Tree, library: Library, *, template_only: bool) -> Iterator[Problem]:
    templates = named(spec.get("templates"))
    reference = spec.get("workflowTemplateRef")
    if reference and templates:
        yield (
            ("templates",),
            "Templates is invalid field in spec if workflow referred WorkflowTemplate reference",
        )
    if isinstance(reference, dict):
        yield from _check_reference(reference, library)
    yield from check_names(spec.get("templates"), ("templates",), "spec.templates")
    yield from _check_arguments(spec.get("arguments") or {})
    names = {str(template.get("name")) for template in templates}
    if not spec.get("entrypoint") and not reference and not template_only:
        yield (), "spec.entrypoint is required"
    for key in ("entrypoint", "onExit"):
        wanted = spec.get(key)
        if wanted and not reference and not is_tag(wanted) and wanted not in names:
            yield (key,), f"template name '{wanted}' undefined{_hint(wanted, names)}"
    for name, hook in (spec.get("hooks") or {}).items():
        if isinstance(hook, dict) and name != "exit" and not hook.get("expression"):
            yield ("hooks", name), f"hooks.{name} Expression required"
    yield from _check_templates(templates, names, library)


def _check_reference(reference: Tree, library: Library) -> Iterator[Problem]:
    name = str(reference.get("name") or "")
    kind = "ClusterWorkflowTemplate" if reference.get("clusterScope") else "WorkflowTemplate"
    if library.complete and library.spec(kind, name) is None:
        known = library.names(kind)
        resource = (
            "clusterworkflowtemplates" if reference.get("clusterScope") else "workflowtemplates"
        )
        text = f'{resource}.argoproj.io "{name}" not found{_hint(name, known)}'
        yield ("workflowTemplateRef", "name"), text


def _check_arguments(arguments: Tree) -> Iterator[Problem]:
    for part in ("parameters", "artifacts"):
        at = ("arguments", part)
        yield from check_names(arguments.get(part), at, f"spec.arguments.{part}", values=True)
    for index, item in enumerate(named(arguments.get("parameters"))):
        values, value = item.get("enum"), item.get("value")
        said = f"spec.arguments.{item.get('name')}"
        at_value = ("arguments", "parameters", index, "value")
        if values is not None and not values:
            yield at_value, f"{said}.enum should contain at least one value"
        elif values and value is not None and value not in values and not is_tag(value):
            yield at_value, f"{said}.value should be present in {said}.enum list"
        source = item.get("valueFrom")
        if source and not ({"configMapKeyRef", "event", "supplied"} & set(source)):
            yield (
                at_value,
                f"{said}.valueFrom only allows: default, configMapKeyRef and supplied",
            )
    for index, item in enumerate(named(arguments.get("artifacts"))):
        if not item.get("from") and not has_location(item):
            said = f"spec.arguments.{item.get('name')}.from, artifact location, or key is required"
            yield ("arguments", "artifacts", index), said


def _check_templates(templates: list[Tree], names: set[str], library: Library) -> Iterator[Problem]:
    def find(call: Tree) -> str:
        return _find_template(call, names, library)

    pending: list[tuple[Path, Tree]] = [
        (("templates", index), each) for index, each in enumerate(templates)
    ]
    while pending:
        at, template = pending.pop(0)
        name = str(template.get("name") or "")
        problems = check_template(template, name)
        for path, text in (
            *problems,
            *(check_steps(template, name, find) if template.get("steps") is not None else ()),
            *(check_dag(template, name, find) if template.get("dag") is not None else ()),
        ):
            yield (*at, *path), text
        pending += [((*at, *path), inline) for path, inline in _inline(template)]


def _inline(template: Tree) -> Iterator[tuple[Path, Tree]]:
    """Templates that stand inside of steps and tasks, named after them."""
    calls: list[tuple[Path, Tree]] = [
        (("steps", index, number), step)
        for index, group in enumerate(step_groups(template))
        for number, step in enumerate(group)
    ]
    tasks = named((template.get("dag") or {}).get("tasks"))
    calls += [(("dag", "tasks", index), task) for index, task in enumerate(tasks)]
    for path, call in calls:
        inline = call.get("inline")
        if isinstance(inline, dict):
            yield (*path, "inline"), {"name": call.get("name"), **inline}


def _find_template(call: Tree, names: set[str], library: Library) -> str:
    """Why the template of a step or task is not there; empty when it is."""
    reference, name = call.get("templateRef"), call.get("template")
    if reference is not None:
        if name:
            return "template name cannot be specified with templateRef"
        wanted, template = str(reference.get("name") or ""), str(reference.get("template") or "")
        if not wanted:
            return "resource name is required"
        if not template:
            return "template name is required"
        if is_tag(wanted + template) or not library.complete:
            return ""
        cluster = bool(reference.get("clusterScope"))
        if library.template(wanted, template, cluster=cluster) is None:
            return f"template reference {wanted}.{template} not found"
        return ""
    if call.get("inline") is not None:
        return ""
    if not name:
        return "template type unspecified. choose one of: template, templateRef, inline"
    if is_tag(name) or name in names:
        return ""
    return f"template name '{name}' undefined{_hint(name, names)}"


def _hint(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f", did you mean '{near[0]}'?" if near else ""
