"""Why a run is where it is: what it waits for, what is in its way, what to do about it.

Read from what any service says of a run, of the queues that its work waits in, and of its history:
nothing is known here that a Temporal server would not tell.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import (
    EventType,
    PendingActivityState,
    PendingWorkflowTaskState,
    TaskQueueType,
    WorkflowExecutionStatus,
)
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice import v1 as ws

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.cli.workflow_text import harmless
from polyrhythm.sdk.client.session import Session

_WORKFLOW = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
_ACTIVITY = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
_RUNNING = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
_PAUSED = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED
CAUSES_SHOWN = 10
WHY_MAX = 1000


@dataclass(slots=True)
class Reason:
    """One thing that a run waits for, or that ended it: `what`, `why`, and what helps, if anything
    has to be done."""

    what: str
    why: str
    todo: str = ""


@dataclass(slots=True)
class Explained:
    """A run, its status, and the reasons for it."""

    workflow_id: str
    run_id: str
    status: str
    reasons: list[Reason]

    def tree(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """As text has it."""
        yield f"{harmless(self.workflow_id)} ({self.run_id}): {self.status.lower()}"
        for reason in self.reasons:
            yield f"- {harmless(reason.what)}: {harmless(reason.why, WHY_MAX)}"
            if reason.todo:
                yield f"  {harmless(reason.todo)}"


@dataclass(slots=True)
class Past:
    """What a history says that a description does not: timers that are open, by event; why the
    newest workflow task failed; how the run ended."""

    timers: dict[int, tuple[str, float]]
    task_failure: str = ""
    ending: str = ""


async def explain(session: Session, workflow_id: str, run_id: str, now_s: float) -> Explained:
    """Return why a run is where it is. Raises an error of `base.errors`."""
    asked = ws.DescribeWorkflowExecutionRequest(namespace=session.namespace)
    asked.execution.workflow_id, asked.execution.run_id = workflow_id, run_id
    found = await session.call(
        "DescribeWorkflowExecution", asked, ws.DescribeWorkflowExecutionResponse
    )
    info = found.workflow_execution_info
    past = Past({})
    async for event in _events(session, info.execution):
        _note(past, event)
    status = WorkflowExecutionStatus.Name(info.status).removeprefix("WORKFLOW_EXECUTION_STATUS_")
    reasons = []
    if info.status not in (_RUNNING, _PAUSED):
        reasons.append(Reason("the run", f"it has ended: {past.ending or status.lower()}"))
    else:
        if info.status == _PAUSED:
            reasons.append(Reason("the run", "it is paused", "unpause it"))
        reasons += await _waits(session, found, past, now_s)
    return Explained(info.execution.workflow_id, info.execution.run_id, status, reasons)


async def _waits(session: Session, found: Any, past: Past, now_s: float) -> list[Reason]:
    info, reasons = found.workflow_execution_info, []
    begins_s = _seconds(info.execution_time)
    if begins_s > now_s:
        why = f"its first task waits for {_span(begins_s - now_s)}: a delay, a back-off or its cron"
        reasons.append(Reason("the run", why))
    elif found.HasField("pending_workflow_task"):
        reasons.append(await _workflow_task(session, found, past, now_s))
    reasons += [
        await _activity(session, one, info.task_queue, now_s) for one in found.pending_activities
    ]
    for name, due_s in past.timers.values():
        reasons.append(Reason(f"timer {name}", f"it fires in {_span(due_s - now_s)}"))
    for child in found.pending_children:
        name = f"child {child.workflow_id} ({child.workflow_type_name})"
        reasons.append(Reason(name, "it has not ended", f"explain {child.workflow_id}"))
    if not reasons:
        why = "nothing of it is pending: its code waits for a signal, an update or a condition"
        reasons.append(Reason("the run", why, "send what it waits for"))
    return reasons


async def _workflow_task(session: Session, found: Any, past: Past, now_s: float) -> Reason:
    task, info = found.pending_workflow_task, found.workflow_execution_info
    failed, todo = "", ""
    if task.attempt > 1:
        often = "once" if task.attempt == 2 else f"{task.attempt - 1} times"
        failed = f"; it has failed {often}"
        failed += f", at last: {past.task_failure}" if past.task_failure else ""
        todo = "mend the workflow's code and start its workers again, or reset the run"
    if task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED:
        since = _span(now_s - _seconds(task.started_time))
        return Reason("its workflow task", f"a worker has had it for {since}{failed}", todo)
    why, start = await _queue(session, info.task_queue, _WORKFLOW, _version(info))
    return Reason("its workflow task", why + failed, start or todo)


async def _activity(
    session: Session, activity: PendingActivityInfo, queue: str, now_s: float
) -> Reason:
    name = f"activity {activity.activity_type.name} ({activity.activity_id})"
    failed = f" after: {_failure(activity.last_failure)}" if activity.attempt > 1 else ""
    states = PendingActivityState
    if activity.paused or activity.state == states.PENDING_ACTIVITY_STATE_PAUSED:
        return Reason(name, "it is paused", "unpause it")
    if activity.state != states.PENDING_ACTIVITY_STATE_SCHEDULED:
        since = _span(now_s - _seconds(activity.last_started_time))
        who = activity.last_worker_identity or "a worker"
        return Reason(name, f"attempt {activity.attempt} runs at {who} for {since}{failed}")
    next_s = _seconds(activity.next_attempt_schedule_time)
    if next_s > now_s:
        return Reason(name, f"attempt {activity.attempt} begins in {_span(next_s - now_s)}{failed}")
    own = activity.activity_options.task_queue.name or queue
    why, start = await _queue(session, own, _ACTIVITY, "")
    return Reason(name, why + failed, start)


async def _queue(session: Session, queue: str, kind: Any, build_id: str) -> tuple[str, str]:
    """Return why work waits in a queue, and what helps."""
    request = ws.DescribeTaskQueueRequest(namespace=session.namespace, task_queue_type=kind)
    request.task_queue.name = queue
    request.report_stats = True
    try:
        answer = await session.call("DescribeTaskQueue", request, ws.DescribeTaskQueueResponse)
    except PolyrhythmError as error:
        return f"it waits in the queue {queue}, of which nothing is known: {error.message}", ""
    pollers = answer.pollers
    if not pollers:
        return f"no worker polls the queue {queue}", f"start a worker for the queue {queue}"
    fitting = [one for one in pollers if one.deployment_options.build_id == build_id]
    if build_id and not fitting:
        return (
            f"the run is of version {build_id}, and no worker of it polls the queue {queue}",
            f"start a worker of version {build_id}, or move the run to another",
        )
    backlog = answer.stats.approximate_backlog_count
    return f"it waits in the queue {queue} ({backlog} there, {len(pollers)} poll it)", ""


async def _events(session: Session, execution: Any) -> AsyncIterator[HistoryEvent]:
    request = ws.GetWorkflowExecutionHistoryRequest(namespace=session.namespace)
    request.execution.CopyFrom(execution)
    while True:
        page = await session.call(
            "GetWorkflowExecutionHistory", request, ws.GetWorkflowExecutionHistoryResponse
        )
        for event in page.history.events:
            yield event
        request.next_page_token = page.next_page_token
        if not page.next_page_token:
            return


def _note(past: Past, event: HistoryEvent) -> None:
    match event.event_type:
        case EventType.EVENT_TYPE_TIMER_STARTED:
            timer = event.timer_started_event_attributes
            span_s = timer.start_to_fire_timeout.seconds + timer.start_to_fire_timeout.nanos / 1e9
            past.timers[event.event_id] = (timer.timer_id, _seconds(event.event_time) + span_s)
        case EventType.EVENT_TYPE_TIMER_FIRED:
            past.timers.pop(event.timer_fired_event_attributes.started_event_id, None)
        case EventType.EVENT_TYPE_TIMER_CANCELED:
            past.timers.pop(event.timer_canceled_event_attributes.started_event_id, None)
        case EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            past.task_failure = _failure(event.workflow_task_failed_event_attributes.failure)
        case EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            past.task_failure = ""
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
            past.ending = _failure(event.workflow_execution_failed_event_attributes.failure)
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
            terminated = event.workflow_execution_terminated_event_attributes
            by = f" by {terminated.identity}" if terminated.identity else ""
            past.ending = f"terminated{by}" + (
                f": {terminated.reason}" if terminated.reason else ""
            )
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
            past.ending = "its time was over"


def _failure(failure: Failure) -> str:
    """Return what went wrong, from the outside to its cause."""
    return ": ".join(one for one in _messages(failure) if one)


def _messages(failure: Failure) -> Iterator[str]:
    for _ in range(CAUSES_SHOWN):
        yield failure.message
        if not failure.HasField("cause"):
            return
        failure = failure.cause


def _version(info: Any) -> str:
    return str(info.versioning_info.deployment_version.build_id)


def _seconds(stamp: Timestamp) -> float:
    return stamp.seconds + stamp.nanos / 1e9


def _span(seconds: float) -> str:
    """Return a span for people: the two largest units."""
    left = max(0, round(seconds))
    parts = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "less than a second"
