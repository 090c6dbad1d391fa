"""The method table: every method of WorkflowService, OperatorService and our own service.

Handlers stand in three literal tables, one a service; a method of the protocol without one is in
the table too and answers Unimplemented. The protocol's own descriptors say which methods there
are, so a newer protocol brings its methods along.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.message_factory import GetMessageClass
from temporalio.api.operatorservice.v1 import service_pb2 as operator_pb2
from temporalio.api.workflowservice.v1 import service_pb2 as workflow_pb2

from polyrhythm.api import service as api
from polyrhythm.service import (
    activity_ids,
    activity_ops,
    activity_tasks,
    audit,
    batches,
    deployments,
    describe,
    history,
    jobs,
    life,
    metrics,
    namespaces,
    old_versioning,
    operator,
    permits,
    projections,
    queue_config,
    reset,
    schedules,
    signal,
    standalone,
    standalone_lists,
    start,
    system,
    task_queues,
    task_starts,
    updates,
    visibility,
    workers,
    workflow_tasks,
)
from polyrhythm.service.method import Handler, Method, NamespaceNeed
from polyrhythm.service.roles import role_of

WORKFLOW_HANDLERS: dict[str, Handler] = {
    "StartWorkflowExecution": start.handle_start,
    "SignalWithStartWorkflowExecution": start.handle_signal_with_start,
    "SignalWorkflowExecution": signal.handle_signal,
    "QueryWorkflow": describe.handle_query,
    "UpdateWorkflowExecution": updates.handle_update,
    "PollWorkflowExecutionUpdate": updates.handle_poll_update,
    "ExecuteMultiOperation": updates.handle_multi,
    "DescribeWorkflowExecution": describe.handle_describe,
    "RequestCancelWorkflowExecution": life.handle_cancel,
    "TerminateWorkflowExecution": life.handle_terminate,
    "DeleteWorkflowExecution": life.handle_delete,
    "PauseWorkflowExecution": life.handle_pause,
    "UnpauseWorkflowExecution": life.handle_unpause,
    "ResetWorkflowExecution": reset.handle_reset,
    "GetWorkflowExecutionHistory": history.handle_history,
    "GetWorkflowExecutionHistoryReverse": history.handle_history_reverse,
    "PollWorkflowTaskQueue": workflow_tasks.handle_poll_workflow,
    "RespondWorkflowTaskCompleted": workflow_tasks.handle_complete_workflow_task,
    "RespondWorkflowTaskFailed": workflow_tasks.handle_fail_workflow_task,
    "RespondQueryTaskCompleted": workflow_tasks.handle_complete_query_task,
    "ResetStickyTaskQueue": workflow_tasks.handle_reset_sticky_queue,
    "PollActivityTaskQueue": activity_tasks.handle_poll_activity,
    "RecordActivityTaskHeartbeat": activity_tasks.handle_heartbeat,
    "RespondActivityTaskCompleted": activity_tasks.handle_complete_activity,
    "RespondActivityTaskFailed": activity_tasks.handle_fail_activity,
    "RespondActivityTaskCanceled": activity_tasks.handle_cancel_activity,
    "RecordActivityTaskHeartbeatById": activity_ids.handle_heartbeat_by_id,
    "RespondActivityTaskCompletedById": activity_ids.handle_complete_activity_by_id,
    "RespondActivityTaskFailedById": activity_ids.handle_fail_activity_by_id,
    "RespondActivityTaskCanceledById": activity_ids.handle_cancel_activity_by_id,
    "StartActivityExecution": standalone.handle_start_standalone,
    "PollActivityExecution": standalone.handle_poll_standalone,
    "DescribeActivityExecution": standalone.handle_describe_standalone,
    "ListActivityExecutions": standalone_lists.handle_list_standalone,
    "CountActivityExecutions": standalone_lists.handle_count_standalone,
    "RequestCancelActivityExecution": standalone.handle_cancel_standalone,
    "TerminateActivityExecution": standalone.handle_terminate_standalone,
    "DeleteActivityExecution": standalone.handle_delete_standalone,
    "PauseActivity": activity_ops.handle_pause_activity,
    "UnpauseActivity": activity_ops.handle_unpause_activity,
    "ResetActivity": activity_ops.handle_reset_activity,
    "UpdateActivityOptions": activity_ops.handle_update_activity_options,
    "UpdateWorkflowExecutionOptions": activity_ops.handle_update_workflow_options,
    "StartBatchOperation": batches.handle_start_batch,
    "StopBatchOperation": batches.handle_stop_batch,
    "DescribeBatchOperation": batches.handle_describe_batch,
    "ListBatchOperations": batches.handle_list_batches,
    "DescribeTaskQueue": task_queues.handle_describe_queue,
    "UpdateTaskQueueConfig": queue_config.handle_update_queue_config,
    "ListTaskQueuePartitions": queue_config.handle_list_partitions,
    "ShutdownWorker": task_queues.handle_shutdown_worker,
    "RecordWorkerHeartbeat": workers.handle_record_heartbeat,
    "ListWorkers": workers.handle_list_workers,
    "DescribeWorker": workers.handle_describe_worker,
    "DescribeWorkerDeployment": deployments.handle_describe,
    "DescribeWorkerDeploymentVersion": deployments.handle_describe_version,
    "ListWorkerDeployments": deployments.handle_list,
    "SetWorkerDeploymentCurrentVersion": deployments.handle_set_current,
    "SetWorkerDeploymentRampingVersion": deployments.handle_set_ramping,
    "SetWorkerDeploymentManager": deployments.handle_set_manager,
    "UpdateWorkerDeploymentVersionMetadata": deployments.handle_update_metadata,
    "DeleteWorkerDeployment": deployments.handle_delete,
    "DeleteWorkerDeploymentVersion": deployments.handle_delete_version,
    "CreateWorkerDeployment": deployments.handle_create,
    "CreateWorkerDeploymentVersion": deployments.handle_create_version,
    "DescribeDeployment": old_versioning.refuse_deployments,
    "GetCurrentDeployment": old_versioning.refuse_deployments,
    "GetDeploymentReachability": old_versioning.refuse_deployments,
    "ListDeployments": old_versioning.refuse_deployments,
    "SetCurrentDeployment": old_versioning.refuse_deployments,
    "GetWorkerBuildIdCompatibility": old_versioning.refuse_sets,
    "UpdateWorkerBuildIdCompatibility": old_versioning.refuse_sets,
    "GetWorkerVersioningRules": old_versioning.refuse_rules,
    "UpdateWorkerVersioningRules": old_versioning.refuse_rules,
    "GetWorkerTaskReachability": old_versioning.refuse_rules,
    "ListWorkflowExecutions": visibility.handle_list,
    "ScanWorkflowExecutions": visibility.handle_scan,
    "CountWorkflowExecutions": visibility.handle_count,
    "ListOpenWorkflowExecutions": visibility.handle_list_open,
    "ListClosedWorkflowExecutions": visibility.handle_list_closed,
    "CreateSchedule": schedules.handle_create,
    "DescribeSchedule": schedules.handle_describe,
    "UpdateSchedule": schedules.handle_update,
    "PatchSchedule": schedules.handle_patch,
    "DeleteSchedule": schedules.handle_delete,
    "ListScheduleMatchingTimes": schedules.handle_matching_times,
    "ListSchedules": schedules.handle_list,
    "CountSchedules": schedules.handle_count,
    "ListArchivedWorkflowExecutions": visibility.handle_list_archived,
    "RegisterNamespace": namespaces.handle_register,
    "UpdateNamespace": namespaces.handle_update,
    "DeprecateNamespace": namespaces.handle_deprecate,
    "DescribeNamespace": namespaces.handle_describe_namespace,
    "ListNamespaces": namespaces.handle_list_namespaces,
    "GetSystemInfo": system.handle_system_info,
    "GetClusterInfo": system.handle_cluster_info,
    "GetSearchAttributes": system.handle_get_search_attributes,
}
OPERATOR_HANDLERS: dict[str, Handler] = {
    "AddSearchAttributes": operator.handle_add_search_attributes,
    "RemoveSearchAttributes": operator.handle_remove_search_attributes,
    "DeleteNamespace": operator.handle_delete_namespace,
    "ListClusters": operator.handle_list_clusters,
    "RemoveRemoteCluster": operator.handle_remove_cluster,
    "ListSearchAttributes": operator.handle_list_search_attributes,
}
POLYRHYTHM_HANDLERS: dict[str, Handler] = {
    "GetRunAt": audit.handle_run_at,
    "ReadLog": audit.handle_read_log,
    "GetMetrics": metrics.handle_metrics,
    "GetProjection": projections.handle_named,
    "PutProjection": projections.handle_put,
    "DeleteProjection": projections.handle_named,
    "ListProjections": projections.handle_list,
    "UpdateKeyLimits": queue_config.handle_update_key_limits,
    "ReservePermit": permits.handle_reserve,
    "AcquireLease": permits.handle_acquire,
    "ReleaseLease": permits.handle_release,
    "StartTasks": task_starts.handle_start_tasks,
    "PostponeActivityTask": permits.handle_postpone,
    "PutJob": jobs.handle_put,
    "PatchJobs": jobs.handle_patch,
    "ListJobs": jobs.handle_list,
}

# Everything not named here names a registered namespace.
NEEDS: dict[str, NamespaceNeed] = {
    "RegisterNamespace": NamespaceNeed.NEW,
    "UpdateNamespace": NamespaceNeed.ADMINISTERED,
    "DeprecateNamespace": NamespaceNeed.ADMINISTERED,
    "DescribeNamespace": NamespaceNeed.NAME_OR_ID,
    "ListNamespaces": NamespaceNeed.NONE,
    "GetSystemInfo": NamespaceNeed.NONE,
    "GetMetrics": NamespaceNeed.NONE,
    "GetClusterInfo": NamespaceNeed.NONE,
    "GetSearchAttributes": NamespaceNeed.NONE,
    "AddSearchAttributes": NamespaceNeed.OPTIONAL,
    "RemoveSearchAttributes": NamespaceNeed.OPTIONAL,
    "ListSearchAttributes": NamespaceNeed.OPTIONAL,
    "DeleteNamespace": NamespaceNeed.NONE,
    "ListClusters": NamespaceNeed.NONE,
    "RemoveRemoteCluster": NamespaceNeed.NONE,
}
# Calls that may wait for a minute. A history read waits only when it asks to.
LONG_POLLS = frozenset(
    """PollWorkflowTaskQueue PollActivityTaskQueue GetWorkflowExecutionHistory PollNexusTaskQueue
    PollWorkflowExecutionUpdate PollActivityExecution DescribeActivityExecution
    PollNexusOperationExecution
    PollWorkflowExecutionTimeSkipping QueryWorkflow UpdateWorkflowExecution
    ExecuteMultiOperation""".split()
)


def _methods_of(descriptor: Any, handlers: dict[str, Handler]) -> dict[str, Method]:
    methods: dict[str, Method] = {}
    for method in descriptor.methods:
        name = f"/{descriptor.full_name}/{method.name}"
        methods[name] = Method(
            name,
            GetMessageClass(method.input_type),
            GetMessageClass(method.output_type),
            handlers.get(method.name),
            NEEDS.get(method.name, NamespaceNeed.NAMED),
            method.name in LONG_POLLS,
            role_of(name),
        )
    return methods


METHODS: dict[str, Method] = {
    **_methods_of(workflow_pb2.DESCRIPTOR.services_by_name["WorkflowService"], WORKFLOW_HANDLERS),
    **_methods_of(api.DESCRIPTOR.services_by_name["PolyrhythmService"], POLYRHYTHM_HANDLERS),
    **_methods_of(operator_pb2.DESCRIPTOR.services_by_name["OperatorService"], OPERATOR_HANDLERS),
}
