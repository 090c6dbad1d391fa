"""Decides what a run does when its deadlines pass: one function a kind of deadline.

All deadlines that have passed are decided in the order of their times. Timers that are due one
after the other fire together, with one workflow task behind the last of them, as the server's
timer queue does. Deadlines that no longer count are dropped unseen.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.enums.v1 import event_type_pb2 as event_types

from polyrhythm.core.context import Context
from polyrhythm.core.deadlines import DeadlineKind, take_due
from polyrhythm.core.decide.activity_timeouts import fire_activity
from polyrhythm.core.decide.start import first_task_due
from polyrhythm.core.decide.task import ensure_task, time_out_task
from polyrhythm.core.decide.terminate import time_out_run
from polyrhythm.core.decision import Decision
from polyrhythm.core.state import Deadline, RunState


def decide_fire(state: RunState, context: Context) -> Decision:
    """Decide every deadline that has passed. Nothing is written when there is none."""
    decision = Decision(state, context)
    fired = False
    while state.running:
        deadline = take_due(state, context.now_ns)
        if fired and (deadline is None or deadline[1] != DeadlineKind.TIMER):
            ensure_task(decision)
        if deadline is None:
            break
        fired = deadline[1] == DeadlineKind.TIMER
        _FIRE[deadline[1]](decision, deadline)
    return decision


def _fire_run_timeout(decision: Decision, _deadline: Deadline) -> None:
    time_out_run(decision)


def _fire_first_task(decision: Decision, _deadline: Deadline) -> None:
    first_task_due(decision)


def _fire_task_schedule_to_start(decision: Decision, _deadline: Deadline) -> None:
    time_out_task(decision, TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START)
    ensure_task(decision)


def _fire_task_start_to_close(decision: Decision, _deadline: Deadline) -> None:
    time_out_task(decision, TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE)
    ensure_task(decision)


def _fire_timer(decision: Decision, deadline: Deadline) -> None:
    event = decision.new_event(event_types.EVENT_TYPE_TIMER_FIRED)
    fired = event.timer_fired_event_attributes
    fired.timer_id = str(deadline[2])
    fired.started_event_id = deadline[3]
    decision.append(event)


_FIRE: dict[int, Callable[[Decision, Deadline], None]] = {
    DeadlineKind.EXECUTION_TIMEOUT: _fire_run_timeout,
    DeadlineKind.RUN_TIMEOUT: _fire_run_timeout,
    DeadlineKind.FIRST_TASK: _fire_first_task,
    DeadlineKind.TASK_SCHEDULE_TO_START: _fire_task_schedule_to_start,
    DeadlineKind.TASK_START_TO_CLOSE: _fire_task_start_to_close,
    DeadlineKind.TIMER: _fire_timer,
    DeadlineKind.ACTIVITY_SCHEDULE_TO_CLOSE: fire_activity,
    DeadlineKind.ACTIVITY_SCHEDULE_TO_START: fire_activity,
    DeadlineKind.ACTIVITY_START_TO_CLOSE: fire_activity,
    DeadlineKind.ACTIVITY_HEARTBEAT: fire_activity,
    DeadlineKind.ACTIVITY_RETRY: fire_activity,
}
