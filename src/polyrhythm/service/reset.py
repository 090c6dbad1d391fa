"""ResetWorkflowExecution: the request as the frontend checks it.

Which points a run can be reset to, and what becomes of the run, is the engine's to say.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import ResetReapplyType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from polyrhythm.base.errors import InvalidArgument, PolyrhythmError
from polyrhythm.engine.reply import Reply
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.start_fields import check_request_id
from polyrhythm.service.texts import check_execution


def handle_reset(
    service: Service,
    scope: NamespaceScope,
    request: ResetWorkflowExecutionRequest,
    deadline_ns: int,
) -> Reply:
    """Reset a workflow to one of its workflow tasks. Reply: ResetWorkflowExecutionResponse."""
    if not request.request_id:
        raise InvalidArgument("RequestId is not set on request.")
    check_request_id(request.request_id, service.limits)
    check_execution(request, "workflow_execution")
    if not request.reset_reapply_type:
        request.reset_reapply_type = ResetReapplyType.RESET_REAPPLY_TYPE_ALL_ELIGIBLE
    if request.reset_reapply_type not in ResetReapplyType.values():
        # An internal error of the server: so is this.
        raise PolyrhythmError(f"unknown reset reapply type: {request.reset_reapply_type}")
    return service.submit(scope, request, deadline_ns)
