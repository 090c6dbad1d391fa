"""One function a request type: decides it within a turn.

The table is the engine's whole vocabulary. Requests come here checked by the service; handlers
load runs, let core decide, stage what it decided and answer through the turn.
"""

from __future__ import annotations

from collections.abc import Callable

import temporalio.api.workflowservice.v1 as _ws

from polyrhythm.api import service as _api
from polyrhythm.engine.calls import (
    BeginBatch,
    Call,
    CountRuns,
    Expire,
    FireDue,
    ListRuns,
    Restore,
    ServeQueue,
)
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers import (
    activities,
    activity_ops,
    audit,
    batches,
    history,
    life,
    lists,
    multi,
    own,
    permits,
    projections,
    queries,
    queues,
    reset,
    settings,
    spaces,
    standalone,
    tasks,
    updates,
)

Handler = Callable[[Desk, Call], None]

HANDLERS: dict[type, Handler] = {
    _ws.StartWorkflowExecutionRequest: life.start_workflow,
    _ws.SignalWithStartWorkflowExecutionRequest: life.signal_with_start,
    _ws.SignalWorkflowExecutionRequest: life.signal_workflow,
    _ws.RequestCancelWorkflowExecutionRequest: life.cancel_workflow,
    _ws.TerminateWorkflowExecutionRequest: life.terminate_workflow,
    _ws.DeleteWorkflowExecutionRequest: life.delete_workflow,
    _ws.UnpauseWorkflowExecutionRequest: life.unpause_workflow,
    _ws.ResetWorkflowExecutionRequest: reset.reset_workflow,
    _ws.DescribeWorkflowExecutionRequest: life.describe_workflow,
    _ws.GetWorkflowExecutionHistoryRequest: history.get_history,
    _ws.GetWorkflowExecutionHistoryReverseRequest: history.get_history_reverse,
    _ws.PollWorkflowTaskQueueRequest: tasks.poll_workflow_task,
    _ws.RespondWorkflowTaskCompletedRequest: tasks.complete_workflow_task,
    _ws.RespondWorkflowTaskFailedRequest: tasks.fail_workflow_task,
    _ws.PollActivityTaskQueueRequest: tasks.poll_activity_task,
    _ws.RespondActivityTaskCompletedRequest: activities.complete_activity,
    _ws.RespondActivityTaskCompletedByIdRequest: activities.complete_activity_by_id,
    _ws.RespondActivityTaskFailedRequest: activities.fail_activity,
    _ws.RespondActivityTaskFailedByIdRequest: activities.fail_activity_by_id,
    _ws.RespondActivityTaskCanceledRequest: activities.cancel_activity,
    _ws.RespondActivityTaskCanceledByIdRequest: activities.cancel_activity_by_id,
    _ws.RecordActivityTaskHeartbeatRequest: activities.heartbeat_activity,
    _ws.RecordActivityTaskHeartbeatByIdRequest: activities.heartbeat_activity_by_id,
    _ws.StartActivityExecutionRequest: standalone.start_standalone,
    _ws.PollActivityExecutionRequest: standalone.poll_standalone,
    _ws.DescribeActivityExecutionRequest: standalone.describe_one,
    _ws.RequestCancelActivityExecutionRequest: standalone.cancel_standalone,
    _ws.TerminateActivityExecutionRequest: standalone.terminate_standalone,
    _ws.DeleteActivityExecutionRequest: standalone.delete_standalone,
    _ws.PauseActivityRequest: activity_ops.pause_activity,
    _ws.UnpauseActivityRequest: activity_ops.unpause_activity,
    _ws.ResetActivityRequest: activity_ops.reset_activity,
    _ws.UpdateActivityOptionsRequest: activity_ops.update_activity_options,
    _ws.UpdateWorkflowExecutionOptionsRequest: activity_ops.update_workflow_options,
    _ws.StopBatchOperationRequest: batches.stop_batch,
    _ws.DescribeBatchOperationRequest: batches.describe_batch_operation,
    BeginBatch: batches.start_batch,
    _ws.QueryWorkflowRequest: queries.query_workflow,
    _ws.UpdateWorkflowExecutionRequest: updates.update_workflow,
    _ws.PollWorkflowExecutionUpdateRequest: updates.poll_update,
    _ws.ExecuteMultiOperationRequest: multi.execute_multi,
    _ws.RespondQueryTaskCompletedRequest: queries.complete_query,
    _ws.ResetStickyTaskQueueRequest: queues.reset_sticky,
    _ws.DescribeTaskQueueRequest: queues.describe_queue,
    _ws.UpdateTaskQueueConfigRequest: settings.update_queue_config,
    _ws.ShutdownWorkerRequest: queues.shut_down_worker,
    _ws.RegisterNamespaceRequest: spaces.register_namespace,
    _ws.UpdateNamespaceRequest: spaces.update_namespace,
    _ws.DeprecateNamespaceRequest: spaces.deprecate_namespace,
    _api.GetRunAtRequest: audit.get_run_at,
    _api.ReadLogRequest: audit.read_log,
    _api.GetProjectionRequest: projections.get_projection,
    _api.PutProjectionRequest: projections.put_projection,
    _api.DeleteProjectionRequest: projections.delete_projection,
    _api.ListProjectionsRequest: projections.list_projections,
    _api.UpdateKeyLimitsRequest: settings.update_key_limits,
    _api.ReservePermitRequest: permits.reserve_permit,
    _api.AcquireLeaseRequest: permits.acquire_lease,
    _api.ReleaseLeaseRequest: permits.release_lease,
    _api.PostponeActivityTaskRequest: activities.postpone_activity,
    ListRuns: lists.list_runs,
    CountRuns: lists.count_runs,
    FireDue: own.fire_due,
    Expire: own.expire,
    Restore: own.restore,
    ServeQueue: own.serve_queue,
}
