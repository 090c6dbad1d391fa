"""Canvas: chains, groups and chords of tasks, as task queues have them, walked by a durable run.

`signature.py` is what users put together, `plan.py` checks it and makes the tree of `wire.py`,
`walker.py` walks that. Knows the SDK and nothing below it.
"""

from polyrhythm.dialects.canvas.batch import BATCH_TASK, batch_of
from polyrhythm.dialects.canvas.problem import Problem
from polyrhythm.dialects.canvas.signature import (
    Signature,
    Signatures,
    chain,
    chord,
    each,
    group,
)
from polyrhythm.dialects.canvas.walker import CANVAS, CANVAS_WORKFLOW, PROGRESS, Progress
from polyrhythm.sdk.declare.registry import Registry
from polyrhythm.sdk.definitions import TaskDefinition, WorkflowDefinition
from polyrhythm.sdk.values import Converter

__all__ = [
    "PROGRESS",
    "Problem",
    "Progress",
    "Signature",
    "Signatures",
    "batching",
    "chain",
    "chord",
    "each",
    "group",
    "walking",
]


def walking(registry: Registry) -> dict[str, WorkflowDefinition]:
    """Return the workflows of an application and, where it has tasks, the one that walks canvases:
    no program names it, so the registry does not either."""
    if not registry.tasks:
        return registry.workflows
    return {**registry.workflows, CANVAS_WORKFLOW: CANVAS}


def batching(registry: Registry, converter: Converter) -> dict[str, TaskDefinition]:
    """Return the same of its tasks: with the one that runs batches of them."""
    if not registry.tasks:
        return registry.tasks
    return {**registry.tasks, BATCH_TASK: batch_of(registry, converter)}
