"""DescribeWorkflowExecution and QueryWorkflow: questions about one workflow.

A description is the engine's alone; a query goes on to a worker, so its arguments are measured and
its rejection condition filled in here.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import QueryRejectCondition
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    QueryWorkflowRequest,
)

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.engine.reply import Reply
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.texts import check_blob, check_execution


def handle_describe(
    service: Service,
    scope: NamespaceScope,
    request: DescribeWorkflowExecutionRequest,
    deadline_ns: int,
) -> Reply:
    """Describe a workflow. Reply: DescribeWorkflowExecutionResponse."""
    check_execution(request, "execution")
    return service.submit(scope, request, deadline_ns)


def handle_query(
    service: Service,
    scope: NamespaceScope,
    request: QueryWorkflowRequest,
    deadline_ns: int,
) -> Reply:
    """Ask a workflow a question. Reply: QueryWorkflowResponse."""
    check_execution(request, "execution")
    if not request.HasField("query"):
        raise InvalidArgument("WorkflowQuery is not set on request.")
    if not request.query.query_type:
        raise InvalidArgument("QueryType is not set on request.")
    if not request.query_reject_condition:
        request.query_reject_condition = QueryRejectCondition.QUERY_REJECT_CONDITION_NONE
    check_blob(request.query.query_args, service.limits)
    return service.submit(scope, request, deadline_ns)
