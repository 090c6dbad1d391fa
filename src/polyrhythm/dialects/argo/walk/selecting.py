"""Node field selectors: `displayName=approve,inputs.parameters.tag.value=dev`.

They choose the suspended nodes that a resume or a `set` is meant for; an empty one chooses all.
"""

from __future__ import annotations

from polyrhythm.dialects.argo.model.names import named
from polyrhythm.dialects.argo.walk.nodes import RUNNING, Node, NodeTreeState


def select_suspended(nodes: NodeTreeState, selector: str) -> list[Node]:
    """Suspended nodes that a selector chooses."""
    waiting = [each for each in nodes.nodes.values() if each.type == "Suspend"]
    return [each for each in waiting if each.phase == RUNNING and is_chosen(each, selector)]


def is_chosen(node: Node, selector: str) -> bool:
    """Whether every part of a selector holds for a node."""
    return all(_holds(node, part.strip()) for part in selector.split(",") if part.strip())


def _holds(node: Node, part: str) -> bool:
    negated = "!=" in part
    key, _, value = part.partition("!=" if negated else "=")
    return (_field(node, key.strip()) == value.lstrip("=").strip()) is not negated


def _field(node: Node, key: str) -> str | None:
    reference = node.template_ref or {}
    known = {
        "displayName": node.display_name,
        "name": node.name,
        "id": node.id,
        "phase": node.phase,
        "templateName": node.template_name,
        "templateRef.name": str(reference.get("name") or ""),
        "templateRef.template": str(reference.get("template") or ""),
    }
    if key in known:
        return known[key]
    for parameter in named((node.inputs or {}).get("parameters")):
        if key == f"inputs.parameters.{parameter['name']}.value":
            return str(parameter.get("value") or "")
    return None
