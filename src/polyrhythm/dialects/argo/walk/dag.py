"""A DAG: every task waits for what its `depends` names, then runs, is skipped, or is omitted.

Tasks that are not needed for the targets never come to be. The phase of the whole is that of its
targets, where a task that was omitted stands for what was before it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.dialects.argo.depends import Depends, DependsError, parse_task
from polyrhythm.dialects.argo.expressions import ExpressionError, evaluate_when
from polyrhythm.dialects.argo.model.names import named
from polyrhythm.dialects.argo.walk.daemons import close_daemons
from polyrhythm.dialects.argo.walk.hooks import Execute, Hooked, run_hooked
from polyrhythm.dialects.argo.walk.loops import expand, has_loop
from polyrhythm.dialects.argo.walk.nodes import (
    BAD,
    ERROR,
    FAILED,
    OMITTED,
    RUNNING,
    SKIPPED,
    SUCCEEDED,
    Node,
    NodeTreeState,
    Tree,
)
from polyrhythm.dialects.argo.walk.plan import Context
from polyrhythm.dialects.argo.walk.references import add_skipped, resolve
from polyrhythm.dialects.argo.walk.scope import Scope, ScopeError, aggregate
from polyrhythm.dialects.argo.walk.stepping import Flow, continues_on, finish_flow, open_flow
from polyrhythm.dialects.argo.walk.walk import Call, NodeFailed, Walk

PROBLEMS = (ScopeError, PolyrhythmError)
PHASE_OF = {
    "Succeeded": SUCCEEDED,
    "Failed": FAILED,
    "Errored": ERROR,
    "Skipped": SKIPPED,
    "Omitted": OMITTED,
}


@dataclass(slots=True)
class Graph:
    """The tasks of one DAG: their conditions, and the work that each of them became."""

    flow: Flow
    tasks: dict[str, Tree]
    logic: dict[str, Depends]
    works: dict[str, asyncio.Future[None]] = field(default_factory=dict)

    def node(self, name: str) -> Node | None:
        """The node of a task, if it came to be."""
        return self.flow.walk.nodes.named(f"{self.flow.call.node_name}.{name}")

    def ancestors(self, name: str) -> list[str]:
        """All tasks that a task hangs on, nearest last."""
        found: dict[str, None] = {}
        pending = list(self.logic[name].names)
        while pending:
            other = pending.pop()
            if other not in found:
                found[other] = None
                pending += self.logic[other].names
        return list(reversed(found))

    def leaves(self) -> list[str]:
        """Tasks that no other one waits for, in order of their names."""
        inner = {name for each in self.logic.values() for name in each.names}
        return sorted(name for name in self.tasks if name not in inner)


async def run_dag(
    walk: Walk, call: Call, context: Context, template: Tree, execute: Execute
) -> Node:
    """Run a DAG to its end. Raises NodeFailed when its outputs cannot be made."""
    flow = open_flow(walk, call, (context, template), "DAG", execute)
    dag = template.get("dag") or {}
    tasks = {str(task.get("name")): task for task in named(dag.get("tasks"))}
    try:
        graph = Graph(flow, tasks, {name: parse_task(tasks[name], tasks) for name in tasks})
    except DependsError as error:
        raise walk.fail_call(call, str(error)) from None
    targets = str(dag.get("target") or "").split() or graph.leaves()
    wanted = dict.fromkeys(name for target in targets for name in graph.ancestors(target))
    wanted.update(dict.fromkeys(targets))
    for name in _in_order(graph, wanted):
        graph.works[name] = asyncio.ensure_future(_run_task(graph, name))
    try:
        await asyncio.gather(*graph.works.values())
    except BaseException:
        for work in graph.works.values():
            work.cancel()
        raise
    return await _finish(graph, targets)


async def _finish(graph: Graph, targets: list[str]) -> Node:
    flow, walk = graph.flow, graph.flow.walk
    nodes = [node for target in targets if (node := graph.node(target)) is not None]
    flow.node.outbound = [one for node in nodes for one in walk.nodes.outbound_of(node)]
    phase = _phase(graph, targets)
    if phase in BAD:
        await close_daemons(walk, flow.node)
        return walk.mark(flow.node, phase)
    try:
        for name in graph.tasks:
            node = graph.node(name)
            if node is not None:
                _add_task(graph, flow.scope, name)
                walk.export(node.outputs)
    except PROBLEMS as error:
        raise walk.fail_call(flow.call, str(error)) from None
    return await finish_flow(flow)


def _in_order(graph: Graph, wanted: dict[str, None]) -> list[str]:
    """Tasks with what they wait for before them."""
    made: dict[str, None] = {}
    for name in wanted:
        for other in [*graph.ancestors(name), name]:
            made.setdefault(other)
    pending, ordered = list(made), []
    while pending:
        ready = [n for n in pending if all(d in ordered for d in graph.logic[n].names)]
        assert ready, "a DAG with a cycle is refused before it runs"
        ordered += ready
        pending = [name for name in pending if name not in ready]
    return ordered


async def _run_task(graph: Graph, name: str) -> None:
    """One task: wait, decide, run its items; whoever waits for it waits for its hooks too."""
    flow, walk = graph.flow, graph.flow.walk
    logic = graph.logic[name]
    for other in logic.names:
        await asyncio.shield(graph.works[other])
    task = graph.tasks[name]
    call = _call_of(graph, task, _parents(graph, logic))
    if not logic.holds(lambda other, result: _answers(graph, other, result)):
        walk.begin(call, "Skipped", OMITTED, "omitted: depends condition not met")
        return
    scope = walk.scope_of(flow.template)
    try:
        for ancestor in graph.ancestors(name):
            _add_task(graph, scope, ancestor)
        made = resolve(task, scope, walk.values)
        items = expand(made, scope.over(walk.values)) if has_loop(task) else [made]
    except PROBLEMS as error:
        walk.begin(call, "Skipped", ERROR, str(error))
        return
    if not has_loop(task):
        await _run_item(graph, made, call, scope)
    elif not items:
        walk.begin(call, "Skipped", SKIPPED, "Skipped, empty params")
    else:
        await _run_items(graph, call, items, scope)


async def _run_items(graph: Graph, call: Call, items: list[Tree], scope: Scope) -> None:
    walk = graph.flow.walk
    group = walk.begin(call, "TaskGroup", RUNNING)
    works = [
        asyncio.ensure_future(_run_item(graph, item, _call_of(graph, item, (group.id,)), scope))
        for item in items
    ]
    try:
        await asyncio.gather(*works)
    except BaseException:
        for work in works:
            work.cancel()
        raise
    phase = SUCCEEDED
    for item in items:
        node = graph.node(str(item["name"]))
        if node is not None and node.bad:
            phase = node.phase
    walk.mark(group, phase)


async def _run_item(graph: Graph, task: Tree, call: Call, scope: Scope) -> None:
    flow, walk = graph.flow, graph.flow.walk
    when = str(task.get("when") or "")
    try:
        if not evaluate_when(when):
            walk.begin(call, "Skipped", SKIPPED, f"when '{when}' evaluated false")
            return
    except ExpressionError as error:
        walk.begin(call, "Skipped", ERROR, str(error))
        return
    call = call.below(holder=task, arguments=task.get("arguments") or {})
    try:
        await run_hooked(Hooked(walk, call, "tasks", str(task["name"]), scope, flow.execute))
    except NodeFailed as error:
        walk.mark(error.node, ERROR, f"task '{call.node_name}' errored: {error}")
    except PROBLEMS as error:
        walk.fail_call(call, str(error))


def _call_of(graph: Graph, task: Tree, parents: tuple[str, ...]) -> Call:
    flow, name = graph.flow, str(task["name"])
    return Call(
        node_name=f"{flow.call.node_name}.{name}",
        holder=task,
        context=flow.context,
        arguments=task.get("arguments") or {},
        boundary=flow.node.id,
        on_exit=flow.call.on_exit,
        family="tasks",
        wants_result=flow.wants_result(name),
        depth=flow.call.depth + 1,
        deadline=flow.call.deadline,
        parallelism=flow.parallelism,
        parents=parents,
    )


def _parents(graph: Graph, logic: Depends) -> tuple[str, ...]:
    if not logic.names:
        return (graph.flow.node.id,)
    nodes = graph.flow.walk.nodes
    before = [node for name in logic.names if (node := graph.node(name)) is not None]
    return tuple(dict.fromkeys(one for node in before for one in nodes.outbound_of(node)))


def _answers(graph: Graph, name: str, result: str) -> bool:
    """How a task answers one result of a condition."""
    node = graph.node(name)
    if node is None:
        return False
    if result == "Daemoned":
        return node.daemoned
    if result in PHASE_OF:
        return node.phase == PHASE_OF[result]
    nodes = graph.flow.walk.nodes.nodes
    phases = [nodes[child].phase for child in node.children if child in nodes]
    if node.type != "TaskGroup" or not phases:
        return False
    if result == "AnySucceeded":
        return SUCCEEDED in phases
    return all(phase == FAILED for phase in phases)


def _add_task(graph: Graph, scope: Scope, name: str) -> None:
    """What others may name of a task that has ended."""
    flow, walk = graph.flow, graph.flow.walk
    node = graph.node(name)
    assert node is not None, f"task {name} has ended without a node"
    key = f"tasks.{name}"
    if node.type == "TaskGroup":
        prefix = f"{node.name}("
        inside = walk.nodes.children_of(flow.node.id)
        aggregate(scope, key, [each for each in inside if each.name.startswith(prefix)])
    scope.add_node("tasks", name, walk.nodes.last_attempt(node))
    found = (walk.plan, flow.context, graph.tasks[name])
    add_skipped(scope, key, node, found, artifacts=False)


def _after(nodes: NodeTreeState, node: Node) -> list[str]:
    """Where the walk goes from a node: past the attempts of one that was retried."""
    if node.type != "Retry":
        return node.children
    found: list[str] = []
    for child in reversed(node.children):
        attempt = nodes.nodes[child]
        found += [child] if attempt.hooked else attempt.children
    return found


def _phase(graph: Graph, targets: list[str]) -> str:
    """The phase of a DAG whose tasks have ended: a walk from its node that carries phases."""
    walk, boundary = graph.flow.walk, graph.flow.node
    if walk.control.shutdown and not graph.flow.call.on_exit:
        return FAILED
    nodes = walk.nodes
    found: dict[str, str] = {nodes.id_of(f"{boundary.name}.{name}"): "" for name in targets}
    pending = deque((child, SUCCEEDED) for child in boundary.children)
    seen = set(pending)
    while pending:
        node_id, branch = pending.popleft()
        node = nodes.nodes[node_id]
        if node.ended:
            branch = node.phase
        if node_id in found and found[node_id] not in BAD:
            found[node_id] = branch
        for child in _after(nodes, node):
            if (child, branch) not in seen:
                seen.add((child, branch))
                pending.append((child, branch))
    result = SUCCEEDED
    fail_fast = (graph.flow.template.get("dag") or {}).get("failFast") is not False
    for name in targets:
        branch = found[nodes.id_of(f"{boundary.name}.{name}")]
        if branch in BAD and not continues_on(graph.tasks[name], branch):
            result = branch
            if fail_fast:
                break
    return result
