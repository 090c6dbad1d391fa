"""Activities without a workflow: started, waited for, described, cancelled, terminated, deleted.

What needs no state is checked here, in the order and with the words of the server's validator
(chasm/lib/activity); timeouts and the retry policy are filled in. Lists are in `standalone_lists`.
"""

from __future__ import annotations

from typing import Any

from temporalio.api.enums.v1 import (
    ActivityIdConflictPolicy,
    ActivityIdReusePolicy,
    NamespaceState,
)
from temporalio.api.workflowservice.v1 import (
    DeleteActivityExecutionRequest,
    DescribeActivityExecutionRequest,
    PollActivityExecutionRequest,
    RequestCancelActivityExecutionRequest,
    StartActivityExecutionRequest,
    TerminateActivityExecutionRequest,
)

from polyrhythm.base.errors import FailedPrecondition, InvalidArgument, Unimplemented
from polyrhythm.base.limits import Limits
from polyrhythm.core.decide.activity_spans import fill_spans
from polyrhythm.core.decide.attributes import encode_custom_types
from polyrhythm.core.decide.retry_policy import fill_policy, policy_problem, write_default_policy
from polyrhythm.engine.reply import Reply
from polyrhythm.service.queue_names import check_user_queue
from polyrhythm.service.search_attributes import check_search_attributes
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.start_fields import check_links, check_priority
from polyrhythm.service.texts import flaw_of_duration, is_oversize, is_run_id

# Bound once: reading a value from its enum takes 1 us.
_ALLOW = ActivityIdReusePolicy.ACTIVITY_ID_REUSE_POLICY_ALLOW_DUPLICATE
_REUSE_LAST = ActivityIdReusePolicy.ACTIVITY_ID_REUSE_POLICY_REJECT_DUPLICATE
_FAIL = ActivityIdConflictPolicy.ACTIVITY_ID_CONFLICT_POLICY_FAIL
_CONFLICT_LAST = ActivityIdConflictPolicy.ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING
_DEPRECATED = NamespaceState.NAMESPACE_STATE_DEPRECATED


def handle_start_standalone(
    service: Service,
    scope: NamespaceScope,
    request: StartActivityExecutionRequest,
    deadline_ns: int,
) -> Reply:
    """Start an activity. Reply: StartActivityExecutionResponse."""
    check_start(service, scope, request)
    return service.submit(scope, request, deadline_ns)


def check_start(
    service: Service, scope: NamespaceScope, request: StartActivityExecutionRequest
) -> None:
    """Check what needs no state and fill in what was left out. Raises an error of `base.errors`."""
    if service.engine.namespaces.state_of(scope.namespace.name) == _DEPRECATED:
        raise FailedPrecondition("Namespace has invalid state: Deprecated. Must be Registered.")
    limits = service.limits
    check_user_queue(request, limits)
    _check_asked(request, limits)
    if not request.request_id:
        request.request_id = service.ids.run_id()
    _check_texts(request, limits)
    _check_policies(request)
    if is_oversize(request.input, limits):
        raise InvalidArgument("input exceeds length limit")
    if request.HasField("search_attributes"):
        check_search_attributes(request.search_attributes, scope.namespace)
        encode_custom_types(request.search_attributes, scope.namespace)
    check_links(request.links)
    _check_delay(request, limits)
    _refuse_unbuilt(request)


def handle_poll_standalone(
    service: Service,
    scope: NamespaceScope,
    request: PollActivityExecutionRequest,
    deadline_ns: int,
) -> Reply:
    """Wait for an outcome. Reply: PollActivityExecutionResponse, empty when none came in time."""
    _check_named(request, service.limits)
    return service.submit(scope, request, deadline_ns)


def handle_describe_standalone(
    service: Service,
    scope: NamespaceScope,
    request: DescribeActivityExecutionRequest,
    deadline_ns: int,
) -> Reply:
    """Describe an activity, now or after a change. Reply: DescribeActivityExecutionResponse."""
    _check_id(request, service.limits)
    if request.long_poll_token and not request.run_id:
        raise InvalidArgument("run id is required when long poll token is provided")
    _check_run_id(request)
    return service.submit(scope, request, deadline_ns)


def handle_cancel_standalone(
    service: Service,
    scope: NamespaceScope,
    request: RequestCancelActivityExecutionRequest,
    deadline_ns: int,
) -> Reply:
    """Ask an activity to stop. Reply: RequestCancelActivityExecutionResponse."""
    _check_ending(service, request)
    return service.submit(scope, request, deadline_ns)


def handle_terminate_standalone(
    service: Service,
    scope: NamespaceScope,
    request: TerminateActivityExecutionRequest,
    deadline_ns: int,
) -> Reply:
    """End an activity at once. Reply: TerminateActivityExecutionResponse."""
    _check_ending(service, request)
    return service.submit(scope, request, deadline_ns)


def handle_delete_standalone(
    service: Service,
    scope: NamespaceScope,
    request: DeleteActivityExecutionRequest,
    deadline_ns: int,
) -> Reply:
    """Remove an activity, open or closed. Reply: DeleteActivityExecutionResponse."""
    _check_named(request, service.limits)
    return service.submit(scope, request, deadline_ns)


def _check_asked(request: StartActivityExecutionRequest, limits: Limits) -> None:
    activity_id, activity_type = request.activity_id, request.activity_type.name
    if not activity_id:
        raise InvalidArgument("activityId is not set")
    if not activity_type:
        raise InvalidArgument("activityType is not set")
    if request.HasField("retry_policy"):
        fill_policy(request.retry_policy, limits)
        problem = policy_problem(request.retry_policy, limits)
        if problem:
            raise InvalidArgument(problem)
    else:
        write_default_policy(request.retry_policy, limits)
    _check_length("activityId", activity_id, limits)
    _check_length("activityType", activity_type, limits)
    if request.HasField("priority"):
        try:
            check_priority(request.priority)
        except InvalidArgument as error:
            raise InvalidArgument(f"invalid priorities: {error.message}") from error
    problem = fill_spans(request, request, (activity_id, activity_type), 0, limits)
    if problem:
        raise InvalidArgument(problem)


def _check_policies(request: StartActivityExecutionRequest) -> None:
    if not request.id_reuse_policy:
        request.id_reuse_policy = _ALLOW
    if not request.id_conflict_policy:
        request.id_conflict_policy = _FAIL
    if not 0 < request.id_reuse_policy <= _REUSE_LAST:
        raise InvalidArgument(f"unsupported ID reuse policy: {request.id_reuse_policy}")
    if not 0 < request.id_conflict_policy <= _CONFLICT_LAST:
        raise InvalidArgument(f"unsupported ID conflict policy: {request.id_conflict_policy}")


def _check_delay(request: StartActivityExecutionRequest, limits: Limits) -> None:
    if request.HasField("start_delay"):
        flaw = flaw_of_duration(request.start_delay, limits)
        if flaw:
            raise InvalidArgument(f"invalid StartDelay: {flaw}")


def _refuse_unbuilt(request: StartActivityExecutionRequest) -> None:
    if request.completion_callbacks:
        raise Unimplemented("completion callbacks are not implemented by this server")
    if request.HasField("on_conflict_options"):
        raise Unimplemented("on_conflict_options of activities are not implemented by this server")


def _check_ending(service: Service, request: Any) -> None:
    _check_id(request, service.limits)
    if not request.request_id:
        request.request_id = service.ids.run_id()
    _check_texts(request, service.limits)
    _check_run_id(request)
    if len(request.reason.encode()) > service.limits.blob_bytes_max:
        raise InvalidArgument("reason exceeds length limit")


def _check_named(request: Any, limits: Limits) -> None:
    _check_id(request, limits)
    _check_run_id(request)


def _check_id(request: Any, limits: Limits) -> None:
    if not request.activity_id:
        raise InvalidArgument("activity ID is required")
    _check_length("activity ID", request.activity_id, limits)


def _check_run_id(request: Any) -> None:
    if request.run_id and not is_run_id(request.run_id):
        raise InvalidArgument("invalid run id: must be a valid UUID")


def _check_texts(request: Any, limits: Limits) -> None:
    _check_length("request ID", request.request_id, limits)
    _check_length("identity", request.identity, limits)


def _check_length(name: str, text: str, limits: Limits) -> None:
    limit = limits.id_bytes_max
    if len(text) * 4 > limit:
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > limit:
            raise InvalidArgument(f"{name} exceeds length limit. Length={size} Limit={limit}")
