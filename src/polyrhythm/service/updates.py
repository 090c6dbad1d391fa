"""UpdateWorkflowExecution, PollWorkflowExecutionUpdate and ExecuteMultiOperation.

Checks in the order of the server's workflow handler, whose words clients see. An update with a
start is two operations in one call: each is checked as if it were alone, and the refusal says of
both what became of them. Whether there is such a workflow or update is the engine's to say.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage
from temporalio.api.workflowservice.v1 import (
    ExecuteMultiOperationRequest,
    PollWorkflowExecutionUpdateRequest,
    StartWorkflowExecutionRequest,
    UpdateWorkflowExecutionRequest,
)

from polyrhythm.base.errors import (
    InvalidArgument,
    OperationAborted,
    OperationsFailed,
    PermissionDenied,
    PolyrhythmError,
    Unimplemented,
)
from polyrhythm.engine.handlers.updates import OPERATIONS_FAILED
from polyrhythm.engine.reply import Reply
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.start import check_start
from polyrhythm.service.texts import check_execution, check_length, is_run_id

_ADMITTED = UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED
_COMPLETED = (
    UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
)


def handle_update(
    service: Service,
    scope: NamespaceScope,
    request: UpdateWorkflowExecutionRequest,
    deadline_ns: int,
) -> Reply:
    """Update a workflow and wait for it. Reply: UpdateWorkflowExecutionResponse."""
    _check_update(service, request)
    return service.submit(scope, request, deadline_ns)


def handle_poll_update(
    service: Service,
    scope: NamespaceScope,
    request: PollWorkflowExecutionUpdateRequest,
    deadline_ns: int,
) -> Reply:
    """Wait for an update. Reply: PollWorkflowExecutionUpdateResponse."""
    if not request.HasField("update_ref"):
        raise InvalidArgument("UpdateRef is not set on request.")
    execution = request.update_ref.workflow_execution
    if not execution.workflow_id:
        raise InvalidArgument("Can't load workflow execution. WorkflowId not set.")
    if execution.run_id and not is_run_id(execution.run_id):
        raise InvalidArgument("RunId is not valid UUID.")
    return service.submit(scope, request, deadline_ns)


def handle_multi(
    service: Service,
    scope: NamespaceScope,
    request: ExecuteMultiOperationRequest,
    deadline_ns: int,
) -> Reply:
    """Update a workflow, started first if need be. Reply: ExecuteMultiOperationResponse."""
    kinds = [operation.WhichOneof("operation") for operation in request.operations]
    if kinds != ["start_workflow", "update_workflow"]:
        raise InvalidArgument("Operations have to be exactly [Start, Update].")
    start = request.operations[0].start_workflow
    update = request.operations[1].update_workflow
    outcomes: list[PolyrhythmError] = [OperationAborted(), OperationAborted()]
    try:
        _check_first(service, scope, request.namespace, start)
    except PolyrhythmError as error:
        outcomes[0] = error
    try:
        _check_second(service, request.namespace, update)
        if start.workflow_id != update.workflow_execution.workflow_id and isinstance(
            outcomes[0], OperationAborted
        ):
            raise InvalidArgument("WorkflowId is not consistent with previous operation(s).")
    except PolyrhythmError as error:
        outcomes[1] = error
    if not all(isinstance(outcome, OperationAborted) for outcome in outcomes):
        return Reply.failed(OperationsFailed(OPERATIONS_FAILED, [*outcomes]))
    return service.submit(scope, request, deadline_ns)


def _check_update(service: Service, request: UpdateWorkflowExecutionRequest) -> None:
    check_execution(request, "workflow_execution")
    update = request.request
    if not update.HasField("meta"):
        raise InvalidArgument("Update meta is not set on request.")
    check_length(
        update.meta.update_id, service.limits.id_bytes_max, "UpdateId length exceeds limit."
    )
    if not update.meta.update_id:
        update.meta.update_id = service.ids.run_id()
    if not update.HasField("input"):
        raise InvalidArgument("Update input is not set on request.")
    if not update.input.name:
        raise InvalidArgument("Update name is not set on request.")
    if not request.wait_policy.lifecycle_stage:
        request.wait_policy.lifecycle_stage = _COMPLETED
    if request.wait_policy.lifecycle_stage == _ADMITTED:
        raise PermissionDenied(
            "UpdateWorkflowExecution issued asynchronously and waiting on update admitted is not"
            " supported."
        )
    if update.completion_callbacks:
        raise Unimplemented("completion callbacks are not implemented by this server")


def _check_first(
    service: Service, scope: NamespaceScope, namespace: str, start: StartWorkflowExecutionRequest
) -> None:
    _check_namespace(start.namespace, namespace)
    start.namespace = namespace
    check_start(service, scope, start)
    if start.cron_schedule:
        raise InvalidArgument("CronSchedule is not allowed.")
    if start.request_eager_execution:
        raise InvalidArgument("RequestEagerExecution is not supported.")
    if start.workflow_start_delay.ToNanoseconds() > 0:
        raise InvalidArgument("WorkflowStartDelay is not supported.")


def _check_second(service: Service, namespace: str, update: UpdateWorkflowExecutionRequest) -> None:
    _check_namespace(update.namespace, namespace)
    update.namespace = namespace
    _check_update(service, update)
    if update.first_execution_run_id:
        raise InvalidArgument("FirstExecutionRunId is not allowed.")
    if update.workflow_execution.run_id:
        raise InvalidArgument("RunId is not allowed.")


def _check_namespace(own: str, namespace: str) -> None:
    if own and own != namespace:
        raise InvalidArgument("Operation namespace did not match request's namespace.")
