"""Schedules: create, describe, update, patch, delete, list, count and their times to come.

Checks that need no schedule are made here, in the order and words of the server's workflow
handler; specs become canonical on the way. Checked beyond what that server checks: retry policy
and priority of the action, so that no schedule is created whose starts can only fail.
"""

from __future__ import annotations

from typing import Any

from temporalio.api.enums.v1 import WorkflowExecutionStatus, WorkflowIdReusePolicy
from temporalio.api.schedule.v1 import Schedule
from temporalio.api.workflow.v1 import NewWorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    CountSchedulesRequest,
    CountSchedulesResponse,
    CreateScheduleRequest,
    DeleteScheduleRequest,
    DescribeScheduleRequest,
    ListScheduleMatchingTimesRequest,
    ListSchedulesRequest,
    ListSchedulesResponse,
    PatchScheduleRequest,
    UpdateScheduleRequest,
)

from polyrhythm.api.notes import ListToken
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import FailedPrecondition, InvalidArgument
from polyrhythm.base.limits import SCHEDULE_NOTES_BYTES_MAX, SCHEDULE_SPECS_MAX
from polyrhythm.core.decide.attributes import encode_custom_types
from polyrhythm.core.schedule.spec import canonical_spec
from polyrhythm.engine.calls import CountRuns, ListSchedules, SchedulePage
from polyrhythm.engine.filter import RunFilter
from polyrhythm.engine.reply import Reply
from polyrhythm.service import start_fields as fields
from polyrhythm.service.query_filter import build_filter
from polyrhythm.service.query_grammar import parse_query
from polyrhythm.service.queue_names import check_user_queue
from polyrhythm.service.search_attributes import check_search_attributes
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.shaped import shaped
from polyrhythm.service.texts import check_blob, check_length
from polyrhythm.service.visibility import apply_page

# What the server calls a schedule's own workflow: lengths of ids count it.
_SERVER_PREFIX = "temporal-sys-scheduler:"
_TIME_SUFFIX = "-2009-11-10T23:00:00Z"
# Each schedule of a page is shown with its next times: 0.3 ms.
_PAGE_MAX = 100
_REPEATED = (
    "calendar",
    "structured_calendar",
    "cron_string",
    "interval",
    "exclude_calendar",
    "exclude_structured_calendar",
)
_RUNNING = int(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING)
_REUSABLE = (
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_UNSPECIFIED,
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
)
# What a schedule's own attribute is called in a row.
_NAMES = {"ScheduleId": "WorkflowId"}


def handle_create(
    service: Service, scope: NamespaceScope, request: CreateScheduleRequest, deadline_ns: int
) -> Reply:
    """Create a schedule. Reply: CreateScheduleResponse."""
    limits = service.limits
    fields.check_workflow_id(_SERVER_PREFIX + request.schedule_id, limits)
    if not request.request_id:
        raise InvalidArgument("RequestId is not set on request.")
    fields.check_request_id(request.request_id, limits)
    _check_spec(request.schedule)
    check_action(service, scope, request.schedule)
    check_search_attributes(request.search_attributes, scope.namespace)
    encode_custom_types(request.search_attributes, scope.namespace)
    if request.HasField("initial_patch"):
        _check_notes(request.initial_patch)
    check_blob(request, limits)
    return service.submit(scope, request, deadline_ns)


def handle_describe(
    service: Service, scope: NamespaceScope, request: DescribeScheduleRequest, deadline_ns: int
) -> Reply:
    """Describe a schedule. Reply: DescribeScheduleResponse."""
    return service.submit(scope, request, deadline_ns)


def handle_update(
    service: Service, scope: NamespaceScope, request: UpdateScheduleRequest, deadline_ns: int
) -> Reply:
    """Replace what a schedule says. Reply: UpdateScheduleResponse."""
    check_action(service, scope, request.schedule)
    _check_spec(request.schedule)
    check_search_attributes(request.search_attributes, scope.namespace)
    encode_custom_types(request.search_attributes, scope.namespace)
    if request.HasField("memo"):
        raise FailedPrecondition("memo updates are not supported on workflow-backed schedules")
    fields.check_request_id(request.request_id, service.limits)
    check_blob(request, service.limits)
    return service.submit(scope, request, deadline_ns)


def handle_patch(
    service: Service, scope: NamespaceScope, request: PatchScheduleRequest, deadline_ns: int
) -> Reply:
    """Trigger, backfill, pause or unpause a schedule. Reply: PatchScheduleResponse."""
    fields.check_request_id(request.request_id, service.limits)
    _check_notes(request.patch)
    check_blob(request.patch, service.limits)
    return service.submit(scope, request, deadline_ns)


def handle_delete(
    service: Service, scope: NamespaceScope, request: DeleteScheduleRequest, deadline_ns: int
) -> Reply:
    """Delete a schedule. Reply: DeleteScheduleResponse."""
    return service.submit(scope, request, deadline_ns)


def handle_matching_times(
    service: Service,
    scope: NamespaceScope,
    request: ListScheduleMatchingTimesRequest,
    deadline_ns: int,
) -> Reply:
    """List the times of a schedule in a span. Reply: ListScheduleMatchingTimesResponse."""
    if not (request.HasField("start_time") and request.HasField("end_time")):
        raise InvalidArgument("missing or invalid query")
    return service.submit(scope, request, deadline_ns)


def handle_list(
    service: Service, scope: NamespaceScope, request: ListSchedulesRequest, deadline_ns: int
) -> Reply:
    """List schedules. Reply: ListSchedulesResponse."""
    wanted = _queried(scope, request.query)
    size = request.maximum_page_size
    apply_page(wanted, size if 0 < size <= _PAGE_MAX else _PAGE_MAX, request.next_page_token)
    return shaped(service.submit(scope, ListSchedules(wanted), deadline_ns), _page)


def handle_count(
    service: Service, scope: NamespaceScope, request: CountSchedulesRequest, deadline_ns: int
) -> Reply:
    """Count schedules. Reply: CountSchedulesResponse."""
    wanted = _queried(scope, request.query)
    reply = service.submit(scope, CountRuns(wanted), deadline_ns)
    return shaped(reply, lambda count: CountSchedulesResponse(count=count))


def _queried(scope: NamespaceScope, text: str) -> RunFilter:
    wanted = build_filter(parse_query(text), scope.namespace, _NAMES)
    wanted.kind = EntityKind.SCHEDULE
    wanted.statuses = [_RUNNING]
    return wanted


def _page(page: SchedulePage) -> ListSchedulesResponse:
    response = page.response
    if page.after is not None:
        close_ns, start_ns, run_key = page.after
        token = ListToken(close_ns=close_ns, start_ns=start_ns, run_key=run_key)
        response.next_page_token = token.SerializeToString()
    return response


def _check_spec(schedule: Schedule) -> None:
    spec = schedule.spec
    for name in _REPEATED:
        if len(getattr(spec, name)) > SCHEDULE_SPECS_MAX:
            raise InvalidArgument(
                f"Invalid schedule spec: more than {SCHEDULE_SPECS_MAX} {name} entries"
            )
    try:
        canonical = canonical_spec(spec)
    except InvalidArgument as problem:
        raise InvalidArgument(f"Invalid schedule spec: {problem.message}") from problem
    spec.CopyFrom(canonical)


def check_action(service: Service, scope: NamespaceScope, schedule: Schedule) -> None:
    """Refuse a start that could only fail. Raises InvalidArgument."""
    if not schedule.action.HasField("start_workflow"):
        return
    action: NewWorkflowExecutionInfo = schedule.action.start_workflow
    limits = service.limits
    fields.check_workflow_id(action.workflow_id + _TIME_SUFFIX, limits)
    fields.check_workflow_type(action, limits)
    check_user_queue(action, limits)
    fields.check_timeouts(action, limits)
    if action.cron_schedule:
        raise InvalidArgument("Scheduled workflow must not contain CronSchedule")
    if action.workflow_id_reuse_policy not in _REUSABLE:
        raise InvalidArgument("Scheduled workflow must not contain WorkflowIDReusePolicy")
    fields.check_retry_policy(action, limits)
    fields.check_priority(action.priority)
    if action.HasField("search_attributes"):
        check_search_attributes(action.search_attributes, scope.namespace)
        # Described with their types, as the server does.
        encode_custom_types(action.search_attributes, scope.namespace)


def _check_notes(patch: Any) -> None:
    for text in (patch.pause, patch.unpause):
        check_length(text, SCHEDULE_NOTES_BYTES_MAX, "Schedule notes exceeds limit.")
