"""Steps: groups one after the other, the steps of a group side by side.

A group's node has the steps' nodes as children; the next group hangs on what was last in this one.
A group that was unsuccessful ends the steps.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.dialects.argo.expressions import evaluate_when
from polyrhythm.dialects.argo.model.flows import step_groups
from polyrhythm.dialects.argo.walk.daemons import close_daemons
from polyrhythm.dialects.argo.walk.hooks import Execute, Hooked, run_hooked
from polyrhythm.dialects.argo.walk.loops import expand, has_loop
from polyrhythm.dialects.argo.walk.nodes import (
    ERROR,
    FAILED,
    RUNNING,
    SKIPPED,
    SUCCEEDED,
    Node,
    Tree,
)
from polyrhythm.dialects.argo.walk.plan import Context
from polyrhythm.dialects.argo.walk.references import (
    add_skipped,
    names_result,
    resolve,
    resolve_outputs,
)
from polyrhythm.dialects.argo.walk.scope import Scope, ScopeError, aggregate
from polyrhythm.dialects.argo.walk.walk import Call, NodeFailed, Walk

PROBLEMS = (ScopeError, PolyrhythmError)


@dataclass(slots=True)
class Flow:
    """One template of steps, or one DAG, that is walked."""

    walk: Walk
    call: Call
    context: Context
    template: Tree
    node: Node
    scope: Scope
    execute: Execute
    parallelism: asyncio.Semaphore | None
    # Whether the template names the result of a step or task, by its name.
    named: dict[str, bool] = field(default_factory=dict)

    def wants_result(self, name: str) -> bool:
        """Whether the template names the result of a step or task, or of its items."""
        base = name.split("(")[0]
        if base not in self.named:
            self.named[base] = names_result(self.template, base)
        return self.named[base]


def open_flow(
    walk: Walk, call: Call, found: tuple[Context, Tree], kind: str, execute: Execute
) -> Flow:
    """The node of steps or of a DAG, with what their children share."""
    context, template = found
    node = walk.begin(call, kind, RUNNING)
    node.inputs = template.get("inputs")
    limit = template.get("parallelism")
    room = asyncio.Semaphore(int(limit)) if limit else None
    return Flow(walk, call, context, template, node, walk.scope_of(template), execute, room)


async def run_steps(
    walk: Walk, call: Call, context: Context, template: Tree, execute: Execute
) -> Node:
    """Run steps to their end. Raises NodeFailed when their outputs cannot be made."""
    flow = open_flow(walk, call, (context, template), "Steps", execute)
    node, last = flow.node, None
    groups = step_groups(template)
    for index, steps in enumerate(groups):
        group = _begin_group(flow, index, last)
        await _run_group(flow, group, steps)
        node.outbound = _outbound(flow, group)
        if group.bad:
            await close_daemons(walk, node)
            return walk.mark(node, FAILED, group.message)
        try:
            for step in steps:
                _add_to_scope(flow, group, step)
        except PROBLEMS as error:
            raise walk.fail_call(call, str(error)) from None
        last = group
    return await finish_flow(flow)


async def finish_flow(flow: Flow) -> Node:
    """Make the outputs of steps or of a DAG that succeeded. Raises NodeFailed."""
    walk, node = flow.walk, flow.node
    try:
        outputs = resolve_outputs(flow.template, flow.scope, walk.values)
    except PROBLEMS as error:
        await close_daemons(walk, node)
        raise walk.fail_call(flow.call, str(error)) from None
    if outputs is not None:
        node.outputs = outputs
        walk.export(outputs)
    await close_daemons(walk, node)
    return walk.mark(node, SUCCEEDED)


def _begin_group(flow: Flow, index: int, last: Node | None) -> Node:
    nodes = flow.walk.nodes
    if last is None:
        parents = [flow.node.id]
    elif not last.children:
        parents = [last.id]
    else:
        children = [nodes.nodes[child] for child in last.children]
        parents = [one for child in children for one in nodes.outbound_of(child)]
    call = flow.call.below(
        node_name=f"{flow.call.node_name}[{index}]",
        holder={},
        context=flow.context,
        boundary=flow.node.id,
        hooked=False,
        retried=False,
        parents=tuple(dict.fromkeys(parents)),
    )
    return flow.walk.begin(call, "StepGroup", RUNNING)


def _outbound(flow: Flow, group: Node) -> list[str]:
    nodes = flow.walk.nodes
    return [one for child in group.children for one in nodes.outbound_of(nodes.nodes[child])]


async def _run_group(flow: Flow, group: Node, steps: list[Tree]) -> None:
    walk = flow.walk
    try:
        resolved = [resolve(step, flow.scope, walk.values) for step in steps]
    except PROBLEMS as error:
        walk.mark(group, ERROR, f"failed to resolve references: {error}")
        return
    works: list[asyncio.Future[Node]] = []
    calls: list[Tree] = []
    try:
        for step in _expanded(flow, group, resolved):
            call = _call_of(flow, group, step)
            if not evaluate_when(str(step.get("when") or "")):
                walk.begin(call, "Skipped", SKIPPED, f"when '{step['when']}' evaluated false")
                continue
            family, name = "steps", str(step["name"])
            hooked = Hooked(walk, call, family, name, flow.scope, flow.execute)
            works.append(asyncio.ensure_future(run_hooked(hooked)))
            calls.append(step)
    except PROBLEMS as error:
        await _settle(works)
        if step_call := walk.nodes.named(group.name):
            walk.mark(step_call, ERROR, str(error))
        return
    _judge(flow, group, list(zip(calls, await _settle(works), strict=True)))


async def _settle(works: list[asyncio.Future[Node]]) -> list[Node | BaseException]:
    """What every work ended as; when this run is cancelled, they are too."""
    try:
        return list(await asyncio.gather(*works, return_exceptions=True))
    except asyncio.CancelledError:
        for work in works:
            work.cancel()
        raise


def _expanded(flow: Flow, group: Node, steps: list[Tree]) -> list[Tree]:
    made = []
    values = flow.scope.over(flow.walk.values)
    for step in steps:
        if not has_loop(step):
            made.append(step)
            continue
        items = expand(step, values)
        if not items:
            call = _call_of(flow, group, step)
            flow.walk.begin(call, "Skipped", SKIPPED, "Skipped, empty params")
        made += items
    return made


def _call_of(flow: Flow, group: Node, step: Tree) -> Call:
    name = str(step["name"])
    return Call(
        node_name=f"{group.name}.{name}",
        holder=step,
        context=flow.context,
        arguments=step.get("arguments") or {},
        boundary=flow.node.id,
        on_exit=flow.call.on_exit,
        family="steps",
        wants_result=flow.wants_result(name),
        depth=flow.call.depth + 1,
        deadline=flow.call.deadline,
        parallelism=flow.parallelism,
        parents=(group.id,),
    )


def _judge(flow: Flow, group: Node, ended: list[tuple[Tree, Node | BaseException]]) -> None:
    """Mark a group by how its steps have ended."""
    walk = flow.walk
    for step, outcome in ended:
        if isinstance(outcome, NodeFailed):
            name = f"{group.name}.{step['name']}"
            text = f"step group deemed errored due to child {name} error: {outcome}"
            walk.mark(group, ERROR, text)
            return
        if isinstance(outcome, PROBLEMS):
            walk.mark(group, ERROR, str(outcome))
            return
        if isinstance(outcome, BaseException):
            raise outcome
    for step, node in ended:
        assert isinstance(node, Node)
        if node.bad and not continues_on(step, node.phase):
            walk.mark(group, FAILED, f"child '{node.id}' failed")
            return
    walk.mark(group, SUCCEEDED)


def continues_on(step: Tree, phase: str) -> bool:
    """Whether a step's own `continueOn` excuses how it ended."""
    excuse = step.get("continueOn") or {}
    return bool(excuse.get("error" if phase == ERROR else "failed"))


def _add_to_scope(flow: Flow, group: Node, step: Tree) -> None:
    """What later groups may name of a step of this one."""
    walk, name = flow.walk, str(step["name"])
    node = walk.nodes.named(f"{group.name}.{name}")
    key = f"steps.{name}"
    if node is None:
        prefix = f"{group.name}.{name}("
        children = [
            each
            for each in walk.nodes.children_of(flow.node.id)
            if each.name.startswith(prefix) and each.type != "Skipped"
        ]
        aggregate(flow.scope, key, children)
        flow.scope.add_node("steps", name, group)
        return
    flow.scope.add_node("steps", name, walk.nodes.last_attempt(node))
    found = (walk.plan, flow.context, step)
    add_skipped(flow.scope, key, node, found, artifacts=True)
