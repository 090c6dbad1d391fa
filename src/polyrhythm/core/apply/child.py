"""Applies children: asked for, started, over.

A child is pending from its Initiated event to the event that says how it ended, or that it never
began. Its Started event may be buffered: then it is applied once more when it has its id.
"""

from __future__ import annotations

from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.core import tables
from polyrhythm.core.state import ChildState, RunState


def apply_initiated(state: RunState, event: HistoryEvent) -> None:
    """The workflow asked for a child."""
    initiated = event.start_child_workflow_execution_initiated_event_attributes
    state.children[event.event_id] = ChildState(
        initiated_event_id=event.event_id,
        workflow_id=initiated.workflow_id,
        workflow_type=initiated.workflow_type.name,
        close_policy=initiated.parent_close_policy,
        initiated=event.SerializeToString(deterministic=True),
    )


def apply_started(state: RunState, event: HistoryEvent) -> None:
    """The child runs. It may have ended in the buffer already."""
    started = event.child_workflow_execution_started_event_attributes
    before = state.children.get(started.initiated_event_id)
    if before is None:
        return
    state.children[started.initiated_event_id] = ChildState(
        initiated_event_id=before.initiated_event_id,
        workflow_id=before.workflow_id,
        workflow_type=before.workflow_type,
        close_policy=before.close_policy,
        initiated=b"",
        run_id=started.workflow_execution.run_id,
        started_event_id=event.event_id,
    )


def apply_ended(state: RunState, event: HistoryEvent) -> None:
    """The child is over, or could not be started."""
    attributes = getattr(event, tables.ATTRIBUTES[event.event_type])
    del state.children[attributes.initiated_event_id]
