"""What the events of a run's life, its workflow tasks and its timers must obey.

One function an event type. An event counts when it is written or, while a worker holds the
workflow task, when it is buffered. Times are those the events carry: the clock of the turns.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.enums.v1 import EventType, ParentClosePolicy, TimeoutType
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.testing.auditor.finding import require
from polyrhythm.testing.auditor.ledger import Ledger
from polyrhythm.testing.auditor.view import RunView, TaskView, time_ns

CLOSES = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
    }
)
# Who terminates a run that a reset replaces: neither its parent nor its children are told.
RESETTER = "history-resetter"
BEATS_NS = 30 * 60 * 1_000_000_000


def _started(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    require(event.event_id == 1, "start", f"{view.name}: started by event {event.event_id}")
    started = event.workflow_execution_started_event_attributes
    view.start_ns = time_ns(event)
    view.task_queue = started.task_queue.name
    view.first_run_id = started.first_execution_run_id
    view.continued_from = started.continued_execution_run_id
    parent = started.parent_workflow_execution
    view.parent = (parent.workflow_id, parent.run_id, started.parent_initiated_event_id)
    view.chain_attempt, view.initiator = started.attempt, started.initiator
    view.retry_policy = started.retry_policy if started.HasField("retry_policy") else None
    view.cron = started.cron_schedule
    first_ns = view.first_due_ns = view.first_task_due_ns or view.start_ns
    view.run_timeout_ns = started.workflow_run_timeout.ToNanoseconds()
    view.execution_timeout_ns = started.workflow_execution_timeout.ToNanoseconds()
    view.execution_deadline_ns = started.workflow_execution_expiration_time.ToNanoseconds()
    view.run_deadline_ns = first_ns + view.run_timeout_ns if view.run_timeout_ns else 0
    if view.run_deadline_ns and view.execution_deadline_ns:
        view.run_deadline_ns = min(view.run_deadline_ns, view.execution_deadline_ns)


def _closed(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    require(not view.close_type, "one close", f"{view.name}: closed twice")
    view.close_type, view.close_ns, view.closing = event.event_type, time_ns(event), True
    attributes = getattr(event, event.WhichOneof("attributes") or "")
    view.new_run_id = getattr(attributes, "new_execution_run_id", "")
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
        view.terminations[attributes.reason] += 1
        view.replaced = attributes.identity == RESETTER
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
        view.wait_ns = attributes.backoff_start_interval.ToNanoseconds()
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
        deadlines = [at for at in (view.run_deadline_ns, view.execution_deadline_ns) if at]
        early = not deadlines or view.close_ns < min(deadlines)
        require(not early, "early", f"{view.name}: timed out at {view.close_ns} of {deadlines}")
    abandon = ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON
    if not view.replaced:
        kept = {key: each for key, each in view.children.items() if each.close_policy != abandon}
        view.bereaved = kept
    view.task = None
    view.timers.clear()
    view.activities.clear()
    view.children.clear()


def _signaled(ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    signaled = event.workflow_execution_signaled_event_attributes
    payload = signaled.input.payloads[0].data
    view.signals[payload] += 1
    if view.forking:
        # It came to another run before, perhaps to two of a chain.
        view.reapplied.append((event.event_type, payload))
        return
    sender = signaled.external_workflow_execution.run_id
    # A run made by a reset sends again what its copied events leave open.
    new = (sender, payload) not in view.signals_taken
    require(new, "dedupe", f"{view.name}: signal {payload!r} twice")
    view.signals_taken.add((sender, payload))
    if sender:
        ledger.arrive(view.run_id, (sender, payload))


def _cancel_requested(ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    require(not view.cancel_requested, "dedupe", f"{view.name}: cancel requested twice")
    view.cancel_requested = True
    requested = event.workflow_execution_cancel_requested_event_attributes
    sender = requested.external_workflow_execution.run_id
    # No event of a parent asks for what its close policy does.
    if sender and requested.external_initiated_event_id:
        ledger.arrive(view.run_id, (sender, requested.external_initiated_event_id))


def _task_scheduled(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    scheduled = event.workflow_task_scheduled_event_attributes
    before = view.task
    written = before is not None and (before.attempt > 1 or before.speculative)
    require(before is None or written, "one task", f"{view.name}: two workflow tasks")
    view.first_task_due_ns = 0
    view.unwritten = before
    view.task = TaskView(
        event.event_id,
        scheduled.attempt,
        time_ns(event),
        scheduled.start_to_close_timeout.ToNanoseconds(),
        original_ns=time_ns(event),
    )


def _task_started(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    task, before = view.task, view.unwritten
    started = event.workflow_task_started_event_attributes
    require(
        task is not None and task.scheduled_id == started.scheduled_event_id,
        "task ids",
        f"{view.name}: event {event.event_id} starts {started.scheduled_event_id}",
    )
    assert task is not None
    place = (event.event_id, time_ns(event))
    if before is not None and place == (before.started_id, before.started_ns):
        # The event of a task that a worker has already.
        task.started_id, task.started_ns = place
    else:
        start_task(view, task, *place)
    view.unwritten = None


def start_task(view: RunView, task: TaskView, started_id: int, started_ns: int) -> None:
    """Take in that a worker has a task; with a speculative one nothing may have come of it."""
    require(not task.started_id, "one task", f"{view.name}: task started twice")
    task.started_id, task.started_ns = started_id, started_ns
    place = (started_id, task.attempt)
    require(
        place >= view.last_start, "attempt", f"{view.name}: start {place} after {view.last_start}"
    )
    view.last_start = place
    view.starts[place] += 1


def _task_completed(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    completed = event.workflow_task_completed_event_attributes
    _end_task(view, completed.scheduled_event_id, completed.started_event_id)
    view.completed_starts.add(completed.started_event_id)


def _task_failed(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    failed = event.workflow_task_failed_event_attributes
    _end_task(view, failed.scheduled_event_id, failed.started_event_id)
    _lose_sticky(view)


def _task_timed_out(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    timed_out = event.workflow_task_timed_out_event_attributes
    task = view.task
    if task is not None:
        if timed_out.timeout_type == TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START:
            due_ns = task.scheduled_ns + (
                view.sticky_timeout_ns if view.sticky_queue else task.start_within_ns
            )
        else:
            due_ns = task.started_ns + task.timeout_ns
        # A chain of heartbeats ends after half an hour, whatever the single tasks still have.
        in_time = time_ns(event) >= min(due_ns, task.original_ns + BEATS_NS)
        require(in_time, "early", f"{view.name}: task {task} out at {time_ns(event)}")
    _end_task(view, timed_out.scheduled_event_id, timed_out.started_event_id)
    _lose_sticky(view)


def _lose_sticky(view: RunView) -> None:
    # A failed task drops its stickiness without a note.
    view.sticky_queue = ""


def _end_task(view: RunView, scheduled_id: int, started_id: int) -> None:
    task = view.task
    require(
        task is not None and (task.scheduled_id, task.started_id) == (scheduled_id, started_id),
        "task ids",
        f"{view.name}: {task} ended as ({scheduled_id}, {started_id})",
    )
    view.task = None


def _timer_started(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    started = event.timer_started_event_attributes
    require(started.timer_id not in view.timers, "timers", f"{view.name}: {started.timer_id} twice")
    due_ns = time_ns(event) + started.start_to_fire_timeout.ToNanoseconds()
    view.timers[started.timer_id] = (event.event_id, due_ns)


def _timer_fired(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    fired = event.timer_fired_event_attributes
    timer = view.timers.pop(fired.timer_id, None)
    require(
        timer is not None and timer[0] == fired.started_event_id,
        "timers",
        f"{view.name}: {fired.timer_id} fired, and is not pending",
    )
    assert timer is not None
    require(
        time_ns(event) >= timer[1],
        "early",
        f"{view.name}: {fired.timer_id} fired at {time_ns(event)}, due {timer[1]}",
    )


def _timer_canceled(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    canceled = event.timer_canceled_event_attributes
    timer = view.timers.pop(canceled.timer_id, None)
    if timer is not None:
        require(timer[0] == canceled.started_event_id, "timers", f"{view.name}: {canceled}")


def _nothing(_ledger: Ledger, _view: RunView, _event: HistoryEvent) -> None:
    """Only its place in the history counts."""


RUN_EVENTS: dict[int, Callable[[Ledger, RunView, HistoryEvent], None]] = {
    **dict.fromkeys(CLOSES, _closed),
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: _started,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: _signaled,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED: _cancel_requested,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED: _nothing,
    EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: _nothing,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: _nothing,
    EventType.EVENT_TYPE_MARKER_RECORDED: _nothing,
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED: _task_scheduled,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED: _task_started,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED: _task_completed,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED: _task_failed,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT: _task_timed_out,
    EventType.EVENT_TYPE_TIMER_STARTED: _timer_started,
    EventType.EVENT_TYPE_TIMER_FIRED: _timer_fired,
    EventType.EVENT_TYPE_TIMER_CANCELED: _timer_canceled,
}
