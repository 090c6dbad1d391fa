"""Lists and counts of activities without a workflow.

The queries are those of workflows, with the names of activities: ActivityId and ActivityType.
"""

from __future__ import annotations

from functools import partial

from temporalio.api.workflowservice.v1 import (
    CountActivityExecutionsRequest,
    CountActivityExecutionsResponse,
    ListActivityExecutionsRequest,
    ListActivityExecutionsResponse,
)

from polyrhythm.engine.calls import CountRuns
from polyrhythm.engine.filter import EntityKind
from polyrhythm.engine.reply import Reply
from polyrhythm.service.query_filter import build_filter
from polyrhythm.service.query_grammar import parse_query
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.shaped import shaped
from polyrhythm.service.visibility import counted_groups, list_wanted, queried

# What an activity's own attributes are called in a row.
_COLUMNS = {"ActivityId": "WorkflowId", "ActivityType": "WorkflowType"}


def handle_list_standalone(
    service: Service,
    scope: NamespaceScope,
    request: ListActivityExecutionsRequest,
    deadline_ns: int,
) -> Reply:
    """List activities by a query. Reply: ListActivityExecutionsResponse."""
    wanted = queried(scope, parse_query(request.query), request, _COLUMNS)
    wanted.kind = EntityKind.ACTIVITY
    return list_wanted(service, scope, wanted, deadline_ns, ListActivityExecutionsResponse)


def handle_count_standalone(
    service: Service,
    scope: NamespaceScope,
    request: CountActivityExecutionsRequest,
    deadline_ns: int,
) -> Reply:
    """Count activities by a query. Reply: CountActivityExecutionsResponse."""
    query = parse_query(request.query)
    wanted = build_filter(query, scope.namespace, _COLUMNS)
    wanted.kind = EntityKind.ACTIVITY
    if query.group_by:
        reply = service.submit(scope, CountRuns(wanted, True), deadline_ns)
        return shaped(reply, partial(counted_groups, CountActivityExecutionsResponse))
    reply = service.submit(scope, CountRuns(wanted), deadline_ns)
    return shaped(reply, lambda count: CountActivityExecutionsResponse(count=count))
