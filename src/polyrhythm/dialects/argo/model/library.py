"""The objects that manifests refer to by name: templates, and the ConfigMaps of values.

One value, made of manifests; the walker gets it as part of its input, so what runs is what was
there when it was submitted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from polyrhythm.dialects.argo.model.manifest import Manifest
from polyrhythm.dialects.argo.model.names import named
from polyrhythm.dialects.argo.model.yaml_text import Tree

TEMPLATE_KINDS = ("WorkflowTemplate", "ClusterWorkflowTemplate")


@dataclass(slots=True)
class Library:
    """Objects by kind and name, as their trees. Not `complete`: references may lead elsewhere."""

    objects: dict[str, dict[str, Tree]] = field(default_factory=dict)
    complete: bool = True

    @classmethod
    def of(cls, manifests: Iterable[Manifest], *, complete: bool = True) -> Library:
        """A library of manifests that have a name."""
        library = cls(complete=complete)
        for manifest in manifests:
            if manifest.name:
                library.objects.setdefault(manifest.kind, {})[manifest.name] = manifest.tree
        return library

    def names(self, kind: str) -> list[str]:
        """Names of the objects of a kind."""
        return list(self.objects.get(kind, {}))

    def spec(self, kind: str, name: str) -> Tree | None:
        """The spec of an object, None when there is no such object."""
        found = self.objects.get(kind, {}).get(name)
        return None if found is None else found.get("spec") or {}

    def template(self, name: str, template: str, *, cluster: bool) -> Tree | None:
        """One template of a template object."""
        spec = self.spec("ClusterWorkflowTemplate" if cluster else "WorkflowTemplate", name)
        for each in named((spec or {}).get("templates")):
            if each.get("name") == template:
                return each
        return None
