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
from polyrhythm.service.query_filter import build_filter, each_test
from polyrhythm.service.query_grammar import Query, parse_query
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
    wanted = queried(scope, _parsed(request.query), request)
    wanted.filter.kind = EntityKind.ACTIVITY
    return list_wanted(service, scope, wanted, deadline_ns, ListActivityExecutionsResponse)


def handle_count_standalone(
    service: Service,
    scope: NamespaceScope,
    request: CountActivityExecutionsRequest,
    deadline_ns: int,
) -> Reply:
    """Count activities by a query. Reply: CountActivityExecutionsResponse."""
    query = _parsed(request.query)
    wanted = build_filter(query, scope.namespace.key)
    wanted.filter.kind = EntityKind.ACTIVITY
    if wanted.nothing:
        return Reply.of(CountActivityExecutionsResponse())
    if query.group_by:
        reply = service.submit(scope, CountRuns(wanted.filter, True), deadline_ns)
        return shaped(reply, partial(counted_groups, CountActivityExecutionsResponse))
    reply = service.submit(scope, CountRuns(wanted.filter), deadline_ns)
    return shaped(reply, lambda count: CountActivityExecutionsResponse(count=count))


def _parsed(text: str) -> Query:
    query = parse_query(text)
    for test in each_test(query.condition):
        test.name = _COLUMNS.get(test.name, test.name)
    query.group_by = [_COLUMNS.get(name, name) for name in query.group_by]
    return query
