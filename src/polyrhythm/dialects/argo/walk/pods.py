"""A pod of a template: a durable task that runs its containers, and what its end means here.

The task's result says how it ended; it is recorded before anything else happens, so a node that is
recorded is never run again.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from polyrhythm.dialects.argo.model.templates import template_type
from polyrhythm.dialects.argo.model.yaml_text import Tree
from polyrhythm.dialects.argo.walk.containers import begin_containers
from polyrhythm.dialects.argo.walk.control import Flight
from polyrhythm.dialects.argo.walk.daemons import run_daemon
from polyrhythm.dialects.argo.walk.durations import parse_duration
from polyrhythm.dialects.argo.walk.nodes import ERROR, FAILED, PENDING, RUNNING, Node
from polyrhythm.dialects.argo.walk.walk import Call, Walk
from polyrhythm.sdk.errors import TaskError

# What Kubernetes says of a pod that was active for too long.
TOO_LONG = "Pod was active on the node longer than the specified deadline"


async def run_pod(walk: Walk, call: Call, template: Tree) -> Node:
    """Run the pod of a template to its end."""
    if not walk.control.may_execute(call.on_exit):
        node = walk.begin(call, "Pod", FAILED, _stopped(walk))
        node.inputs = template.get("inputs")
        return node
    if walk.pods is None:
        return await _run(walk, call, template)
    async with walk.pods:
        return await _run(walk, call, template)


async def _run(walk: Walk, call: Call, template: Tree) -> Node:
    node = walk.begin(call, "Pod", PENDING)
    node.inputs = template.get("inputs")
    node.pod_name = walk.pod_name(call.node_name, template)
    node.progress = "0/1"
    if not walk.control.may_execute(call.on_exit):
        return walk.mark(node, FAILED, _stopped(walk))
    left = seconds_left(walk, call, template, node)
    if left is not None and left <= 0:
        return walk.mark(node, FAILED, "Step exceeded its deadline")
    work = asyncio.ensure_future(walk.hands.run_pod(_job(walk, call, template, node, left)))
    walk.control.running[node.id] = flight = Flight(work, call.on_exit)
    walk.mark(node, RUNNING)
    begin_containers(walk, call, node, template)
    if template.get("daemon"):
        return await run_daemon(walk, node, flight)
    try:
        result = await work
    except asyncio.CancelledError:
        if not work.cancelled() or walk.control.suits(flight):
            raise
        return walk.mark(node, FAILED, TOO_LONG if walk.control.late else _stopped(walk))
    except TaskError as error:
        return walk.mark(node, ERROR, f"{error.cause or error}")
    finally:
        walk.control.running.pop(node.id, None)
    return _take(walk, node, result)


def _take(walk: Walk, node: Node, result: Tree) -> Node:
    """What a pod's result means for its node."""
    node.outputs = result.get("outputs") or None
    node.progress = str(result.get("progress") or "1/1")
    node.host = str(result.get("host") or "")
    node.usage = result.get("usage")
    walk.export(node.outputs)
    for name, ended in (result.get("containers") or {}).items():
        container = walk.nodes.named(f"{node.name}.{name}")
        if container is not None:
            container.outputs = {"exitCode": str(ended["exitCode"])}
            walk.mark(container, str(ended["phase"]), str(ended["message"]))
    if any(walk.nodes.nodes[child].type == "Container" for child in node.children):
        for container in walk.nodes.children_of(node.id):
            if container.type == "Container" and not container.fulfilled:
                walk.mark(container, str(result["phase"]), "")
    return walk.mark(node, str(result["phase"]), str(result.get("message") or ""))


def _stopped(walk: Walk) -> str:
    return f"workflow shutdown with strategy: {walk.control.shutdown}"


def seconds_left(walk: Walk, call: Call, template: Tree, node: Node) -> float | None:
    """Until the nearest deadline of a node: its template's, its retries', the workflow's."""
    now = walk.now()
    ends: list[datetime] = []
    if template.get("activeDeadlineSeconds"):
        ends.append(now + timedelta(seconds=parse_duration(template["activeDeadlineSeconds"])))
    if template.get("timeout"):
        ends.append((node.started or now) + timedelta(seconds=parse_duration(template["timeout"])))
    if call.deadline is not None:
        ends.append(call.deadline)
    if walk.deadline is not None and not call.on_exit:
        ends.append(walk.deadline)
    return (min(ends) - now).total_seconds() if ends else None


def _job(walk: Walk, call: Call, template: Tree, node: Node, left: float | None) -> Tree:
    """What the task is told: all that it needs, none of it by reference to this run."""
    spec = walk.plan.spec
    objects = walk.plan.library.objects
    kept = {kind: objects[kind] for kind in ("ConfigMap", "Secret") if kind in objects}
    return {
        "workflow": walk.plan.name,
        "namespace": str(walk.plan.metadata.get("namespace") or "default"),
        "uid": walk.uid,
        "node": node.id,
        "pod": node.pod_name,
        "type": template_type(template),
        "template": template,
        "volumes": [*(spec.get("volumes") or []), *(template.get("volumes") or [])],
        "claims": [
            str((claim.get("metadata") or {}).get("name"))
            for claim in spec.get("volumeClaimTemplates") or []
        ],
        "objects": kept if _uses_objects(spec, template) else {},
        "wants_result": call.wants_result,
        "timeout_s": left,
    }


def _uses_objects(spec: Tree, template: Tree) -> bool:
    text = f"{template}{spec.get('volumes')}"
    return any(word in text for word in ("onfigMap", "ecret"))
