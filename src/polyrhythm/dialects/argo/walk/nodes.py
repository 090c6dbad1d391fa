"""The nodes of a run: what Argo shows in `status.nodes`, with its ids, names and edges.

The root has the workflow's name as its id; any other the name and the FNV-1a hash of its own name.
A node's children are what came after it in time, its boundary is the steps or DAG around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Tree = dict[str, Any]
PENDING, RUNNING, SUCCEEDED = "Pending", "Running", "Succeeded"
SKIPPED, OMITTED, FAILED, ERROR = "Skipped", "Omitted", "Failed", "Error"
ENDED = (SUCCEEDED, FAILED, ERROR)
BAD = (FAILED, ERROR)
POD_TYPES = ("Pod",)
# What lies between a boundary's name and a child's: `[0].`, `.`
SEPARATOR = re.compile(r"^(\[\d+\])?\.?|^\.")


def hash_name(name: str) -> int:
    """FNV-1a, 32 bits, of a name."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def spell_time(when: datetime) -> str:
    """A time as the API spells it: whole seconds of UTC."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Node:
    """One node. Times are datetimes here, texts in the tree; empty fields are left out there."""

    id: str
    name: str
    display_name: str
    type: str
    phase: str
    boundary_id: str = ""
    template_name: str = ""
    template_ref: Tree | None = None
    template_scope: str = ""
    message: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    progress: str = ""
    pod_ip: str = ""
    pod_name: str = ""
    host: str = ""
    daemoned: bool = False
    hooked: bool = False
    retried: bool = False
    inputs: Tree | None = None
    outputs: Tree | None = None
    children: list[str] = field(default_factory=list)
    outbound: list[str] = field(default_factory=list)
    memoization: Tree | None = None
    waiting_for: str = ""
    usage: Tree | None = None

    @property
    def ended(self) -> bool:
        """Whether it has an end of its own: succeeded, failed or in error."""
        return self.phase in ENDED

    @property
    def fulfilled(self) -> bool:
        """Whether whatever waits for it may go on."""
        return self.phase in (*ENDED, SKIPPED, OMITTED) or (self.daemoned and self.phase != PENDING)

    @property
    def bad(self) -> bool:
        """Whether it has failed."""
        return self.phase in BAD

    @property
    def seconds(self) -> float:
        """How long it took; 0 while it has not ended."""
        if self.started is None or self.finished is None:
            return 0.0
        return (self.finished - self.started).total_seconds()

    def to_tree(self) -> Tree:
        """The node as the API shows it."""
        flag = {"hooked": self.hooked, "retried": self.retried}
        waiting = {"waiting": self.waiting_for} if self.waiting_for else None
        made: Tree = {
            "id": self.id,
            "name": self.name,
            "displayName": self.display_name,
            "type": self.type,
            "templateName": self.template_name,
            "templateRef": self.template_ref,
            "templateScope": self.template_scope,
            "phase": self.phase,
            "boundaryID": self.boundary_id,
            "message": self.message,
            "startedAt": spell_time(self.started) if self.started else "",
            "finishedAt": spell_time(self.finished) if self.finished else "",
            "progress": self.progress,
            "resourcesDuration": self.usage,
            "podIP": self.pod_ip,
            "daemoned": self.daemoned,
            "nodeFlag": {key: value for key, value in flag.items() if value},
            "inputs": self.inputs,
            "outputs": self.outputs,
            "children": self.children,
            "outboundNodes": self.outbound,
            "hostNodeName": self.host,
            "memoizationStatus": self.memoization,
            "synchronizationStatus": waiting,
        }
        return {key: value for key, value in made.items() if value}


class NodeTreeState:
    """All nodes of a run, in the order in which they came to be. `version` counts changes."""

    def __init__(self, workflow_name: str) -> None:
        self.workflow_name = workflow_name
        self.nodes: dict[str, Node] = {}
        self.version = 0
        self._links: set[tuple[str, str]] = set()

    def id_of(self, name: str) -> str:
        """The id of the node of a name."""
        if name == self.workflow_name:
            return name
        return f"{self.workflow_name}-{hash_name(name)}"

    def named(self, name: str) -> Node | None:
        """The node of a name, if it came to be."""
        return self.nodes.get(self.id_of(name))

    def add(self, node: Node, now: datetime) -> Node:
        """Take a node in; a name is used once."""
        assert node.id not in self.nodes, f"node {node.name} is there already"
        node.started = now
        if node.phase in (*ENDED, SKIPPED, OMITTED):
            node.finished = now
        self.nodes[node.id] = node
        self.version += 1
        return node

    def mark(self, node: Node, phase: str, now: datetime, message: str | None = None) -> Node:
        """Change the phase of a node, and its message unless that is None."""
        node.phase = phase
        if message is not None:
            node.message = message
        if phase in (*ENDED, SKIPPED, OMITTED) and node.finished is None:
            node.finished = now
        self.version += 1
        return node

    def link(self, parent: Node, child: str) -> None:
        """Make the node of an id a child of another, once."""
        if (parent.id, child) not in self._links:
            self._links.add((parent.id, child))
            parent.children.append(child)
            self.version += 1

    def display_name(self, name: str, boundary_id: str) -> str:
        """What a node is called beside its siblings."""
        boundary = self.nodes.get(boundary_id)
        if boundary is None:
            return name
        rest = name.removeprefix(boundary.name)
        return re.sub(r"^\[\d+\]\.|^\.", "", rest)

    def outbound_of(self, node: Node) -> list[str]:
        """Ids of the nodes that what follows this one hangs on."""
        inner = self._children(node)
        of_containers = node.type == "Pod" and any(each.type == "Container" for each in inner)
        if node.type in ("Container", "TaskGroup") or of_containers:
            found = []
            for child in inner:
                foreign = child.boundary_id != node.boundary_id
                deepest = node.type == "Container" and foreign
                found += [node.id] if deepest else self.outbound_of(child)
            return found or [node.id]
        if node.type == "Retry" and node.children:
            return [node.children[-1]]
        if node.type in ("Steps", "DAG"):
            if node.memoization and node.memoization.get("hit"):
                return [node.id]
            return [one for each in node.outbound for one in self.outbound_of(self.nodes[each])]
        if node.type in ("Retry", "StepGroup"):
            return []
        return [node.id]

    def children_of(self, boundary_id: str) -> Iterator[Node]:
        """The nodes right inside of a boundary."""
        return (node for node in self.nodes.values() if node.boundary_id == boundary_id)

    def last_attempt(self, node: Node) -> Node:
        """The last attempt of a node that is retried; any other node itself."""
        if node.type != "Retry":
            return node
        attempts = [child for child in self._children(node) if not child.hooked]
        return attempts[-1] if attempts else node

    def progress(self) -> str:
        """Pods that have ended of all pods."""
        pods = [node for node in self.nodes.values() if node.type in POD_TYPES]
        done = sum(node.fulfilled for node in pods)
        return f"{done}/{len(pods)}"

    def _children(self, node: Node) -> list[Node]:
        return [self.nodes[child] for child in node.children if child in self.nodes]
