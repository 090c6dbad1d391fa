"""Daemons: pods that others use while they run, and that end with the steps around them.

A daemon is fulfilled once its task has told that it is ready. One that ends by itself has failed,
whatever its exit code.
"""

from __future__ import annotations

import asyncio

from polyrhythm.dialects.argo.walk.control import Flight
from polyrhythm.dialects.argo.walk.nodes import FAILED, RUNNING, SUCCEEDED, Node
from polyrhythm.dialects.argo.walk.walk import Walk
from polyrhythm.sdk import wf
from polyrhythm.sdk.errors import TaskError


async def run_daemon(walk: Walk, node: Node, flight: Flight) -> Node:
    """Wait until a daemon is ready; it goes on after that."""
    control = walk.control
    try:
        await wf.wait_for(lambda: node.id in control.ready or flight.future.done())
    except asyncio.CancelledError:
        flight.future.cancel()
        raise
    if node.id not in control.ready:
        return _ended(walk, node, flight)
    node.daemoned = True
    node.pod_ip = control.ready[node.id]
    walk.mark(node, RUNNING)
    flight.watch = asyncio.ensure_future(_watch(walk, node, flight))
    return node


async def _watch(walk: Walk, node: Node, flight: Flight) -> None:
    await wf.wait_for(flight.future.done)
    if node.daemoned:
        node.daemoned = False
        _ended(walk, node, flight)


def _ended(walk: Walk, node: Node, flight: Flight) -> Node:
    walk.control.running.pop(node.id, None)
    if flight.future.cancelled():
        return walk.mark(node, FAILED, f"workflow shutdown with strategy: {walk.control.shutdown}")
    error = flight.future.exception()
    if isinstance(error, TaskError):
        return walk.mark(node, FAILED, f"{error.cause or error}")
    if error is not None:
        raise error
    result = flight.future.result()
    node.outputs = result.get("outputs") or None
    return walk.mark(node, FAILED, str(result.get("message") or "the daemon has ended"))


async def close_daemons(walk: Walk, boundary: Node) -> None:
    """End the daemons right inside of a boundary."""
    for node in list(walk.nodes.children_of(boundary.id)):
        if not node.daemoned:
            continue
        node.daemoned = False
        walk.mark(node, SUCCEEDED)
        flight = walk.control.running.pop(node.id, None)
        if flight is not None:
            flight.future.cancel()
