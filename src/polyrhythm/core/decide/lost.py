"""Decides what happens to work whose worker ended with the process that it stood in.

As by the timeout of that work, only at once: a workflow task is given out again, an attempt of an
activity counts and is followed by the next as its retry policy says.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import TimeoutType

from polyrhythm.core.context import Context
from polyrhythm.core.decide.activity_timeouts import lose_activity
from polyrhythm.core.decide.task import ensure_task, time_out_task
from polyrhythm.core.decision import Decision
from polyrhythm.core.held import is_lost
from polyrhythm.core.state import RunState


def decide_lost(state: RunState, context: Context, process: str) -> Decision:
    """Decide the loss of everything that workers inside other processes than this had in hand."""
    decision = Decision(state, context)
    if not state.running:
        return decision
    task = state.workflow_task
    if task is not None and task.started_event_id and is_lost(task.identity, process):
        time_out_task(decision, TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE)
        ensure_task(decision)
    for activity in list(state.activities.values()):
        # Nothing of a paused activity happens by itself.
        if activity.started_ns and not activity.pause and is_lost(activity.identity, process):
            lose_activity(decision, activity)
    return decision
