"""Many short calls of one task as one durable task: `map`, `starmap` and the parts of `chunks`.

One attempt calls the function for every item, one after another, and reports what it has: after a
failure or a crash the next attempt goes on behind the items that were reported, at most a second's
work is done twice. What the attempt may ask of `task` is that of the whole batch.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from polyrhythm.sdk.declare.registry import Registry
from polyrhythm.sdk.declare.verbs import define_task
from polyrhythm.sdk.definitions import Signature, TaskDefinition, TaskKind
from polyrhythm.sdk.errors import Permanent
from polyrhythm.sdk.task import TASK
from polyrhythm.sdk.values import Converter

BATCH_TASK = "polyrhythm.canvas.batch"
# What is reported more often than this only costs.
REPORT_S = 1.0


def batch_of(registry: Registry, converter: Converter) -> TaskDefinition:
    """Return the task that runs batches of an application's tasks."""

    async def batch(task: str, items: list[list[Any]]) -> list[Any]:
        definition = registry.tasks.get(task)
        if definition is None:
            raise Permanent(f"this worker has no task {task!r}", type="TaskNotFound")
        results: list[Any] = TASK.last_heartbeat(list) or []
        reported_s = time.monotonic()
        for args in items[len(results) :]:
            payloads = converter.encode_values(args)
            values = converter.decode_all(payloads, definition.signature)
            value = await _call(definition, values)
            results.append(converter.decode(converter.encode(value)))
            if time.monotonic() - reported_s >= REPORT_S or TASK.is_cancelled:
                TASK.heartbeat(results)
                reported_s = time.monotonic()
        return results

    return define_task(batch, {"name": BATCH_TASK})


def batch_definition() -> TaskDefinition:
    """Return the batch task as its callers know it."""
    signature = Signature(("task", "items"), (str, list[list[Any]]), result=list[Any])
    return TaskDefinition(BATCH_TASK, _elsewhere, TaskKind.LOOP, signature)


async def _call(definition: TaskDefinition, values: list[Any]) -> Any:
    function: Callable[..., Any] = definition.function
    if definition.kind is TaskKind.LOOP:
        work: Awaitable[Any] = function(*values)
        return await work
    return await asyncio.to_thread(function, *values)


def _elsewhere() -> None:
    """Stand for a function that this process need not have."""
