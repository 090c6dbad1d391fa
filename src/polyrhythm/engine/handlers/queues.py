"""Calls about task queues: who polls them, what waits, a worker that says goodbye.

A queue's backlog is what memory holds and, when it is spilled, what the rows hold.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueResponse,
    PollWorkflowTaskQueueResponse,
    ResetStickyTaskQueueResponse,
    ShutdownWorkerResponse,
)

from polyrhythm.base.errors import NotFound
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decision import Decision
from polyrhythm.core.durations import set_span
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.matching import POLLER_SHOWN_NS, QueueKind


def describe_queue(desk: Desk, call: Call) -> None:
    """Answer with a queue's pollers and, when asked, its backlog."""
    request = call.request
    activity = request.task_queue_type == TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
    kind = QueueKind.ACTIVITY if activity else QueueKind.WORKFLOW
    queue = desk.memory.matching.queue(call.namespace.key, request.task_queue.name, kind)
    answer = DescribeTaskQueueResponse()
    for identity, seen_ns in queue.pollers.items():
        if desk.now_ns - seen_ns <= POLLER_SHOWN_NS:
            poller = answer.pollers.add()
            poller.identity = identity
            set_span(poller.last_access_time, seen_ns)
            poller.rate_per_second = 100_000.0
    store = desk.memory.world.store
    waiting = sum(
        line.count for line in store.count_work(call.namespace.key, int(kind), queue.name)
    )
    if request.report_stats:
        answer.stats.approximate_backlog_count = waiting
        answer.stats.approximate_backlog_age.SetInParent()
    if request.include_task_queue_status:
        answer.task_queue_status.backlog_count_hint = waiting
        answer.task_queue_status.rate_per_second = 100_000.0
    desk.turn.answer(call.reply, answer)


def shut_down_worker(desk: Desk, call: Call) -> None:
    """A worker leaves: its sticky queue's polls end now, its tasks go to the normal queue."""
    name = call.request.sticky_task_queue
    if name:
        matching = desk.memory.matching
        queue = matching.queue(call.namespace.key, name, QueueKind.WORKFLOW)
        while (poll := queue.take_poll()) is not None:
            desk.turn.answer(poll.reply, PollWorkflowTaskQueueResponse())
        queue.last_poll_ns = 0
    desk.turn.answer(call.reply, ShutdownWorkerResponse())


def reset_sticky(desk: Desk, call: Call) -> None:
    """Forget which worker caches a run."""
    run = desk.turn.find(call.namespace.key, call.request.execution)
    if not run.state.running:
        raise NotFound("workflow execution already completed")
    decision = Decision(run.state, desk.context(call.namespace))
    if run.state.sticky_queue:
        decision.write_speculative()
        tasks.set_sticky(decision, "", 0)
        # A task that waits on the sticky queue is nobody's any more, and has no timeout there.
        tasks.offer_task(decision)
    desk.turn.stage(run, decision)
    desk.turn.answer(call.reply, ResetStickyTaskQueueResponse())
