"""Work that a worker inside a service's process has in hand: it ends with that process.

A worker that stands inside the service is known by its identity, which ends with the mark of its
process. When another process takes the runs up, what such a worker had in hand is lost for certain;
its timeout, which says the same of a worker far away, need not be waited for.
"""

from __future__ import annotations

from polyrhythm.core.state import RunState

INSIDE = " in process "
# What an attempt is told to have failed of.
WORKER_ENDED = "the process of the activity's worker has ended"


def is_held_inside(state: RunState) -> bool:
    """Return whether a worker inside some process has a task of the run in hand."""
    if not state.running:
        return False
    for activity in state.activities.values():
        if activity.started_ns and INSIDE in activity.identity:
            return True
    task = state.workflow_task
    return task is not None and bool(task.started_event_id) and INSIDE in task.identity


def is_lost(identity: str, process: str) -> bool:
    """Return whether a worker of that identity stood inside another process than `process`."""
    return INSIDE in identity and not identity.endswith(INSIDE + process)
