"""Which builds of its worker a run has met, as clients see it.

Owns what a description and a start event say of reset points and of the last worker.
"""

from __future__ import annotations

from temporalio.api.common.v1 import WorkerVersionStamp
from temporalio.api.workflow.v1 import ResetPointInfo, WorkflowExecutionInfo

from polyrhythm.core.durations import set_span
from polyrhythm.core.state import ResetPoint, RunState


def describe_versions(info: WorkflowExecutionInfo, state: RunState) -> None:
    """Fill what a description says of the workers of a run."""
    info.auto_reset_points.SetInParent()
    for point in state.reset_points:
        describe_point(info.auto_reset_points.points.add(), point)
    if state.worker_stamp:
        stamp = WorkerVersionStamp.FromString(state.worker_stamp)
        info.most_recent_worker_version_stamp.CopyFrom(stamp)


def describe_point(info: ResetPointInfo, point: ResetPoint) -> None:
    """Fill one reset point."""
    info.binary_checksum = point.checksum
    info.build_id = point.build_id
    info.run_id = point.run_id
    info.first_workflow_task_completed_id = point.completed_event_id
    set_span(info.create_time, point.created_ns)
    if point.expire_ns:
        set_span(info.expire_time, point.expire_ns)
    info.resettable = point.resettable
