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
from polyrhythm.sdk.values import Converter

__all__ = [
    "PROGRESS",
    "Problem",
    "Progress",
    "Signature",
    "Signatures",
    "add_canvas",
    "chain",
    "chord",
    "each",
    "group",
]


def add_canvas(registry: Registry, converter: Converter) -> None:
    """Declare what walks canvases, in an application that has tasks."""
    if registry.tasks and CANVAS_WORKFLOW not in registry.workflows:
        registry.add_workflow(CANVAS)
        if BATCH_TASK not in registry.tasks:
            registry.add_task(batch_of(registry, converter))
