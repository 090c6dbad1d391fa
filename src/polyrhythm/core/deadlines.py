"""When a run next has to act by itself: a heap of deadlines with lazy deletion.

`apply` pushes a deadline whenever something gets one; nothing is ever removed from the middle.
A deadline is live only if the state still says so: `live_due` gives the time that counts now, which
may be later than the one pushed (a heartbeat moved it) or none at all (the timer was cancelled).
The heap is derived: a snapshot leaves it out and `rebuild` makes it from the state.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from heapq import heapify, heappop, heappush, heapreplace

from polyrhythm.base.limits import ANSWER_GRACE_NS
from polyrhythm.core.state import ActivityState, Deadline, RunState, WorkflowTaskState


class DeadlineKind(IntEnum):
    """What happens when a deadline passes; the order breaks ties."""

    EXECUTION_TIMEOUT = 1
    RUN_TIMEOUT = 2
    FIRST_TASK = 3
    TASK_SCHEDULE_TO_START = 4
    TASK_START_TO_CLOSE = 5
    TIMER = 6
    ACTIVITY_SCHEDULE_TO_CLOSE = 7
    ACTIVITY_SCHEDULE_TO_START = 8
    ACTIVITY_START_TO_CLOSE = 9
    ACTIVITY_HEARTBEAT = 10
    ACTIVITY_RETRY = 11


# More dead entries than this beside the live ones and the heap is built anew (a run that starts
# and cancels timers for ever must not grow).
DEAD_MAX = 256


def push_run(state: RunState) -> None:
    """Push the deadlines of the run itself."""
    if state.execution_deadline_ns:
        _push(state, state.execution_deadline_ns, DeadlineKind.EXECUTION_TIMEOUT, 0, 0)
    if state.run_deadline_ns:
        _push(state, state.run_deadline_ns, DeadlineKind.RUN_TIMEOUT, 0, 0)
    if state.first_task_due_ns:
        _push(state, state.first_task_due_ns, DeadlineKind.FIRST_TASK, 0, 0)


def push_task(state: RunState) -> None:
    """Push the deadline of the pending workflow task."""
    task = state.workflow_task
    if task is None:
        return
    if task.started_event_id:
        due = task.started_ns + task.timeout_ns
        _push(state, due, DeadlineKind.TASK_START_TO_CLOSE, task.scheduled_event_id, task.attempt)
    elif (within_ns := _start_within(state, task)) is not None:
        due = task.scheduled_ns + within_ns
        kind = DeadlineKind.TASK_SCHEDULE_TO_START
        _push(state, due, kind, task.scheduled_event_id, task.attempt)


def push_timer(state: RunState, timer_id: str) -> None:
    """Push a user timer's deadline."""
    timer = state.timers[timer_id]
    _push(state, timer.due_ns, DeadlineKind.TIMER, timer_id, timer.started_event_id)


def push_activity(state: RunState, activity: ActivityState, now_ns: int) -> None:
    """Push what the current attempt of an activity waits for at `now_ns`."""
    subject, stamp = activity.scheduled_event_id, activity.stamp
    if activity.started_ns:
        for kind in (DeadlineKind.ACTIVITY_START_TO_CLOSE, DeadlineKind.ACTIVITY_HEARTBEAT):
            due = activity_due(kind, activity)
            if due:
                _push(state, due, kind, subject, stamp)
        return
    if activity.available_ns > now_ns:
        _push(state, activity.available_ns, DeadlineKind.ACTIVITY_RETRY, subject, stamp)
    due = activity_due(DeadlineKind.ACTIVITY_SCHEDULE_TO_START, activity)
    if due:
        _push(state, due, DeadlineKind.ACTIVITY_SCHEDULE_TO_START, subject, stamp)


def push_activity_close(state: RunState, activity: ActivityState) -> None:
    """Push the schedule-to-close deadline, once an activity."""
    due = activity_due(DeadlineKind.ACTIVITY_SCHEDULE_TO_CLOSE, activity)
    if due:
        kind = DeadlineKind.ACTIVITY_SCHEDULE_TO_CLOSE
        _push(state, due, kind, activity.scheduled_event_id, 0)


def rebuild(state: RunState, now_ns: int = 0) -> None:
    """Make the heap from the state; `now_ns` 0 also pushes retries that are already due."""
    state.deadlines = []
    if not state.running:
        return
    push_run(state)
    push_task(state)
    for timer_id in state.timers:
        push_timer(state, timer_id)
    for activity in state.activities.values():
        push_activity(state, activity, now_ns)
        push_activity_close(state, activity)


def next_due(state: RunState) -> int:
    """Return when the run next has to act, 0 for never; drops dead deadlines on the way."""
    if not state.running:
        state.deadlines.clear()
        return 0
    heap = state.deadlines
    if len(heap) > DEAD_MAX + 4 * (4 + len(state.timers) + 4 * len(state.activities)):
        state.deadlines = heap = [entry for entry in heap if live_due(state, entry)]
        heapify(heap)
    while heap:
        due = live_due(state, heap[0])
        if due == heap[0][0]:
            return due
        if due:
            heapreplace(heap, (due, *heap[0][1:]))
        else:
            heappop(heap)
    return 0


def take_due(state: RunState, now_ns: int) -> Deadline | None:
    """Take the earliest live deadline that has passed, or None."""
    due = next_due(state)
    if due and due <= now_ns:
        return heappop(state.deadlines)
    return None


def live_due(state: RunState, entry: Deadline) -> int:
    """Return the time this deadline counts at now, 0 if it is dead."""
    _, kind, subject, stamp = entry
    return _LIVE[kind](state, kind, subject, stamp)


def _push(state: RunState, due: int, kind: int, subject: int | str, stamp: int) -> None:
    heappush(state.deadlines, (due, kind, subject, stamp))


def _live_run(state: RunState, kind: int, _subject: int | str, _stamp: int) -> int:
    if kind == DeadlineKind.EXECUTION_TIMEOUT:
        return state.execution_deadline_ns
    if kind == DeadlineKind.RUN_TIMEOUT:
        return state.run_deadline_ns
    return state.first_task_due_ns


def _live_task(state: RunState, kind: int, subject: int | str, stamp: int) -> int:
    task = state.workflow_task
    if task is None or task.scheduled_event_id != subject or task.attempt != stamp:
        return 0
    if kind == DeadlineKind.TASK_START_TO_CLOSE:
        return task.started_ns + task.timeout_ns if task.started_event_id else 0
    within_ns = None if task.started_event_id else _start_within(state, task)
    return 0 if within_ns is None else task.scheduled_ns + within_ns


def _start_within(state: RunState, task: WorkflowTaskState) -> int | None:
    # A sticky queue without a timeout keeps a task only if a worker is there to take it at once.
    if state.sticky_queue:
        return state.sticky_timeout_ns
    return task.start_within_ns or None


def _live_timer(state: RunState, _kind: int, subject: int | str, stamp: int) -> int:
    timer = state.timers.get(str(subject))
    return timer.due_ns if timer is not None and timer.started_event_id == stamp else 0


def _live_activity(state: RunState, kind: int, subject: int | str, stamp: int) -> int:
    activity = state.activities.get(int(subject))
    # Nothing of a paused activity happens by itself: its deadlines are pushed again afterwards.
    if activity is None or activity.pause:
        return 0
    if kind == DeadlineKind.ACTIVITY_SCHEDULE_TO_CLOSE:
        return activity_due(kind, activity)
    started = kind in (DeadlineKind.ACTIVITY_START_TO_CLOSE, DeadlineKind.ACTIVITY_HEARTBEAT)
    if activity.stamp != stamp or started != bool(activity.started_ns):
        return 0
    if kind == DeadlineKind.ACTIVITY_RETRY:
        return activity.available_ns
    return activity_due(kind, activity)


def activity_due(kind: int, activity: ActivityState) -> int:
    """Return when a timeout of an activity passes, 0 for never."""
    if kind == DeadlineKind.ACTIVITY_SCHEDULE_TO_CLOSE:
        span, start = activity.schedule_to_close_ns, activity.scheduled_ns
    elif kind == DeadlineKind.ACTIVITY_SCHEDULE_TO_START:
        span, start = activity.schedule_to_start_ns, activity.available_ns
    elif kind == DeadlineKind.ACTIVITY_START_TO_CLOSE:
        # A result that was sent in time may be on its way.
        span, start = activity.start_to_close_ns, activity.started_ns + ANSWER_GRACE_NS
    else:
        span = activity.heartbeat_timeout_ns
        start = max(activity.heartbeat_ns, activity.started_ns)
    return start + span if span else 0


_LIVE: dict[int, Callable[[RunState, int, int | str, int], int]] = {
    DeadlineKind.EXECUTION_TIMEOUT: _live_run,
    DeadlineKind.RUN_TIMEOUT: _live_run,
    DeadlineKind.FIRST_TASK: _live_run,
    DeadlineKind.TASK_SCHEDULE_TO_START: _live_task,
    DeadlineKind.TASK_START_TO_CLOSE: _live_task,
    DeadlineKind.TIMER: _live_timer,
    DeadlineKind.ACTIVITY_SCHEDULE_TO_CLOSE: _live_activity,
    DeadlineKind.ACTIVITY_SCHEDULE_TO_START: _live_activity,
    DeadlineKind.ACTIVITY_START_TO_CLOSE: _live_activity,
    DeadlineKind.ACTIVITY_HEARTBEAT: _live_activity,
    DeadlineKind.ACTIVITY_RETRY: _live_activity,
}
