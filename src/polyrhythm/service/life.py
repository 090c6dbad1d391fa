"""Calls that end or hold a workflow from outside: cancel, terminate, delete, pause.

Pausing is off, as it is by default on the server this follows: so no workflow is ever paused, and
both calls say so.

Whether there is such a workflow, and what happens to one that is closed already, is the engine's
to say.
"""

from __future__ import annotations

from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    PauseWorkflowExecutionRequest,
    RequestCancelWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
    UnpauseWorkflowExecutionRequest,
)

from polyrhythm.base.errors import InvalidArgument, Unimplemented
from polyrhythm.engine.reply import Reply
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.start_fields import check_links
from polyrhythm.service.texts import check_execution

# What histories show of a caller who gave neither reason nor name, to tell it from the server.
TERMINATE_REASON = "terminated by user via frontend"
TERMINATE_IDENTITY = "frontend-service"


def handle_cancel(
    service: Service,
    scope: NamespaceScope,
    request: RequestCancelWorkflowExecutionRequest,
    deadline_ns: int,
) -> Reply:
    """Ask a workflow to cancel itself. Reply: RequestCancelWorkflowExecutionResponse."""
    check_execution(request, "workflow_execution")
    check_links(request.links)
    return service.submit(scope, request, deadline_ns)


def handle_terminate(
    service: Service,
    scope: NamespaceScope,
    request: TerminateWorkflowExecutionRequest,
    deadline_ns: int,
) -> Reply:
    """End a workflow at once. Reply: TerminateWorkflowExecutionResponse."""
    check_execution(request, "workflow_execution")
    check_links(request.links)
    request.reason = request.reason or TERMINATE_REASON
    request.identity = request.identity or TERMINATE_IDENTITY
    return service.submit(scope, request, deadline_ns)


def handle_delete(
    service: Service,
    scope: NamespaceScope,
    request: DeleteWorkflowExecutionRequest,
    deadline_ns: int,
) -> Reply:
    """Remove a workflow with its history. Reply: DeleteWorkflowExecutionResponse."""
    check_execution(request, "workflow_execution")
    return service.submit(scope, request, deadline_ns)


def handle_pause(
    _service: Service,
    scope: NamespaceScope,
    _request: PauseWorkflowExecutionRequest,
    _deadline_ns: int,
) -> Reply:
    """Hold a workflow. Not built: raises Unimplemented with the server's words for "off"."""
    raise Unimplemented(f"workflow pause is not enabled for namespace: {scope.namespace.name}")


def handle_unpause(
    service: Service,
    scope: NamespaceScope,
    request: UnpauseWorkflowExecutionRequest,
    deadline_ns: int,
) -> Reply:
    """Let a held workflow go on: refused, since none is held."""
    if not request.workflow_id:
        raise InvalidArgument("WorkflowId is not set on request.")
    return service.submit(scope, request, deadline_ns)
