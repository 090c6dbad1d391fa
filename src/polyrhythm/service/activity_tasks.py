"""Activity tasks by token: polls, heartbeats and the three ways they end.

An answer that is too large fails the activity with a failure of the server's own: the call itself
succeeds, so that the worker does not repeat it.
"""

from __future__ import annotations

from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueRequest,
    RecordActivityTaskHeartbeatRequest,
    RecordActivityTaskHeartbeatResponse,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCanceledResponse,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskCompletedResponse,
    RespondActivityTaskFailedRequest,
    RespondActivityTaskFailedResponse,
)

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.engine.reply import Reply
from polyrhythm.service import failures
from polyrhythm.service.polls import check_poll_deadline
from polyrhythm.service.queue_names import check_queue, check_versioning
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.shaped import instead
from polyrhythm.service.texts import check_identity, is_oversize


def handle_poll_activity(
    service: Service,
    scope: NamespaceScope,
    request: PollActivityTaskQueueRequest,
    deadline_ns: int,
) -> Reply:
    """Wait for an activity task. Reply: PollActivityTaskQueueResponse, empty when none came."""
    check_poll_deadline(service, deadline_ns)
    check_queue(request, service.limits)
    check_identity(request.identity, service.limits)
    version = request.worker_version_capabilities
    options = request.deployment_options if request.HasField("deployment_options") else None
    check_versioning(
        version.use_versioning, version.build_id, options, request.task_queue, service.limits
    )
    return service.submit(scope, request, deadline_ns)


def handle_heartbeat(
    service: Service,
    scope: NamespaceScope,
    request: RecordActivityTaskHeartbeatRequest,
    deadline_ns: int,
) -> Reply:
    """Note that an activity is alive. Reply: RecordActivityTaskHeartbeatResponse."""
    if not is_oversize(request.details, service.limits):
        return service.submit(scope, request, deadline_ns)
    failed = _failed(request.task_token, request.identity, failures.HEARTBEAT_TOO_LARGE)
    # The activity is over: its worker is told to stop.
    stop = RecordActivityTaskHeartbeatResponse(cancel_requested=True)
    return instead(service.submit(scope, failed, deadline_ns), stop)


def handle_complete_activity(
    service: Service,
    scope: NamespaceScope,
    request: RespondActivityTaskCompletedRequest,
    deadline_ns: int,
) -> Reply:
    """Take an activity's result. Reply: RespondActivityTaskCompletedResponse."""
    check_identity(request.identity, service.limits)
    if not is_oversize(request.result, service.limits):
        return service.submit(scope, request, deadline_ns)
    failed = _failed(request.task_token, request.identity, failures.RESULT_TOO_LARGE)
    answer = RespondActivityTaskCompletedResponse()
    return instead(service.submit(scope, failed, deadline_ns), answer)


def handle_fail_activity(
    service: Service,
    scope: NamespaceScope,
    request: RespondActivityTaskFailedRequest,
    deadline_ns: int,
) -> Reply:
    """Take an activity's failure. Reply: RespondActivityTaskFailedResponse, which tells what of
    the request was too large to keep."""
    failure = request.failure
    if request.HasField("failure") and not failure.HasField("application_failure_info"):
        raise InvalidArgument("Failure must have ApplicationFailureInfo.")
    check_identity(request.identity, service.limits)
    answer = RespondActivityTaskFailedResponse()
    if is_oversize(request.last_heartbeat_details, service.limits):
        answer.failures.append(failures.server_failure(failures.HEARTBEAT_TOO_LARGE))
        request.ClearField("last_heartbeat_details")
    if is_oversize(request.failure, service.limits):
        replacement = failures.too_large(request.failure)
        answer.failures.append(replacement)
        request.failure.CopyFrom(replacement)
    reply = service.submit(scope, request, deadline_ns)
    return instead(reply, answer) if answer.failures else reply


def handle_cancel_activity(
    service: Service,
    scope: NamespaceScope,
    request: RespondActivityTaskCanceledRequest,
    deadline_ns: int,
) -> Reply:
    """Note that an activity obeyed a cancellation. Reply: RespondActivityTaskCanceledResponse."""
    check_identity(request.identity, service.limits)
    if not is_oversize(request.details, service.limits):
        return service.submit(scope, request, deadline_ns)
    failed = _failed(request.task_token, request.identity, failures.CANCEL_DETAILS_TOO_LARGE)
    answer = RespondActivityTaskCanceledResponse()
    return instead(service.submit(scope, failed, deadline_ns), answer)


def _failed(task_token: bytes, identity: str, message: str) -> RespondActivityTaskFailedRequest:
    return RespondActivityTaskFailedRequest(
        task_token=task_token, identity=identity, failure=failures.server_failure(message)
    )
