"""SignalWorkflowExecution: a message to a running workflow.

The request id is the caller's: an empty one is never deduplicated, so none is made up here.
Whether the workflow exists and still runs is the engine's to say.
"""

from __future__ import annotations

from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest

from polyrhythm.engine.reply import Reply
from polyrhythm.service import start_fields as fields
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.texts import check_blob, check_execution


def handle_signal(
    service: Service,
    scope: NamespaceScope,
    request: SignalWorkflowExecutionRequest,
    deadline_ns: int,
) -> Reply:
    """Signal a workflow. Reply: SignalWorkflowExecutionResponse."""
    check_execution(request, "workflow_execution")
    fields.check_signal_name(request.signal_name, service.limits)
    fields.check_request_id(request.request_id, service.limits)
    fields.check_links(request.links)
    check_blob(request.input, service.limits)
    return service.submit(scope, request, deadline_ns)
