"""One template from its arguments to its end: what `executeTemplate` is in Argo.

The order is Argo's: resolve, fill, wait for a place, lock, remember, retry, run by type. It returns
the node once it is fulfilled; NodeFailed says that the template could not begin.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.base.limits import RECURSION_MAX
from polyrhythm.dialects.argo.model.templates import PODS, template_type
from polyrhythm.dialects.argo.walk.arguments import ArgumentError, fill
from polyrhythm.dialects.argo.walk.dag import run_dag
from polyrhythm.dialects.argo.walk.nodes import ERROR, RUNNING, Node, Tree
from polyrhythm.dialects.argo.walk.plan import Context, PlanError
from polyrhythm.dialects.argo.walk.pods import run_pod
from polyrhythm.dialects.argo.walk.retries import Attempts, attempt_values, decide_retry
from polyrhythm.dialects.argo.walk.scope import ScopeError
from polyrhythm.dialects.argo.walk.stepping import run_steps
from polyrhythm.dialects.argo.walk.suspending import run_suspend
from polyrhythm.dialects.argo.walk.walk import Call, NodeFailed, Walk
from polyrhythm.sdk import wf

TOO_DEEP = (
    "Maximum recursion depth exceeded. See https://argo-workflows.readthedocs.io/en/latest/"
    "scaling/#maximum-recursion-depth"
)
PROBLEMS = (PlanError, ArgumentError, ScopeError, PolyrhythmError)


async def execute(walk: Walk, call: Call) -> Node:
    """Run a call to its end. Raises NodeFailed."""
    if call.depth >= RECURSION_MAX:
        return walk.fail_call(call, TOO_DEEP).node
    await walk.until_resumed()
    try:
        context, template = walk.plan.resolve(call.holder, call.context)
    except PROBLEMS as error:
        raise walk.fail_call(call, str(error)) from None
    retried = walk.strategy(template) is not None
    # A pod is prepared once it has a place: ten thousand at once would hold the workflow's thread.
    room = nullcontext() if retried else _room(walk, template)
    async with call.parallelism or nullcontext(), room:
        try:
            local = _local_values(walk, call, template, with_pod=not retried)
            made = fill(template, call.arguments, {**walk.values, **local}, walk.plan.library)
        except PROBLEMS as error:
            raise walk.fail_call(call, str(error)) from None
        return await _run(walk, call, context, made)


def _room(walk: Walk, template: Tree) -> AbstractAsyncContextManager[None]:
    """A place for a pod; what holds pods needs none, or it would wait for itself."""
    return walk.places if template_type(template) in PODS else nullcontext()


def _local_values(walk: Walk, call: Call, template: Tree, *, with_pod: bool) -> dict[str, str]:
    seconds = (walk.now() - walk.began).total_seconds()
    values = {"node.name": call.node_name, "workflow.duration": f"{seconds:f}"}
    if call.family:
        values[f"{call.family}.name"] = str(call.holder.get("name") or "")
    if with_pod and template_type(template) in PODS:
        values["pod.name"] = walk.pod_name(call.node_name, template)
    return values


async def _run(walk: Walk, call: Call, context: Context, template: Tree) -> Node:
    strategy = walk.strategy(template)
    if strategy is None:
        return await _run_type(walk, call, context, template)
    node = walk.begin(call, "Retry", RUNNING)
    node.inputs = template.get("inputs")
    attempts = Attempts(walk, node, strategy)
    while True:
        name = f"{call.node_name}({len(attempts.nodes)})"
        inner = call.below(
            node_name=name, retried=True, deadline=attempts.deadline, parents=(node.id,)
        )
        try:
            known = {**walk.values, **attempt_values(attempts)}
            if template_type(template) in PODS:
                known["pod.name"] = walk.pod_name(name, template)
            async with _room(walk, template):
                made = fill(template, {}, known, walk.plan.library)
                last = await _run_type(walk, inner, context, made)
        except NodeFailed as error:
            last = error.node
        except PROBLEMS as error:
            last = walk.fail_call(inner, str(error)).node
        attempts.nodes.append(last)
        if last.daemoned:
            node.daemoned = True
        try:
            verdict = decide_retry(attempts)
        except PROBLEMS as error:
            raise walk.fail_call(call, str(error)) from None
        if verdict.phase:
            node.outputs = last.outputs
            return walk.mark(node, verdict.phase, verdict.message)
        if verdict.wait_s > 0:
            walk.mark(node, RUNNING, verdict.message)
            await wf.wait_for(lambda: bool(walk.control.shutdown), timeout=verdict.wait_s)
            walk.mark(node, RUNNING, "")


async def _run_type(walk: Walk, call: Call, context: Context, template: Tree) -> Node:
    kind = template_type(template)
    if kind in PODS:
        return await run_pod(walk, call, template)
    if kind == "steps":
        return await run_steps(walk, call, context, template, execute)
    if kind == "dag":
        return await run_dag(walk, call, context, template, execute)
    if kind == "suspend":
        return await run_suspend(walk, call, template)
    if not kind:
        raise walk.fail_call(call, f"Template '{template.get('name')}' missing specification")
    text = f"{kind} templates are not implemented"
    node = walk.begin(call, "Skipped", ERROR, text)
    raise NodeFailed(node, text)
