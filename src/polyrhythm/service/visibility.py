"""Lists and counts of runs.

A query becomes a filter here and is executed by the engine; the two older calls say in fields what
others say in a query. Pages hold at most 1,000 runs; a page's token is where the next one starts,
so runs that start or close in between are neither shown twice nor a reason to lose others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from google.protobuf.message import DecodeError, Message
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    CountWorkflowExecutionsResponse,
    ListArchivedWorkflowExecutionsRequest,
    ListClosedWorkflowExecutionsRequest,
    ListClosedWorkflowExecutionsResponse,
    ListOpenWorkflowExecutionsRequest,
    ListOpenWorkflowExecutionsResponse,
    ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
    ScanWorkflowExecutionsRequest,
    ScanWorkflowExecutionsResponse,
)

from polyrhythm.api.notes import ListToken
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.engine.calls import CountRuns, ListRuns, RunPage
from polyrhythm.engine.filter import RunFilter
from polyrhythm.engine.reply import Reply
from polyrhythm.service.query_filter import build_filter
from polyrhythm.service.query_grammar import parse_query
from polyrhythm.service.query_tree import Query
from polyrhythm.service.query_values import clamped, status_word
from polyrhythm.service.query_words import refusal
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.shaped import shaped

PAGE_RUNS_MAX = 1000
ARCHIVED_PAGE_RUNS_MAX = 10_000
_RUNNING = int(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING)


def handle_list(
    service: Service,
    scope: NamespaceScope,
    request: ListWorkflowExecutionsRequest,
    deadline_ns: int,
) -> Reply:
    """List runs by a query. Reply: ListWorkflowExecutionsResponse."""
    query = parse_query(request.query)
    wanted = queried(scope, query, request)
    return list_wanted(service, scope, wanted, deadline_ns, ListWorkflowExecutionsResponse)


def handle_scan(
    service: Service,
    scope: NamespaceScope,
    request: ScanWorkflowExecutionsRequest,
    deadline_ns: int,
) -> Reply:
    """The same under its deprecated name. Reply: ScanWorkflowExecutionsResponse."""
    query = parse_query(request.query)
    wanted = queried(scope, query, request)
    return list_wanted(service, scope, wanted, deadline_ns, ScanWorkflowExecutionsResponse)


def handle_count(
    service: Service,
    scope: NamespaceScope,
    request: CountWorkflowExecutionsRequest,
    deadline_ns: int,
) -> Reply:
    """Count runs by a query. Reply: CountWorkflowExecutionsResponse."""
    query = parse_query(request.query)
    wanted = build_filter(query, scope.namespace)
    if query.group_by:
        reply = service.submit(scope, CountRuns(wanted, True), deadline_ns)
        return shaped(reply, partial(counted_groups, CountWorkflowExecutionsResponse))
    reply = service.submit(scope, CountRuns(wanted), deadline_ns)
    return shaped(reply, lambda count: CountWorkflowExecutionsResponse(count=count))


def handle_list_open(
    service: Service,
    scope: NamespaceScope,
    request: ListOpenWorkflowExecutionsRequest,
    deadline_ns: int,
) -> Reply:
    """List runs that are open. Reply: ListOpenWorkflowExecutionsResponse."""
    runs = RunFilter(scope.namespace.key, statuses=[_RUNNING], divided=False)
    runs.start_ns_min, runs.start_ns_max = _range_of(request)
    _apply_simple_filter(runs, request)
    apply_page(runs, request.maximum_page_size, request.next_page_token)
    return list_wanted(service, scope, runs, deadline_ns, ListOpenWorkflowExecutionsResponse)


def handle_list_closed(
    service: Service,
    scope: NamespaceScope,
    request: ListClosedWorkflowExecutionsRequest,
    deadline_ns: int,
) -> Reply:
    """List runs that are closed. Reply: ListClosedWorkflowExecutionsResponse."""
    runs = RunFilter(scope.namespace.key, excluded_statuses=[_RUNNING], divided=False)
    runs.close_ns_min, runs.close_ns_max = _range_of(request)
    _apply_simple_filter(runs, request)
    if request.HasField("status_filter"):
        status = request.status_filter.status
        if status in (0, _RUNNING):
            raise InvalidArgument("StatusFilter must be specified and must be not Running.")
        runs.statuses = [status]
    apply_page(runs, request.maximum_page_size, request.next_page_token)
    return list_wanted(service, scope, runs, deadline_ns, ListClosedWorkflowExecutionsResponse)


def handle_list_archived(
    service: Service,
    scope: NamespaceScope,
    request: ListArchivedWorkflowExecutionsRequest,
    deadline_ns: int,
) -> Reply:
    """Refuse: nothing is archived here, nor on a development server. Raises InvalidArgument."""
    if request.page_size > ARCHIVED_PAGE_RUNS_MAX:
        raise InvalidArgument(f"PageSize is larger than allowed {ARCHIVED_PAGE_RUNS_MAX}.")
    raise InvalidArgument("Cluster is not configured for visibility archival.")


def queried(
    scope: NamespaceScope, query: Query, request: Any, names: Mapping[str, str] | None = None
) -> RunFilter:
    """Return what a list by a query wants: its filter, with the page that the request asks for."""
    wanted = build_filter(query, scope.namespace, names)
    if query.group_by:
        raise refusal("operation is not supported: 'GROUP BY' clause")
    apply_page(wanted, request.page_size, request.next_page_token)
    return wanted


def apply_page(runs: RunFilter, size: int, token: bytes) -> None:
    """Set a filter's page. Raises InvalidArgument for a token that is none."""
    runs.limit = size if 0 < size <= PAGE_RUNS_MAX else PAGE_RUNS_MAX
    if not token:
        return
    try:
        last = ListToken.FromString(token)
    except DecodeError as error:
        raise InvalidArgument("Invalid NextPageToken.") from error
    runs.after = (last.close_ns, last.start_ns, last.run_key)


def _apply_simple_filter(runs: RunFilter, request: Any) -> None:
    if request.HasField("execution_filter"):
        runs.workflow_ids = [request.execution_filter.workflow_id]
    elif request.HasField("type_filter"):
        runs.workflow_types = [request.type_filter.name]


def _range_of(request: Any) -> tuple[int | None, int | None]:
    """Return the bounds of a start time filter; both ends belong to it."""
    times: list[int | None] = [None, None]
    for index, name in enumerate(("earliest_time", "latest_time")):
        if request.start_time_filter.HasField(name):
            stamp = getattr(request.start_time_filter, name)
            times[index] = clamped(stamp.seconds * SECOND_NS + stamp.nanos)
    low, high = times
    if low is not None and high is not None and low > high:
        raise InvalidArgument(
            "EarliestTime in StartTimeFilter should not be larger than LatestTime."
        )
    return low, high


def list_wanted(
    service: Service,
    scope: NamespaceScope,
    wanted: RunFilter,
    deadline_ns: int,
    response_class: Callable[[], Message],
) -> Reply:
    """Return a page of what is wanted, in a response of the class."""
    reply = service.submit(scope, ListRuns(wanted), deadline_ns)
    return shaped(reply, partial(_page, response_class))


def counted_groups(response_class: Callable[..., Any], counts: dict[int, int]) -> Message:
    """Return the counts of statuses, each named as a search attribute would be."""
    response = response_class(count=sum(counts.values()))
    for status, count in counts.items():
        value = response.groups.add(count=count).group_values.add()
        value.metadata["encoding"] = b"json/plain"
        value.metadata["type"] = b"Keyword"
        value.data = json.dumps(status_word(status)).encode()
    message: Message = response
    return message


def _page(response_class: Callable[[], Any], page: RunPage) -> Message:
    """Return a response from the engine's page."""
    response: Any = response_class()
    response.executions.extend(page.infos)
    response.next_page_token = page_token(page)
    message: Message = response
    return message


def page_token(page: RunPage) -> bytes:
    """Return where the next page starts, empty at the end."""
    if page.after is None:
        return b""
    close_ns, start_ns, run_key = page.after
    return ListToken(close_ns=close_ns, start_ns=start_ns, run_key=run_key).SerializeToString()
