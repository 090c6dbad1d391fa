"""A manifest: one object of one of Argo's kinds, as a tree with its file and lines.

ConfigMaps, Secrets and claims of volumes in the same files are read too: examples come with the
objects that they refer to. Other kinds are refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from polyrhythm.dialects.argo.model.fields import check_fields
from polyrhythm.dialects.argo.model.problems import Finding, ManifestError
from polyrhythm.dialects.argo.model.yaml_text import Document, Tree, read_documents

API_VERSION = "argoproj.io/v1alpha1"
KINDS = (
    "Workflow",
    "WorkflowTemplate",
    "ClusterWorkflowTemplate",
    "CronWorkflow",
    "WorkflowEventBinding",
)
# Objects of Kubernetes that examples come with; only ConfigMaps and Secrets are looked at.
COMPANIONS = ("ConfigMap", "Secret", "PersistentVolumeClaim", "ResourceQuota")


@dataclass(slots=True)
class Manifest:
    """One object. `findings` are unknown fields and wrong types: strict submission refuses them."""

    kind: str
    document: Document
    file: str
    findings: list[Finding]

    @property
    def tree(self) -> Tree:
        """The object itself."""
        tree: Tree = self.document.tree
        return tree

    @property
    def name(self) -> str:
        """Its name, empty while it has only a `generateName`."""
        return str((self.tree.get("metadata") or {}).get("name") or "")

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.document.line(())


def read_manifests(text: str, file: str) -> list[Manifest]:
    """Every object of a text. Raises ManifestError for what is no manifest at all."""
    documents = read_documents(text, file)
    return [_read(each, file) for document in documents for each in _expand(document)]


def _expand(document: Document) -> list[Document]:
    """A `kind: List` is the objects in it."""
    tree = document.tree
    if (
        isinstance(tree, dict)
        and tree.get("kind") == "List"
        and isinstance(tree.get("items"), list)
    ):
        return [
            Document(item, _below(document, ("items", index)))
            for index, item in enumerate(tree["items"])
        ]
    return [document]


def _below(document: Document, prefix: tuple[str | int, ...]) -> dict[tuple[str | int, ...], int]:
    size = len(prefix)
    return {path[size:]: line for path, line in document.lines.items() if path[:size] == prefix}


def _read(document: Document, file: str) -> Manifest:
    tree, line = document.tree, document.line(())
    if not isinstance(tree, dict):
        raise ManifestError([Finding(file, line, "a manifest is a map with apiVersion and kind")])
    kind, version = tree.get("kind"), tree.get("apiVersion")
    if kind in COMPANIONS:
        return Manifest(str(kind), document, file, [])
    if kind not in KINDS:
        near = get_close_matches(str(kind), KINDS, n=1)
        hint = f", did you mean {near[0]!r}?" if near else f"; there are {', '.join(KINDS)}"
        text = f"kind {kind!r} is not known{hint}" if kind else "kind is missing"
        raise ManifestError([Finding(file, document.line(("kind",)) or line, text)])
    if version != API_VERSION:
        text = f"apiVersion of a {kind} is {API_VERSION}, not {version!r}"
        raise ManifestError([Finding(file, document.line(("apiVersion",)) or line, text)])
    findings = check_fields(document, str(kind), file)
    for part in ("metadata", "spec"):
        if not isinstance(document.tree.get(part) or {}, dict):
            raise ManifestError(findings)
    return Manifest(str(kind), document, file, findings)
