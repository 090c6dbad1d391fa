"""Where the tasks of a command go: its task queue and its priority, checked as the server does.

Source: NormalizeAndValidateUserDefined of the server's task queue ids, and its priorities. Each
function returns what is wrong, empty for nothing; the caller knows how the server wraps it.
"""

from __future__ import annotations

from temporalio.api.common.v1 import Priority
from temporalio.api.enums.v1 import task_queue_pb2 as queue_kinds
from temporalio.api.taskqueue.v1 import TaskQueue

from polyrhythm.base.limits import FAIRNESS_KEY_BYTES_MAX, Limits
from polyrhythm.core.state import RunState

_RESERVED_PREFIX = "/_sys/"
# The queue of the server's own workers.
_INTERNAL_QUEUE = "temporal-sys-per-ns-tq"


def queue_problem(queue: TaskQueue, state: RunState, limits: Limits) -> str:
    """Return why a run may not use this queue."""
    name = queue.name
    if not name:
        return "missing task queue name"
    if too_long(name, limits):
        return "taskQueue length exceeds limit"
    if name.startswith(_RESERVED_PREFIX):
        return f"task queue name cannot start with reserved prefix {_RESERVED_PREFIX}"
    if queue.kind == queue_kinds.TASK_QUEUE_KIND_STICKY and too_long(queue.normal_name, limits):
        return "taskQueue length exceeds limit"
    if name == _INTERNAL_QUEUE != state.task_queue:
        return (
            f"cannot use internal per-namespace task queue:{name}"
            f" (in parent component task queue: {state.task_queue})"
        )
    return ""


def priority_problem(priority: Priority) -> str:
    """Return why a priority is no priority."""
    if priority.priority_key < 0:
        return "priority key can't be negative"
    if len(priority.fairness_key.encode()) > FAIRNESS_KEY_BYTES_MAX:
        return "fairness key length exceeds limit"
    if priority.fairness_weight < 0:
        return "must be greater than zero"
    return ""


def too_long(value: str, limits: Limits) -> bool:
    """Whether an id takes more bytes than ids may."""
    # No character takes more than four bytes: short names need not be encoded to be counted.
    limit = limits.id_bytes_max
    return len(value) * 4 > limit and len(value.encode()) > limit
