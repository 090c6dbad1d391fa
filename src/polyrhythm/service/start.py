"""StartWorkflowExecution and SignalWithStartWorkflowExecution.

Everything about a start that needs no state is checked here, in the order of the server's workflow
handler, and defaults are filled in. What the protocol has and this server has not (completion
callbacks, versioning overrides, time skipping) is refused by name: a start that silently lost its
callback would be a lie.
"""

from __future__ import annotations

from typing import Any

from temporalio.api.enums.v1 import NamespaceState, WorkflowIdConflictPolicy
from temporalio.api.workflowservice.v1 import (
    SignalWithStartWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
)

from polyrhythm.base.errors import FailedPrecondition, InvalidArgument, Unimplemented
from polyrhythm.base.limits import Limits
from polyrhythm.engine.reply import Reply
from polyrhythm.service import start_fields as fields
from polyrhythm.service.queue_names import check_user_queue
from polyrhythm.service.search_attributes import check_search_attributes
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.texts import check_blob

# Fields of a start that nothing reads yet; named in the refusal as in the protocol.
_UNBUILT = ("time_skipping_config",)
# What every start has. One with nothing else passes the checks of all other fields unseen: asking
# each of them took more than half of the time of a start's checks.
_PLAIN = frozenset(
    (
        "namespace",
        "workflow_id",
        "workflow_type",
        "task_queue",
        "input",
        "header",
        "identity",
        "request_id",
        "workflow_id_reuse_policy",
        "workflow_id_conflict_policy",
    )
)
# Bound once: reading it from its enum takes 1 us.
_CONFLICT_FAIL = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL
_CLOSED = (NamespaceState.NAMESPACE_STATE_DEPRECATED, NamespaceState.NAMESPACE_STATE_DELETED)


def handle_start(
    service: Service,
    scope: NamespaceScope,
    request: StartWorkflowExecutionRequest,
    deadline_ns: int,
) -> Reply:
    """Start a workflow. Reply: StartWorkflowExecutionResponse."""
    check_start(service, scope, request)
    return service.submit(scope, request, deadline_ns)


def check_start(
    service: Service, scope: NamespaceScope, request: StartWorkflowExecutionRequest
) -> None:
    """Refuse a start that cannot be, and fill in what it leaves out."""
    _check_namespace(service, scope)
    limits = service.limits
    present = {field.name for field, _ in request.ListFields()}
    fields.fill_id_policies(request, _CONFLICT_FAIL)
    fields.check_workflow_id(request.workflow_id, limits)
    if present <= _PLAIN:
        _check_plain(service, request, limits)
        return
    fields.check_retry_policy(request, limits)
    fields.check_start_delay(request, limits)
    fields.check_cron(request.cron_schedule, service.engine.now_ns())
    fields.check_workflow_type(request, limits)
    check_user_queue(request, limits)
    fields.check_timeouts(request, limits)
    _fill_request_id(service, request)
    fields.check_request_id(request.request_id, limits)
    fields.check_id_policies(request)
    _check_conflict_options(request)
    check_search_attributes(request.search_attributes, scope.namespace)
    fields.check_priority(request.priority)
    fields.check_links(request.links)
    _refuse_unbuilt(request)
    _check_sizes(request, limits)


def _check_plain(service: Service, request: StartWorkflowExecutionRequest, limits: Limits) -> None:
    """The rest of a start's checks, in their order, without those of fields that it has not."""
    fields.check_workflow_type(request, limits)
    check_user_queue(request, limits)
    _fill_request_id(service, request)
    fields.check_request_id(request.request_id, limits)
    fields.check_id_policies(request)
    check_blob(request.input, limits)


def handle_signal_with_start(
    service: Service,
    scope: NamespaceScope,
    request: SignalWithStartWorkflowExecutionRequest,
    deadline_ns: int,
) -> Reply:
    """Signal a workflow, starting it first if need be.

    Reply: SignalWithStartWorkflowExecutionResponse.
    """
    _check_namespace(service, scope)
    limits = service.limits
    conflict = WorkflowIdConflictPolicy
    fields.fill_id_policies(request, conflict.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING)
    fields.check_workflow_id(request.workflow_id, limits)
    fields.check_signal_name(request.signal_name, limits)
    fields.check_workflow_type(request, limits)
    check_user_queue(request, limits)
    _fill_request_id(service, request)
    fields.check_request_id(request.request_id, limits)
    fields.check_timeouts(request, limits)
    fields.check_retry_policy(request, limits)
    fields.check_start_delay(request, limits)
    fields.check_id_policies(request)
    if request.workflow_id_conflict_policy == conflict.WORKFLOW_ID_CONFLICT_POLICY_FAIL:
        raise InvalidArgument(
            "Invalid WorkflowIDConflictPolicy: WORKFLOW_ID_CONFLICT_POLICY_FAIL is not supported "
            "for this operation."
        )
    fields.check_cron(request.cron_schedule, service.engine.now_ns())
    check_search_attributes(request.search_attributes, scope.namespace)
    fields.check_priority(request.priority)
    fields.check_links(request.links)
    _refuse_unbuilt(request)
    _check_sizes(request, limits)
    check_blob(request.signal_input, limits)
    return service.submit(scope, request, deadline_ns)


def _check_namespace(service: Service, scope: NamespaceScope) -> None:
    """Refuse to start anything in a deprecated namespace."""
    state = service.engine.namespaces.state_of(scope.namespace.name)
    if state in _CLOSED:
        word = "Deprecated" if state == NamespaceState.NAMESPACE_STATE_DEPRECATED else "Deleted"
        raise FailedPrecondition(f"Namespace has invalid state: {word}. Must be Registered.")


def _fill_request_id(service: Service, request: Any) -> None:
    # SDKs set one so that a retried call starts nothing twice; a plain caller gets a fresh one.
    if not request.request_id:
        request.request_id = service.ids.run_id()


def _check_conflict_options(request: StartWorkflowExecutionRequest) -> None:
    options = request.on_conflict_options
    if options.attach_completion_callbacks and not options.attach_request_id:
        raise InvalidArgument("attaching request ID is required for attaching completion callbacks")


def _refuse_unbuilt(request: Any) -> None:
    if len(getattr(request, "completion_callbacks", ())):
        raise Unimplemented("completion callbacks are not implemented by this server")
    present = {field.name for field, _ in request.ListFields()}
    for name in _UNBUILT:
        if name in present:
            raise Unimplemented(f"{name} is not implemented by this server")


def _check_sizes(request: Any, limits: Limits) -> None:
    check_blob(request.input, limits)
    if request.memo.ByteSize() > limits.memo_bytes_max:
        raise InvalidArgument("Memo size exceeds limit.")
