"""Hooks: templates that run beside or after a node, because of how it is or has ended.

A hook with an expression runs once, as soon as the expression holds while its node is under way or
right when it has ended; `exit` runs after a node that has ended. What waits for a node waits for
its hooks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from polyrhythm.dialects.argo.expressions import ExpressionError, evaluate, substitute
from polyrhythm.dialects.argo.model.yaml_text import Tree
from polyrhythm.dialects.argo.walk.nodes import Node
from polyrhythm.dialects.argo.walk.references import resolve_artifacts
from polyrhythm.dialects.argo.walk.scope import Scope
from polyrhythm.dialects.argo.walk.walk import Call, Walk
from polyrhythm.sdk import wf

EXIT = "exit"
Execute = Callable[[Walk, Call], Awaitable[Node]]


@dataclass(slots=True)
class Hooked:
    """A node with hooks: how it is called among its siblings, and what its hooks may name."""

    walk: Walk
    call: Call
    # `steps` or `tasks`, and the name there.
    family: str
    name: str
    scope: Scope
    execute: Execute


async def run_hooked(hooked: Hooked) -> Node:
    """Run a call with its hooks; it has ended when they have. Raises NodeFailed."""
    holder = hooked.call.holder
    hooks: Tree = holder.get("hooks") or {}
    others = {name: hook for name, hook in hooks.items() if name != EXIT}
    watching = [asyncio.ensure_future(_watch(hooked, name, others[name])) for name in others]
    try:
        node = await hooked.execute(hooked.walk, hooked.call)
        for watch in watching:
            await watch
    finally:
        for watch in watching:
            watch.cancel()
    if node.ended:
        await run_exit(hooked, node, exit_hook(hooks, holder.get("onExit")))
    return node


def exit_hook(hooks: Tree | None, on_exit: str | None) -> Tree | None:
    """The exit hook of a step, a task or a workflow, in either spelling."""
    found: Tree | None = (hooks or {}).get(EXIT)
    if found is not None:
        return found
    return {"template": on_exit} if on_exit else None


async def run_exit(hooked: Hooked, node: Node, hook: Tree | None) -> Node | None:
    """Run the exit hook of a node that has ended; None when there is none to run."""
    walk = hooked.walk
    if hook is None or not walk.control.may_execute(True):
        return None
    scope = _scope_at(hooked, node)
    if hook.get("expression") and not _holds(hook["expression"], scope, walk):
        return None
    return await _run(hooked, (f"{node.name}.onExit", node), hook, scope, on_exit=True)


async def _watch(hooked: Hooked, name: str, hook: Tree) -> None:
    walk = hooked.walk
    expression = str(hook.get("expression") or "")
    if not expression:
        raise ExpressionError(f"Expression required for hook {hooked.call.node_name}.hooks.{name}")

    def due() -> bool:
        node = walk.nodes.named(hooked.call.node_name)
        if node is None:
            return False
        return node.fulfilled or _holds(expression, _scope_at(hooked, node), walk)

    await wf.wait_for(due)
    node = walk.nodes.named(hooked.call.node_name)
    assert node is not None
    scope = _scope_at(hooked, node)
    if _holds(expression, scope, walk):
        await _run(hooked, (f"{node.name}.hooks.{name}", node), hook, scope, on_exit=False)


def _scope_at(hooked: Hooked, node: Node) -> Scope:
    """What a hook may name now: what its siblings may, and the node itself."""
    scope = Scope(dict(hooked.scope.values), dict(hooked.scope.artifacts))
    last = hooked.walk.nodes.last_attempt(node)
    scope.add_node(hooked.family, hooked.name, last)
    scope.values[f"{hooked.family}.{hooked.name}.status"] = node.phase
    return scope


def _holds(expression: str, scope: Scope, walk: Walk) -> bool:
    return evaluate(expression, scope.environment(walk.values)) is True


async def _run(
    hooked: Hooked, place: tuple[str, Node], hook: Tree, scope: Scope, *, on_exit: bool
) -> Node:
    walk, (name, node) = hooked.walk, place
    arguments: Tree = hook.get("arguments") or {}
    if arguments:
        arguments = substitute(scope.mark_absent(arguments), scope.over(walk.values))
        arguments = resolve_artifacts(arguments, scope, walk.values)
    holder = {key: hook[key] for key in ("template", "templateRef") if hook.get(key)}
    call = hooked.call.below(
        node_name=name,
        holder=holder,
        arguments=arguments,
        hooked=True,
        on_exit=on_exit or hooked.call.on_exit,
        parents=(node.id,),
        parallelism=None,
        family="steps",
        depth=hooked.call.depth + 1,
    )
    return await hooked.execute(walk, call)
