"""Calls of operators about pending activities and a run's options: pause, reset, change.

Which activities a call means, and whether there are any, is the engine's to say. Run ids are
checked last, and in other words than elsewhere, since the server comes to them last.
"""

from __future__ import annotations

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    PauseActivityRequest,
    ResetActivityRequest,
    UnpauseActivityRequest,
    UpdateActivityOptionsRequest,
    UpdateWorkflowExecutionOptionsRequest,
)

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.core.masks import wrong_path
from polyrhythm.engine.reply import Reply
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.start_fields import check_priority
from polyrhythm.service.texts import is_run_id

_Selecting = (
    PauseActivityRequest
    | ResetActivityRequest
    | UnpauseActivityRequest
    | UpdateActivityOptionsRequest
)


def handle_pause_activity(
    service: Service, scope: NamespaceScope, request: PauseActivityRequest, deadline_ns: int
) -> Reply:
    """Hand a pending activity out no more. Reply: PauseActivityResponse."""
    _check_activity(request)
    _check_run_id(request.execution)
    return service.submit(scope, request, deadline_ns)


def handle_unpause_activity(
    service: Service, scope: NamespaceScope, request: UnpauseActivityRequest, deadline_ns: int
) -> Reply:
    """Let a paused activity go on. Reply: UnpauseActivityResponse."""
    _check_activity(request)
    _check_run_id(request.execution)
    return service.submit(scope, request, deadline_ns)


def handle_reset_activity(
    service: Service, scope: NamespaceScope, request: ResetActivityRequest, deadline_ns: int
) -> Reply:
    """Let an activity begin again. Reply: ResetActivityResponse."""
    _check_activity(request)
    _check_run_id(request.execution)
    return service.submit(scope, request, deadline_ns)


def handle_update_activity_options(
    service: Service,
    scope: NamespaceScope,
    request: UpdateActivityOptionsRequest,
    deadline_ns: int,
) -> Reply:
    """Change a pending activity's options. Reply: UpdateActivityOptionsResponse."""
    _check_activity(request)
    check_priority(request.activity_options.priority)
    if request.restore_original and request.update_mask.paths:
        raise InvalidArgument("Both UpdateMask and RestoreOriginal are provided")
    _check_run_id(request.execution)
    return service.submit(scope, request, deadline_ns)


def handle_update_workflow_options(
    service: Service,
    scope: NamespaceScope,
    request: UpdateWorkflowExecutionOptionsRequest,
    deadline_ns: int,
) -> Reply:
    """Change an open run's options. Reply: UpdateWorkflowExecutionOptionsResponse."""
    _check_workflow_id(request.workflow_execution)
    if not request.HasField("update_mask"):
        raise InvalidArgument("UpdateMask is required")
    if not request.HasField("workflow_execution_options"):
        raise InvalidArgument("WorkflowExecutionOptions is required")
    path = wrong_path(request.update_mask, WorkflowExecutionOptions.DESCRIPTOR)
    if path is not None:
        # The blank after the colon is a non-breaking one, as the recorded server writes it.
        raise InvalidArgument(
            f'error parsing UpdateMask: proto:\xa0invalid path "{path}" for message'
            f' "{WorkflowExecutionOptions.DESCRIPTOR.full_name}"'
        )
    check_priority(request.workflow_execution_options.priority)
    _check_run_id(request.workflow_execution)
    return service.submit(scope, request, deadline_ns)


def _check_activity(request: _Selecting) -> None:
    _check_workflow_id(request.execution)
    if request.WhichOneof("activity") is None:
        raise InvalidArgument("Either Activity.Id or Activity.Type should be set on request.")


def _check_workflow_id(execution: WorkflowExecution) -> None:
    if not execution.workflow_id:
        raise InvalidArgument("WorkflowId is not set on request.")


def _check_run_id(execution: WorkflowExecution) -> None:
    if execution.run_id and not is_run_id(execution.run_id):
        raise InvalidArgument("RunId is not valid UUID.")
