"""Workflow tasks: polls, completions, failures, answers to query tasks, sticky queues.

Tokens are checked by the gate. Commands are the core's to judge: the service never looks into one.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import QueryResultType
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueRequest,
    ResetStickyTaskQueueRequest,
    RespondQueryTaskCompletedRequest,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskFailedRequest,
)

from polyrhythm.base.errors import InvalidArgument, NotFound
from polyrhythm.engine.reply import Reply
from polyrhythm.service.failures import too_large
from polyrhythm.service.gate import parse_task_token
from polyrhythm.service.polls import check_poll_deadline
from polyrhythm.service.queue_names import check_queue, check_versioning
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.texts import check_execution, check_identity, is_oversize


def handle_poll_workflow(
    service: Service,
    scope: NamespaceScope,
    request: PollWorkflowTaskQueueRequest,
    deadline_ns: int,
) -> Reply:
    """Wait for a workflow task. Reply: PollWorkflowTaskQueueResponse, empty when none came."""
    check_poll_deadline(service, deadline_ns)
    check_identity(request.identity, service.limits)
    version = request.worker_version_capabilities
    options = request.deployment_options if request.HasField("deployment_options") else None
    check_versioning(
        version.use_versioning, version.build_id, options, request.task_queue, service.limits
    )
    check_queue(request, service.limits)
    return service.submit(scope, request, deadline_ns)


def handle_complete_workflow_task(
    service: Service,
    scope: NamespaceScope,
    request: RespondWorkflowTaskCompletedRequest,
    deadline_ns: int,
) -> Reply:
    """Take a worker's commands. Reply: RespondWorkflowTaskCompletedResponse."""
    check_identity(request.identity, service.limits)
    stamp = request.worker_version_stamp
    options = request.deployment_options if request.HasField("deployment_options") else None
    queue = request.sticky_attributes.worker_task_queue
    check_versioning(stamp.use_versioning, stamp.build_id, options, queue, service.limits)
    return service.submit(scope, request, deadline_ns)


def handle_fail_workflow_task(
    service: Service,
    scope: NamespaceScope,
    request: RespondWorkflowTaskFailedRequest,
    deadline_ns: int,
) -> Reply:
    """Note that a worker could not do its task. Reply: RespondWorkflowTaskFailedResponse."""
    check_identity(request.identity, service.limits)
    if is_oversize(request.failure, service.limits):
        request.failure.CopyFrom(too_large(request.failure))
    return service.submit(scope, request, deadline_ns)


def handle_complete_query_task(
    service: Service,
    scope: NamespaceScope,
    request: RespondQueryTaskCompletedRequest,
    deadline_ns: int,
) -> Reply:
    """Take a worker's answer to a query. Reply: RespondQueryTaskCompletedResponse."""
    token = parse_task_token(request.task_token)
    if not token.query_id:
        raise NotFound("query task not found, or already expired")
    if not token.task_queue:
        raise InvalidArgument("Invalid TaskToken.")
    if is_oversize(request.query_result, service.limits):
        request.completed_type = QueryResultType.QUERY_RESULT_TYPE_FAILED
        request.ClearField("query_result")
        request.ClearField("failure")
        request.error_message = "Blob data size exceeds limit."
    return service.submit(scope, request, deadline_ns)


def handle_reset_sticky_queue(
    service: Service,
    scope: NamespaceScope,
    request: ResetStickyTaskQueueRequest,
    deadline_ns: int,
) -> Reply:
    """Forget which worker has a workflow in its cache. Reply: ResetStickyTaskQueueResponse."""
    check_execution(request, "execution")
    return service.submit(scope, request, deadline_ns)
