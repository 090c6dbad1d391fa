"""A workflow object for people: its head, and its nodes as a tree, as `argo get` prints them.

Pure: an object and the time in, lines out. Groups of steps are not shown, what is in them is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from polyrhythm.dialects.argo.model.names import named
from polyrhythm.dialects.argo.model.yaml_text import Tree

ICONS = {
    "Pending": "◷",
    "Running": "●",
    "Succeeded": "✔",
    "Skipped": "○",
    "Omitted": "○",
    "Failed": "✖",
    "Error": "⚠",
}
TIME = "%Y-%m-%dT%H:%M:%SZ"
# Nodes that only group others: their children stand in their place.
GROUPS = ("StepGroup",)
DEPTH_MAX = 100


def workflow_lines(workflow: Tree, now: datetime) -> list[str]:
    """Everything about a workflow, as lines."""
    metadata, status = workflow["metadata"], workflow.get("status") or {}
    rows = [
        ("Name", metadata.get("name")),
        ("Namespace", metadata.get("namespace")),
        ("ServiceAccount", (workflow.get("spec") or {}).get("serviceAccountName") or "unset"),
        ("Status", status.get("phase")),
        ("Message", status.get("message")),
        ("Created", metadata.get("creationTimestamp")),
        ("Started", status.get("startedAt")),
        ("Finished", status.get("finishedAt")),
        ("Duration", spell_span(status, now)),
        ("Progress", status.get("progress")),
    ]
    lines = [f"{name + ':':<21}{value}" for name, value in rows if value]
    arguments = (workflow.get("spec") or {}).get("arguments") or {}
    for title, items in (
        ("Parameters", arguments.get("parameters")),
        ("Output Parameters", (status.get("outputs") or {}).get("parameters")),
    ):
        if named(items):
            lines.append(f"{title + ':':<21}")
            lines += [f"  {each.get('name')}: {each.get('value')}" for each in named(items)]
    return [*lines, "", *node_lines(workflow, now)]


def node_lines(workflow: Tree, now: datetime) -> list[str]:
    """The nodes as a tree with a line each."""
    nodes: dict[str, Tree] = (workflow.get("status") or {}).get("nodes") or {}
    root = nodes.get(workflow["metadata"]["name"])
    rows = [("STEP", "TEMPLATE", "PODNAME", "DURATION", "MESSAGE")]
    if root is not None:
        rows += _rows(nodes, root, ("", ""), now)
    handler = next((each for each in nodes.values() if _is_handler(each, workflow)), None)
    if handler is not None:
        rows += [("", "", "", "", ""), *_rows(nodes, handler, ("", ""), now)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]
        ).rstrip()
        for row in rows
    ]


def _is_handler(node: Tree, workflow: Tree) -> bool:
    return bool(node["name"] == f"{workflow['metadata']['name']}.onExit")


def _rows(
    nodes: dict[str, Tree], node: Tree, lead: tuple[str, str], now: datetime
) -> Iterator[tuple[str, str, str, str, str]]:
    mark, below = lead
    icon = ICONS.get(str(node.get("phase")), " ")
    reference = node.get("templateRef") or {}
    template = node.get("templateName") or "/".join(str(each) for each in reference.values())
    pod = node["id"] if node.get("type") == "Pod" else ""
    text = str(node.get("message") or "").replace("\n", " ")
    yield f"{mark}{icon} {node.get('displayName')}", template, pod, spell_span(node, now), text
    inside = list(_inside(nodes, node))
    if len(below) > DEPTH_MAX * 2:
        return
    for index, child in enumerate(inside):
        last = index == len(inside) - 1
        next_lead = (below + ("└─" if last else "├─"), below + ("  " if last else "│ "))
        yield from _rows(nodes, child, next_lead, now)


def _inside(nodes: dict[str, Tree], node: Tree) -> Iterator[Tree]:
    """What stands below a node: what it bounds, its attempts, or the items of a loop."""
    kind = node.get("type")
    if kind in ("Retry", "TaskGroup"):
        for child in node.get("children") or []:
            if child in nodes and str(nodes[child]["name"]).startswith(f"{node['name']}("):
                yield nodes[child]
        return
    for other in nodes.values():
        if other.get("boundaryID") != node["id"] or other.get("type") in GROUPS:
            continue
        if not _is_item(nodes, other):
            yield other


def _is_item(nodes: dict[str, Tree], node: Tree) -> bool:
    """Whether a node stands below another one of the same boundary."""
    retried: Any = (node.get("nodeFlag") or {}).get("retried")
    return bool(retried) or any(
        each.get("type") == "TaskGroup"
        and each.get("boundaryID") == node.get("boundaryID")
        and str(node["name"]).startswith(f"{each['name']}(")
        for each in nodes.values()
    )


def spell_span(timed: Tree, now: datetime) -> str:
    """How long something took, or has taken so far: `5s`, `2m`, `1h`."""
    if not timed.get("startedAt"):
        return ""
    start = datetime.strptime(timed["startedAt"], TIME).replace(tzinfo=UTC)
    end = now
    if timed.get("finishedAt"):
        end = datetime.strptime(timed["finishedAt"], TIME).replace(tzinfo=UTC)
    seconds = max(int((end - start).total_seconds()), 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
