"""Activity tasks by workflow and activity id: the same calls for those who lost the token.

An empty run id means the workflow's newest run. Without a workflow id an activity is meant that has
none: the run id is its own then.
"""

from __future__ import annotations

from typing import Any

from temporalio.api.workflowservice.v1 import (
    RecordActivityTaskHeartbeatByIdRequest,
    RecordActivityTaskHeartbeatByIdResponse,
    RespondActivityTaskCanceledByIdRequest,
    RespondActivityTaskCanceledByIdResponse,
    RespondActivityTaskCompletedByIdRequest,
    RespondActivityTaskCompletedByIdResponse,
    RespondActivityTaskFailedByIdRequest,
    RespondActivityTaskFailedByIdResponse,
)

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import Limits
from polyrhythm.engine.reply import Reply
from polyrhythm.service import failures
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.shaped import instead
from polyrhythm.service.texts import check_identity, is_oversize, is_run_id


def handle_heartbeat_by_id(
    service: Service,
    scope: NamespaceScope,
    request: RecordActivityTaskHeartbeatByIdRequest,
    deadline_ns: int,
) -> Reply:
    """Note that an activity is alive. Reply: RecordActivityTaskHeartbeatByIdResponse."""
    _check_activity_id(request)
    _check_run_id(request)
    if not is_oversize(request.details, service.limits):
        return service.submit(scope, request, deadline_ns)
    failed = _failed(request, failures.HEARTBEAT_TOO_LARGE)
    stop = RecordActivityTaskHeartbeatByIdResponse(cancel_requested=True)
    return instead(service.submit(scope, failed, deadline_ns), stop)


def handle_complete_activity_by_id(
    service: Service,
    scope: NamespaceScope,
    request: RespondActivityTaskCompletedByIdRequest,
    deadline_ns: int,
) -> Reply:
    """Take an activity's result. Reply: RespondActivityTaskCompletedByIdResponse."""
    _check_ids(request, service.limits)
    if not is_oversize(request.result, service.limits):
        return service.submit(scope, request, deadline_ns)
    failed = _failed(request, failures.RESULT_TOO_LARGE)
    answer = RespondActivityTaskCompletedByIdResponse()
    return instead(service.submit(scope, failed, deadline_ns), answer)


def handle_fail_activity_by_id(
    service: Service,
    scope: NamespaceScope,
    request: RespondActivityTaskFailedByIdRequest,
    deadline_ns: int,
) -> Reply:
    """Take an activity's failure. Reply: RespondActivityTaskFailedByIdResponse.

    The server keeps no heartbeat details of this call, and takes failures of any kind.
    """
    _check_ids(request, service.limits)
    answer = RespondActivityTaskFailedByIdResponse()
    if is_oversize(request.last_heartbeat_details, service.limits):
        answer.failures.append(failures.server_failure(failures.HEARTBEAT_TOO_LARGE))
    request.ClearField("last_heartbeat_details")
    if is_oversize(request.failure, service.limits):
        replacement = failures.too_large(request.failure)
        answer.failures.append(replacement)
        request.failure.CopyFrom(replacement)
    reply = service.submit(scope, request, deadline_ns)
    return instead(reply, answer) if answer.failures else reply


def handle_cancel_activity_by_id(
    service: Service,
    scope: NamespaceScope,
    request: RespondActivityTaskCanceledByIdRequest,
    deadline_ns: int,
) -> Reply:
    """Note that an activity obeyed. Reply: RespondActivityTaskCanceledByIdResponse."""
    _check_ids(request, service.limits)
    if not is_oversize(request.details, service.limits):
        return service.submit(scope, request, deadline_ns)
    failed = _failed(request, failures.CANCEL_DETAILS_TOO_LARGE)
    answer = RespondActivityTaskCanceledByIdResponse()
    return instead(service.submit(scope, failed, deadline_ns), answer)


def _check_ids(request: Any, limits: Limits) -> None:
    _check_activity_id(request)
    check_identity(request.identity, limits)
    _check_run_id(request)


def _check_activity_id(request: Any) -> None:
    if not request.activity_id:
        raise InvalidArgument("ActivityId is not set on request.")


def _check_run_id(request: Any) -> None:
    if not request.workflow_id and request.run_id and not is_run_id(request.run_id):
        raise InvalidArgument("RunId is not valid UUID.")


def _failed(request: Any, message: str) -> RespondActivityTaskFailedByIdRequest:
    return RespondActivityTaskFailedByIdRequest(
        namespace=request.namespace,
        workflow_id=request.workflow_id,
        run_id=request.run_id,
        activity_id=request.activity_id,
        identity=request.identity,
        failure=failures.server_failure(message),
    )
