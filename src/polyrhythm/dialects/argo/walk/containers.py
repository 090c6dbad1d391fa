"""The nodes of a container set: one for each container, below that of their pod.

They hang on each other as their dependencies say; the pod's result says how each has ended.
"""

from __future__ import annotations

from polyrhythm.dialects.argo.model.names import named
from polyrhythm.dialects.argo.model.yaml_text import Tree
from polyrhythm.dialects.argo.walk.nodes import RUNNING, Node
from polyrhythm.dialects.argo.walk.walk import Call, Walk


def begin_containers(walk: Walk, call: Call, pod: Node, template: Tree) -> None:
    """Make the nodes of a set's containers; nothing for any other template."""
    containers = named((template.get("containerSet") or {}).get("containers"))
    for container in containers:
        name = f"{pod.name}.{container.get('name')}"
        made = call.below(node_name=name, boundary=pod.id, parents=(), retried=False)
        walk.begin(made, "Container", RUNNING)
    for container in containers:
        child = walk.nodes.id_of(f"{pod.name}.{container.get('name')}")
        before = [walk.nodes.named(f"{pod.name}.{name}") for name in _before(container)]
        for parent in before or [pod]:
            if parent is not None:
                walk.nodes.link(parent, child)


def _before(container: Tree) -> list[str]:
    return [str(name) for name in container.get("dependencies") or []]
