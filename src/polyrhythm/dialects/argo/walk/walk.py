"""The state of one walk, and the verbs that all kinds of templates share.

Nothing here decides what runs next; it makes nodes, keeps values that are known everywhere, and
counts what is at work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from polyrhythm.base.limits import NODES_IN_FLIGHT_MAX
from polyrhythm.dialects.argo.model.fields import as_text
from polyrhythm.dialects.argo.model.names import named
from polyrhythm.dialects.argo.model.templates import template_type
from polyrhythm.dialects.argo.walk.control import ControlState
from polyrhythm.dialects.argo.walk.nodes import ERROR, Node, NodeTreeState, Tree
from polyrhythm.dialects.argo.walk.plan import Context, Plan
from polyrhythm.dialects.argo.walk.scope import Scope
from polyrhythm.sdk import wf

# How a template of each type shows as a node.
NODE_TYPES = {
    "steps": "Steps",
    "dag": "DAG",
    "suspend": "Suspend",
    "http": "HTTP",
    "plugin": "Plugin",
}


@dataclass(slots=True)
class Call:
    """One use of a template: a step, a task, a hook or the entrypoint, under a node's name."""

    node_name: str
    holder: Tree
    context: Context
    arguments: Tree
    boundary: str = ""
    on_exit: bool = False
    hooked: bool = False
    retried: bool = False
    # `steps` or `tasks`: what the siblings call it.
    family: str = ""
    # Whether a sibling names its `outputs.result`.
    wants_result: bool = False
    depth: int = 0
    deadline: datetime | None = None
    parallelism: asyncio.Semaphore | None = None
    # Ids of the nodes that it hangs on.
    parents: tuple[str, ...] = ()

    def below(self, **changes: Any) -> Call:
        """The same call with other fields."""
        return replace(self, **changes)


class NodeFailed(Exception):
    """A template that could not even begin; its node is in Error. The text goes to its parent."""

    def __init__(self, node: Node, text: str) -> None:
        super().__init__(text)
        self.node = node


@dataclass(slots=True)
class Hands:
    """The tasks of a walk: one runs a pod and returns how it ended, one does what is no pod."""

    run_pod: Callable[[Tree], Awaitable[Tree]]
    do_chore: Callable[[Tree], Awaitable[Tree]]


@dataclass(slots=True)
class Walk:
    """One run: its plan, its nodes, what every template may name, what limits it."""

    plan: Plan
    nodes: NodeTreeState
    values: dict[str, str]
    control: ControlState
    hands: Hands
    uid: str
    began: datetime
    outputs: Tree = field(default_factory=dict)
    places: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(NODES_IN_FLIGHT_MAX)
    )
    # spec.parallelism: pods at once.
    pods: asyncio.Semaphore | None = None
    deadline: datetime | None = None

    def now(self) -> datetime:
        """The time of the run."""
        return wf.now()

    def begin(self, call: Call, kind: str, phase: str, message: str = "") -> Node:
        """Make the node of a call."""
        node_id = self.nodes.id_of(call.node_name)
        holder = call.holder
        node = Node(
            id=node_id,
            name=call.node_name,
            display_name=self.nodes.display_name(call.node_name, call.boundary),
            type=kind,
            phase=phase,
            boundary_id=call.boundary,
            template_name=str(holder.get("template") or ""),
            template_ref=holder.get("templateRef"),
            template_scope=call.context.scope,
            message=message,
            hooked=call.hooked,
            retried=call.retried,
        )
        self.nodes.add(node, self.now())
        for parent in call.parents:
            self.nodes.link(self.nodes.nodes[parent], node_id)
        return node

    def mark(self, node: Node, phase: str, message: str | None = None) -> Node:
        """Change the phase of a node."""
        return self.nodes.mark(node, phase, self.now(), message)

    def fail_call(self, call: Call, text: str) -> NodeFailed:
        """The node of a call in Error, as what its parent catches."""
        node = self.nodes.named(call.node_name)
        if node is None:
            node = self.begin(call, "Skipped", ERROR, text)
        else:
            self.mark(node, ERROR, text)
        return NodeFailed(node, text)

    def strategy(self, template: Tree) -> Tree | None:
        """How a template is retried."""
        found: Tree | None = template.get("retryStrategy")
        return found if found is not None else self.plan.spec.get("retryStrategy")

    def pod_name(self, node_name: str, template: Tree) -> str:
        """The name of the pod of a node: version 2 of Argo's names."""
        name = self.plan.name
        if node_name == name:
            return name
        number = self.nodes.id_of(node_name).rsplit("-", 1)[-1]
        own = str(template.get("name") or "")
        prefix = f"{name}-{own}" if own else name
        return f"{prefix[:242]}-{number}"

    def export(self, outputs: Tree | None) -> None:
        """Take outputs with a globalName into those of the workflow."""
        for part in ("parameters", "artifacts"):
            for item in named((outputs or {}).get(part)):
                name = item.get("globalName")
                if name:
                    self._export(part, name, item)

    def _export(self, part: str, name: str, item: Tree) -> None:
        kept = {key: value for key, value in item.items() if key not in ("globalName", "path")}
        kept["name"] = name
        if part == "parameters":
            kept.pop("valueFrom", None)
            if item.get("value") is not None:
                self.values[f"workflow.outputs.parameters.{name}"] = as_text(item["value"])
        items: list[Tree] = self.outputs.setdefault(part, [])
        items[:] = [each for each in items if each.get("name") != name]
        items.append(kept)
        self.nodes.version += 1

    def scope_of(self, template: Tree) -> Scope:
        """A scope with the inputs of a template and the artifacts of the workflow."""
        scope = Scope.of_template(template)
        for artifact in named(self.outputs.get("artifacts")):
            scope.artifacts[f"workflow.outputs.artifacts.{artifact['name']}"] = artifact
        return scope

    async def until_resumed(self) -> None:
        """Wait while the workflow is suspended."""
        if self.control.suspended and not self.control.shutdown:
            await wf.wait_for(lambda: not self.control.suspended or bool(self.control.shutdown))


def node_type(template: Tree) -> str:
    """The node type of a template."""
    return NODE_TYPES.get(template_type(template), "Pod")
