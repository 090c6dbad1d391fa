"""Task queues and the workers on them: DescribeTaskQueue and ShutdownWorker.

The enhanced description is by build id. Of the versioning that this belongs to only workers without
a build id are there: other ids, and reachability, are refused by name after everything that is
wrong with the request itself.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import DescribeTaskQueueMode, TaskQueueKind, TaskQueueType
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, ShutdownWorkerRequest

from polyrhythm.base.errors import InvalidArgument, Unimplemented
from polyrhythm.engine.reply import Reply
from polyrhythm.service.queue_names import check_queue
from polyrhythm.service.service import NamespaceScope, Service

REACHABILITY_BUILD_IDS_MAX = 5


def handle_describe_queue(
    service: Service,
    scope: NamespaceScope,
    request: DescribeTaskQueueRequest,
    deadline_ns: int,
) -> Reply:
    """Tell who polls a queue and what waits in it. Reply: DescribeTaskQueueResponse."""
    enhanced = request.api_mode == DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED
    plain = request.api_mode == DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_UNSPECIFIED
    check_queue(request, service.limits, whole=not plain)
    if enhanced or not request.task_queue_type:
        request.task_queue_type = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
    if not request.task_queue_types:
        request.task_queue_types.extend(
            (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
        )
    build_ids = len(request.versions.build_ids)
    if request.report_task_reachability and build_ids > REACHABILITY_BUILD_IDS_MAX:
        raise InvalidArgument(
            "Too many build ids queried at once with ReportTaskReachability==true, limit: "
            f"{REACHABILITY_BUILD_IDS_MAX}"
        )
    if enhanced:
        if request.task_queue.kind == TaskQueueKind.TASK_QUEUE_KIND_STICKY:
            raise InvalidArgument(
                "Enhanced DescribeTaskQueue is not valid for a sticky queue, use "
                "api_mode=UNSPECIFIED or a normal queue."
            )
        if request.report_task_reachability or any(request.versions.build_ids):
            raise Unimplemented(
                "reachability and build ids of queues are not implemented by this server"
            )
    return service.submit(scope, request, deadline_ns)


def handle_shutdown_worker(
    service: Service,
    scope: NamespaceScope,
    request: ShutdownWorkerRequest,
    deadline_ns: int,
) -> Reply:
    """Give up a stopping worker's sticky queue. Reply: ShutdownWorkerResponse."""
    return service.submit(scope, request, deadline_ns)
