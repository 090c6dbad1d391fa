"""Batch operations: the requests as the frontend checks them, and the list of jobs.

The server's words, in its order; where it trips over its own errors (a panic becomes UNKNOWN), the
words that it meant come as InvalidArgument. An operation that could succeed for no run is refused
here and not begun.
"""

from __future__ import annotations

from typing import Any

from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.enums.v1 import BatchOperationType, ResetType
from temporalio.api.workflow.v1 import WorkflowExecutionInfo, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    DescribeBatchOperationRequest,
    ListBatchOperationsRequest,
    ListBatchOperationsResponse,
    StartBatchOperationRequest,
    StopBatchOperationRequest,
)

from polyrhythm.base.errors import InvalidArgument, Unimplemented
from polyrhythm.core.batch_job import batch_state
from polyrhythm.core.masks import wrong_path
from polyrhythm.engine.calls import BeginBatch, ListRuns, RunPage
from polyrhythm.engine.filter import EntityKind, RunFilter
from polyrhythm.engine.reply import Reply
from polyrhythm.service.query_filter import build_filter
from polyrhythm.service.query_grammar import parse_query
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.shaped import shaped
from polyrhythm.service.start_fields import check_priority, check_signal_name
from polyrhythm.service.texts import check_blob, check_length
from polyrhythm.service.visibility import apply_page, page_token

_REQUIRED = "must provide required parameters: BatchType/Reason/Namespace/Query/Executions"
_TYPE_OR_ALL = "Either activity type must be set, or match all should be set to true"
_RESTORE = "Either activity type must be set, or restore original should be set to true"
# What each operation is called, and whether it is for open runs only.
_KINDS: dict[str, tuple[BatchOperationType.ValueType, bool]] = {
    "termination_operation": (BatchOperationType.BATCH_OPERATION_TYPE_TERMINATE, True),
    "signal_operation": (BatchOperationType.BATCH_OPERATION_TYPE_SIGNAL, True),
    "cancellation_operation": (BatchOperationType.BATCH_OPERATION_TYPE_CANCEL, True),
    "deletion_operation": (BatchOperationType.BATCH_OPERATION_TYPE_DELETE, False),
    "reset_operation": (BatchOperationType.BATCH_OPERATION_TYPE_RESET, False),
    "update_workflow_options_operation": (
        BatchOperationType.BATCH_OPERATION_TYPE_UPDATE_EXECUTION_OPTIONS,
        True,
    ),
    "unpause_activities_operation": (
        BatchOperationType.BATCH_OPERATION_TYPE_UNPAUSE_ACTIVITY,
        True,
    ),
    "reset_activities_operation": (BatchOperationType.BATCH_OPERATION_TYPE_RESET_ACTIVITY, True),
    "update_activity_options_operation": (
        BatchOperationType.BATCH_OPERATION_TYPE_UPDATE_ACTIVITY_OPTIONS,
        True,
    ),
}


def handle_start_batch(
    service: Service,
    scope: NamespaceScope,
    request: StartBatchOperationRequest,
    deadline_ns: int,
) -> Reply:
    """Begin a batch operation. Reply: StartBatchOperationResponse."""
    name = request.WhichOneof("operation")
    if not name or not request.reason or not (request.visibility_query or request.executions):
        raise InvalidArgument(_REQUIRED)
    if not request.job_id:
        raise InvalidArgument("JobId is not set on request.")
    if request.visibility_query and request.executions:
        raise InvalidArgument("batch query and executions are mutually exclusive")
    if name not in _KINDS:
        raise Unimplemented(f"batch operations of kind {name} are not implemented")
    operation = getattr(request, name)
    _check_operation(service, name, operation)
    check_length(request.job_id, service.limits.id_bytes_max, "JobId length exceeds limit.")
    check_blob(request, service.limits)
    kind, open_only = _KINDS[name]
    begin = BeginBatch(request, kind, operation.identity)
    if request.visibility_query:
        query = _narrowed(request.visibility_query, name, operation, open_only)
        begin.filter = build_filter(query, scope.namespace)
    return service.submit(scope, begin, deadline_ns)


def handle_stop_batch(
    service: Service,
    scope: NamespaceScope,
    request: StopBatchOperationRequest,
    deadline_ns: int,
) -> Reply:
    """End a batch operation where it stands. Reply: StopBatchOperationResponse."""
    _check_job_id(request.job_id)
    if not request.reason:
        raise InvalidArgument("Reason is not set on request.")
    return service.submit(scope, request, deadline_ns)


def handle_describe_batch(
    service: Service,
    scope: NamespaceScope,
    request: DescribeBatchOperationRequest,
    deadline_ns: int,
) -> Reply:
    """Tell how far a batch operation has come. Reply: DescribeBatchOperationResponse."""
    _check_job_id(request.job_id)
    return service.submit(scope, request, deadline_ns)


def handle_list_batches(
    service: Service,
    scope: NamespaceScope,
    request: ListBatchOperationsRequest,
    deadline_ns: int,
) -> Reply:
    """List batch operations, those at work first. Reply: ListBatchOperationsResponse."""
    jobs = RunFilter(scope.namespace.key, kind=EntityKind.BATCH)
    apply_page(jobs, request.page_size, request.next_page_token)
    return shaped(service.submit(scope, ListRuns(jobs), deadline_ns), _page)


def _page(page: RunPage) -> ListBatchOperationsResponse:
    response = ListBatchOperationsResponse(next_page_token=page_token(page))
    for info in page.infos:
        assert isinstance(info, WorkflowExecutionInfo)
        job = response.operation_info.add(job_id=info.execution.workflow_id)
        job.state = batch_state(info.status)
        job.start_time.CopyFrom(info.start_time)
        if info.HasField("close_time"):
            job.close_time.CopyFrom(info.close_time)
    return response


def _check_job_id(job_id: str) -> None:
    if not job_id:
        raise InvalidArgument("JobId is not set on request.")


def _narrowed(text: str, name: str, operation: Any, open_only: bool) -> Any:
    """Return the query of the runs that are meant, which has to be a condition by itself."""
    try:
        query = parse_query(text)
    except InvalidArgument as error:
        words = error.message.rpartition("syntax error")[2]
        raise InvalidArgument(f"invalid visibility query: syntax error{words}") from error
    if query.group_by or query.has_order or query.has_limit:
        raise InvalidArgument("invalid visibility query: only a condition is allowed")
    parts = [f"({text})"]
    if open_only:
        parts.append("(ExecutionStatus = 'Running')")
    if name == "unpause_activities_operation":
        prefix = "property:activityType="
        if operation.WhichOneof("activity") == "type":
            value = (prefix + operation.type).replace("\\", "\\\\").replace("'", "\\'")
            # NOTE: the server forgets the query here, and would unpause the type everywhere.
            parts.append(f"(TemporalPauseInfo = '{value}')")
        else:
            parts.append(f"(TemporalPauseInfo STARTS_WITH '{prefix}')")
    return parse_query(" AND ".join(parts))


def _check_operation(service: Service, name: str, operation: Any) -> None:
    check = _CHECKS.get(name)
    if check is not None:
        check(service, operation)


def _check_signal(service: Service, operation: Any) -> None:
    if not operation.signal:
        raise InvalidArgument("must provide signal name")
    check_signal_name(operation.signal, service.limits)


def _check_options(_service: Service, operation: Any) -> None:
    if not operation.HasField("workflow_execution_options"):
        raise InvalidArgument("must provide UpdateOptions")
    if not operation.HasField("update_mask"):
        raise InvalidArgument("must provide UpdateMask")
    _check_mask(operation.update_mask, WorkflowExecutionOptions)
    check_priority(operation.workflow_execution_options.priority)


def _check_reset(_service: Service, operation: Any) -> None:
    if operation.HasField("options"):
        if operation.options.WhichOneof("target") is None:
            raise InvalidArgument("batch reset missing target")
    elif operation.reset_type not in ResetType.values() or not operation.reset_type:
        word = operation.reset_type or "Unspecified"
        raise InvalidArgument(f"unknown batch reset type {word}")


def _check_unpause(_service: Service, operation: Any) -> None:
    if operation.WhichOneof("activity") is None:
        raise InvalidArgument("activity filter must be set")
    _check_choice(operation)


def _check_reset_activities(_service: Service, operation: Any) -> None:
    if operation.WhichOneof("activity") is None:
        raise InvalidArgument("must provide ActivityType or MatchAll")
    _check_choice(operation)


def _check_update_activities(_service: Service, operation: Any) -> None:
    if operation.HasField("activity_options"):
        if operation.restore_original:
            raise InvalidArgument("cannot set both activity options and restore original")
    elif not operation.restore_original:
        raise InvalidArgument(_RESTORE)
    if operation.restore_original and operation.update_mask.paths:
        raise InvalidArgument("Both UpdateMask and RestoreOriginal are provided")
    _check_choice(operation)
    _check_mask(operation.update_mask, ActivityOptions)
    check_priority(operation.activity_options.priority)


def _check_choice(operation: Any) -> None:
    choice = operation.WhichOneof("activity")
    if choice is not None and not getattr(operation, choice):
        raise InvalidArgument(_TYPE_OR_ALL)


def _check_mask(mask: Any, message: Any) -> None:
    path = wrong_path(mask, message.DESCRIPTOR)
    if path is not None:
        name = message.DESCRIPTOR.full_name
        raise InvalidArgument(f'invalid path "{path}" for message "{name}"')


_CHECKS = {
    "signal_operation": _check_signal,
    "update_workflow_options_operation": _check_options,
    "reset_operation": _check_reset,
    "unpause_activities_operation": _check_unpause,
    "reset_activities_operation": _check_reset_activities,
    "update_activity_options_operation": _check_update_activities,
}
