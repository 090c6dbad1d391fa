"""Who started a run: its parent and the root of its family, as the start event carries them.

A parent stays the parent of a whole chain: every successor of a child (continued as new, retried,
run again by cron) takes the parent over, and the end of the last run is what the parent is told.
Source: CreateWorkflowExecutionStartedEvent and the child starter of the server.
"""

from __future__ import annotations

from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionStartedEventAttributes

from polyrhythm.core.context import NamespaceInfo
from polyrhythm.core.state import RunState

_CARRIED = ("parent_workflow_execution", "root_workflow_execution")


def child_origin(
    state: RunState, initiated_event_id: int, namespace: NamespaceInfo
) -> WorkflowExecutionStartedEventAttributes:
    """Return what the start event of a child says of `state`, its parent."""
    origin = WorkflowExecutionStartedEventAttributes()
    origin.parent_workflow_namespace = namespace.name
    origin.parent_workflow_namespace_id = namespace.namespace_id
    origin.parent_workflow_execution.workflow_id = state.workflow_id
    origin.parent_workflow_execution.run_id = state.run_id
    origin.parent_initiated_event_id = initiated_event_id
    root = origin.root_workflow_execution
    root.workflow_id, root.run_id = root_of(state)
    return origin


def carry_parent(started: WorkflowExecutionStartedEventAttributes, state: RunState) -> None:
    """Let the successor of a run, by its start event `started`, take over the run's parent."""
    if not state.parent_run_id:
        return
    event = HistoryEvent.FromString(state.start_event)
    before = event.workflow_execution_started_event_attributes
    started.parent_workflow_namespace = before.parent_workflow_namespace
    started.parent_workflow_namespace_id = before.parent_workflow_namespace_id
    started.parent_initiated_event_id = before.parent_initiated_event_id
    started.parent_initiated_event_version = before.parent_initiated_event_version
    for field in _CARRIED:
        getattr(started, field).CopyFrom(getattr(before, field))


def root_of(state: RunState) -> tuple[str, str]:
    """Return the workflow id and run id at the top of the run's family: its own without parent."""
    if state.root_run_id:
        return state.root_workflow_id, state.root_run_id
    return state.workflow_id, state.run_id
