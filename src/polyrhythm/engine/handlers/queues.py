"""Calls about task queues: who polls them, what waits, a worker that says goodbye.

A queue's backlog is what the rows say of it, as of the last commit.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import (
    DescribeTaskQueueMode,
    RateLimitSource,
    TaskQueueKind,
    TaskQueueType,
)
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueueVersioningInfo
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueResponse,
    PollActivityTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    ResetStickyTaskQueueResponse,
    ShutdownWorkerResponse,
)

from polyrhythm.base.errors import NotFound
from polyrhythm.base.work import PRIORITY_DEFAULT, LineCount
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decision import Decision
from polyrhythm.core.durations import set_span
from polyrhythm.core.versions import fill_version, spell_old
from polyrhythm.engine.calls import Call
from polyrhythm.engine.deployments import Route
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.settings import load_settings, settle
from polyrhythm.engine.matching import POLLER_SHOWN_NS, QueueKind, QueueState
from polyrhythm.engine.throttle import SYSTEM_RATE

_ENHANCED = DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED


def describe_queue(desk: Desk, call: Call) -> None:
    """Answer with a queue's pollers and limits and, when asked, its backlog and settings."""
    request = call.request
    if request.api_mode == _ENHANCED:
        _describe_types(desk, call)
        return
    activity = request.task_queue_type == TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
    kind = QueueKind.ACTIVITY if activity else QueueKind.WORKFLOW
    queue = desk.memory.matching.queue(call.namespace.key, request.task_queue.name, kind)
    if not queue.settled:
        settle(desk, queue)
    answer = DescribeTaskQueueResponse()
    answer.pollers.extend(_pollers(desk, queue))
    rate, source = queue.throttle.rate()
    answer.effective_rate_limit.requests_per_second = rate
    answer.effective_rate_limit.rate_limit_source = RateLimitSource.ValueType(source)
    if request.task_queue.kind != TaskQueueKind.TASK_QUEUE_KIND_STICKY:
        route = desk.memory.deployments.space(call.namespace.key).route(queue.name, int(kind))
        _describe_route(answer.versioning_info, route)
    if request.report_stats or request.include_task_queue_status:
        store = desk.memory.world.store
        counts = store.count_work(call.namespace.key, int(kind), queue.name)
        if request.report_stats:
            _describe_backlog(desk, queue, counts, answer)
        if request.include_task_queue_status:
            answer.task_queue_status.backlog_count_hint = sum(line.count for line in counts)
            answer.task_queue_status.rate_per_second = rate
    if request.report_config:
        stored = load_settings(desk, queue)
        if stored.config:
            answer.config.MergeFromString(stored.config)
    desk.turn.answer(call.reply, answer)


def _describe_types(desk: Desk, call: Call) -> None:
    # By build id; workers without one are the only ones that this versioning knows here.
    request, answer = call.request, DescribeTaskQueueResponse()
    version = answer.versions_info[""]
    for queue_type in sorted(set(request.task_queue_types) & set(QueueKind)):
        kind = QueueKind(queue_type)
        queue = desk.memory.matching.queue(call.namespace.key, request.task_queue.name, kind)
        info = version.types_info[queue_type]
        if request.report_pollers:
            info.pollers.extend(_pollers(desk, queue))
        if request.report_stats:
            counts = desk.memory.world.store.count_work(call.namespace.key, queue_type, queue.name)
            backlog = DescribeTaskQueueResponse()
            _describe_backlog(desk, queue, counts, backlog)
            info.stats.CopyFrom(backlog.stats)
    desk.turn.answer(call.reply, answer)


def _pollers(desk: Desk, queue: QueueState) -> list[PollerInfo]:
    found = []
    for identity, (seen_ns, request) in queue.pollers.items():
        if desk.now_ns - seen_ns > POLLER_SHOWN_NS:
            continue
        poller = PollerInfo(identity=identity, rate_per_second=SYSTEM_RATE)
        set_span(poller.last_access_time, seen_ns)
        found.append(poller)
        if request is None:
            continue
        if isinstance(request, PollActivityTaskQueueRequest) and (
            request.task_queue_metadata.HasField("max_tasks_per_second")
        ):
            poller.rate_per_second = request.task_queue_metadata.max_tasks_per_second.value
        for field in ("worker_version_capabilities", "deployment_options"):
            if request.HasField(field):
                getattr(poller, field).CopyFrom(getattr(request, field))
    return found


def _describe_backlog(
    desk: Desk, queue: QueueState, counts: list[LineCount], answer: DescribeTaskQueueResponse
) -> None:
    # The default priority is there also when nothing waits.
    by_priority = answer.stats_by_priority_key
    by_priority[PRIORITY_DEFAULT].approximate_backlog_age.SetInParent()
    answer.stats.approximate_backlog_age.SetInParent()
    since_ns = min((line.since_ns for line in counts), default=desk.now_ns)
    set_span(answer.stats.approximate_backlog_age, max(0, desk.now_ns - since_ns))
    answer.stats.approximate_backlog_count = sum(line.count for line in counts)
    for line in counts:
        stats = by_priority[line.priority]
        stats.approximate_backlog_count = line.count
        set_span(stats.approximate_backlog_age, max(0, desk.now_ns - line.since_ns))
    for priority, flow in queue.flow.counts.items():
        added, handed = flow.rates(desk.now_ns)
        stats = by_priority[priority]
        stats.tasks_add_rate, stats.tasks_dispatch_rate = added, handed
        stats.approximate_backlog_age.SetInParent()
        answer.stats.tasks_add_rate += added
        answer.stats.tasks_dispatch_rate += handed


def shut_down_worker(desk: Desk, call: Call) -> None:
    """A worker leaves: its sticky queue's polls end now, its tasks go to the normal queue."""
    if call.request.HasField("worker_heartbeat"):
        last = call.request.worker_heartbeat
        desk.memory.fleet.record(call.namespace.key, [last], desk.now_ns)
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


def _describe_route(info: TaskQueueVersioningInfo, route: Route) -> None:
    info.current_version = spell_old(route.current)
    if route.current is not None:
        fill_version(info.current_deployment_version, route.current)
    set_span(info.update_time, route.current_ns)
    if route.ramping is None and not route.percentage:
        return
    info.ramping_version_percentage = route.percentage
    info.ramping_version = spell_old(route.ramping)
    if route.ramping is not None:
        fill_version(info.ramping_deployment_version, route.ramping)
    set_span(info.update_time, max(route.current_ns, route.ramping_ns))
