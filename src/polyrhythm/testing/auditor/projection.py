"""Compares a run's row with what the auditor derived from the run's log.

The row is all that lists show and all that recovery looks for: a wrong `due_ns` loses a timer over
a restart, wrong work columns lose a task, a wrong `owes` loses a message.
"""

from __future__ import annotations

from collections import Counter

from temporalio.api.enums.v1 import EventType, WorkflowExecutionStatus

from polyrhythm.base.work import WorkKind, decode_work
from polyrhythm.stores.port import RunRow
from polyrhythm.testing.auditor.finding import require
from polyrhythm.testing.auditor.reading_activities import timeouts
from polyrhythm.testing.auditor.view import ActivityView, RunView

_S = WorkflowExecutionStatus
STATUSES: dict[int, int] = {
    0: _S.WORKFLOW_EXECUTION_STATUS_RUNNING,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: _S.WORKFLOW_EXECUTION_STATUS_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: _S.WORKFLOW_EXECUTION_STATUS_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: _S.WORKFLOW_EXECUTION_STATUS_CANCELED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: _S.WORKFLOW_EXECUTION_STATUS_TERMINATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: (
        _S.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW
    ),
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: _S.WORKFLOW_EXECUTION_STATUS_TIMED_OUT,
}


def check_row(view: RunView, row: RunRow, now_ns: int) -> None:
    """Check a row that was written by a turn at `now_ns`."""
    expected = (
        view.namespace_key,
        view.workflow_id,
        view.run_id,
        STATUSES[view.close_type],
        view.close_ns,
        len(view.owed),
        len(view.events),
        view.event_bytes,
        view.task_queue,
        view.start_ns,
        view.first_run_id,
        view.parent[:2],
    )
    found = (
        row.namespace_key,
        row.workflow_id,
        row.run_id,
        row.status,
        row.close_ns,
        row.owes,
        row.history_events,
        row.history_bytes,
        row.task_queue,
        row.start_ns,
        row.first_run_id,
        (row.parent_workflow_id, row.parent_run_id),
    )
    require(expected == found, "row", f"{view.name}: {found} in the row, {expected} by its log")
    _check_due(view, row, now_ns)
    _check_work(view, row, now_ns)


def open_work(view: RunView, now_ns: int) -> list[tuple[int, str]]:
    """Return the queue, with its kind, of everything of a run that waits for a worker."""
    work: list[tuple[int, str]] = []
    if not view.open:
        return work
    if view.task is not None and not view.task.started_id:
        queue = view.sticky_queue or _own_queue(view, view.task_queue)
        work.append((WorkKind.WORKFLOW_TASK, queue))
    for activity in view.activities.values():
        waits = not activity.started_ns and not activity.paused and not view.versions.moving
        if waits and not _backs_off(activity, now_ns):
            work.append((WorkKind.ACTIVITY, _own_queue(view, activity.queue)))
    return work


def _own_queue(view: RunView, queue: str) -> str:
    # Workers of a version stand at a queue of their own, so does what is pinned to it.
    held = view.versions.held
    return "\x00".join((queue, *held)) if held is not None else queue


def _backs_off(activity: ActivityView, now_ns: int) -> bool:
    # What was available when it was scheduled stays so, also when the clock is set back.
    return activity.available_ns != activity.scheduled_ns and activity.available_ns > now_ns


def due_times(view: RunView) -> tuple[list[int], list[int]]:
    """Return when a run has to act by itself, and the back-offs among its activities."""
    due = [
        at_ns
        for at_ns in (view.run_deadline_ns, view.execution_deadline_ns, view.first_task_due_ns)
        if at_ns
    ]
    task = view.task
    if task is not None:
        if task.started_id:
            due.append(task.started_ns + task.timeout_ns)
        else:
            within_ns = view.sticky_timeout_ns if view.sticky_queue else task.start_within_ns
            if within_ns:
                due.append(task.scheduled_ns + within_ns)
    due.extend(at_ns for _, at_ns in view.timers.values())
    waits = []
    for activity in view.activities.values():
        if activity.paused:
            continue
        due.extend(timeouts(activity).values())
        if not activity.started_ns:
            waits.append(activity.available_ns)
    return due, waits


def _check_due(view: RunView, row: RunRow, now_ns: int) -> None:
    if not view.open:
        require(not row.due_ns, "row", f"{view.name}: due {row.due_ns} after its close")
        return
    due, waits = due_times(view)
    due.extend(
        activity.available_ns
        for activity in view.activities.values()
        if not activity.started_ns and not activity.paused and _backs_off(activity, now_ns)
    )
    # A back-off that is over may be looked at once more: it is in the row or it is not.
    allowed = {min(due, default=0), min(due + waits, default=0)}
    allowed.update(at_ns for at_ns in waits if not due or at_ns <= min(due))
    require(row.due_ns in allowed, "row", f"{view.name}: due {row.due_ns}, by its log {allowed}")


def _check_work(view: RunView, row: RunRow, now_ns: int) -> None:
    expected = Counter(open_work(view, now_ns))
    found: Counter[tuple[int, str]] = Counter()
    for line in decode_work(row.work):
        found[line.kind, line.queue] += line.count
    fits = found == expected
    require(fits, "row", f"{view.name}: work {found} in the row, {expected} by its log")
