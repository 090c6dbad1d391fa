"""What is walked: a workflow's spec with what it refers to, and where templates are found.

A workflow of a `workflowTemplateRef` is that template's spec with its own fields over it. A
reference to a template leads into another object, whose own templates it then sees.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from polyrhythm.dialects.argo.model.library import Library
from polyrhythm.dialects.argo.model.names import named
from polyrhythm.dialects.argo.model.yaml_text import Tree


class PlanError(Exception):
    """A workflow that refers to what is not there; the text is Argo's."""


@dataclass(slots=True)
class Context:
    """Where templates are looked for by name: a workflow, a template object."""

    scope: str
    templates: dict[str, Tree] = field(default_factory=dict)


@dataclass(slots=True)
class Plan:
    """A workflow that is to be walked: its object, the spec that holds, what it refers to."""

    workflow: Tree
    spec: Tree
    library: Library

    @property
    def metadata(self) -> Tree:
        """Name, labels and annotations."""
        made: Tree = self.workflow["metadata"]
        return made

    @property
    def name(self) -> str:
        """The workflow's name."""
        return str(self.metadata["name"])

    def context(self) -> Context:
        """Where the entrypoint is looked for."""
        return Context(f"local/{self.name}", _by_name(self.spec))

    def resolve(self, holder: Tree, context: Context) -> tuple[Context, Tree]:
        """The template of a step, task or hook, and where its own templates are looked for."""
        inline, reference = holder.get("inline"), holder.get("templateRef")
        if inline is not None:
            return context, self._with_defaults({**inline})
        if reference:
            return self._resolve_reference(reference)
        name = str(holder.get("template") or "")
        found = context.templates.get(name)
        if found is None:
            raise PlanError(f"template {name} not found in workflow template {context.scope}")
        return context, self._with_defaults(found)

    def _resolve_reference(self, reference: Tree) -> tuple[Context, Tree]:
        cluster = bool(reference.get("clusterScope"))
        name, wanted = str(reference.get("name")), str(reference.get("template"))
        kind = "ClusterWorkflowTemplate" if cluster else "WorkflowTemplate"
        spec = self.library.spec(kind, name)
        if spec is None:
            resource = "clusterworkflowtemplates" if cluster else "workflowtemplates"
            raise PlanError(f'{resource}.argoproj.io "{name}" not found')
        context = Context(f"{'cluster' if cluster else 'namespaced'}/{name}", _by_name(spec))
        if wanted not in context.templates:
            raise PlanError(f"template {wanted} not found in workflow template {name}")
        return context, self._with_defaults(context.templates[wanted])

    def _with_defaults(self, template: Tree) -> Tree:
        defaults = self.spec.get("templateDefaults")
        return template if not defaults else merge(defaults, template)


def make_plan(workflow: Tree, library: Library) -> Plan:
    """The plan of a workflow object. Raises PlanError."""
    spec: Tree = workflow.get("spec") or {}
    reference = spec.get("workflowTemplateRef")
    if reference:
        cluster = bool(reference.get("clusterScope"))
        kind = "ClusterWorkflowTemplate" if cluster else "WorkflowTemplate"
        name = str(reference.get("name"))
        base = library.spec(kind, name)
        if base is None:
            resource = "clusterworkflowtemplates" if cluster else "workflowtemplates"
            raise PlanError(f'{resource}.argoproj.io "{name}" not found')
        spec = join_specs(base, spec)
    return Plan(workflow, spec, library)


def join_specs(base: Tree, over: Tree) -> Tree:
    """A spec with another one's fields over it; arguments are joined by their names."""
    joined = merge(base, {key: value for key, value in over.items() if key != "arguments"})
    arguments: Tree = {}
    for part in ("parameters", "artifacts"):
        own = named((over.get("arguments") or {}).get(part))
        names = {item.get("name") for item in own}
        others = named((base.get("arguments") or {}).get(part))
        items = [*own, *(item for item in others if item.get("name") not in names)]
        if items:
            arguments[part] = items
    if arguments:
        joined["arguments"] = arguments
    return joined


def merge(base: Tree, over: Tree) -> Tree:
    """A map over another one: maps in both are merged, anything else is replaced."""
    made = dict(base)
    for key, value in over.items():
        below = base.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            made[key] = merge(below, value)
        elif value is not None:
            made[key] = value
    return made


def _by_name(spec: Tree) -> dict[str, Tree]:
    return {str(each.get("name")): each for each in named(spec.get("templates"))}
