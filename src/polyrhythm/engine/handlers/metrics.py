"""Figures of the lane for operators: what was asked, what waits, what is kept in memory.

Names are those of the Temporal server's metrics where it has one that means the same. Depths of
queues are counted in the store when somebody asks.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import TaskQueueType

from polyrhythm.api import service as api
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.base.work import WorkKind
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk, Memory

# Each is a count over an index; queues past these are left out, in the order of their names.
QUEUES_MAX = 1000
TASK_TYPES = {
    int(WorkKind.WORKFLOW_TASK): "Workflow",
    int(WorkKind.ACTIVITY): "Activity",
}
assert int(WorkKind.ACTIVITY) == TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY


def get_metrics(desk: Desk, call: Call) -> None:
    """Answer with all figures."""
    answer = api.GetMetricsResponse()
    memory = desk.memory
    _add_calls(answer, memory)
    _add_memory(answer, memory)
    _add_queues(answer, desk)
    desk.turn.answer(call.reply, answer)


def _add(answer: api.GetMetricsResponse, name: str, value: float, **labels: str) -> None:
    metric = answer.metrics.add()
    metric.name = name
    metric.value = value
    metric.labels.update(labels)


def _add_calls(answer: api.GetMetricsResponse, memory: Memory) -> None:
    for method, count in sorted(memory.tally.requests.items()):
        _add(answer, "service_requests", count, operation=method)
    for (method, error), count in sorted(memory.tally.refusals.items()):
        error_type = f"serviceerror_{error}"
        _add(answer, "service_error_with_type", count, operation=method, error_type=error_type)


def _add_memory(answer: api.GetMetricsResponse, memory: Memory) -> None:
    _add(answer, "polyrhythm_log_position", memory.world.store.position_last())
    _add(answer, "polyrhythm_calls_queued", len(memory.inbox))
    _add(answer, "polyrhythm_calls_waiting", memory.waiters.count_live())
    _add(answer, "polyrhythm_runs_cached", len(memory.world.cache))
    _add(answer, "polyrhythm_namespaces", len(memory.registry.names))
    _add(answer, "polyrhythm_store_full", 1 if memory.space.full else 0)


def _add_queues(answer: api.GetMetricsResponse, desk: Desk) -> None:
    store, registry = desk.memory.world.store, desk.memory.registry
    names = {one.key: one.name for one in registry.all()}
    for key, kind, queue, _ in store.scan_work_queues()[:QUEUES_MAX]:
        if key not in names or kind not in TASK_TYPES:
            continue
        lines = store.count_work(key, kind, queue)
        labels = {"namespace": names[key], "taskqueue": queue, "task_type": TASK_TYPES[kind]}
        _add(answer, "approximate_backlog_count", sum(line.count for line in lines), **labels)
        since_ns = min((line.since_ns for line in lines), default=desk.now_ns)
        age_s = max(desk.now_ns - since_ns, 0) / SECOND_NS
        _add(answer, "approximate_backlog_age_seconds", age_s, **labels)
