"""What clients are shown of a schedule: described whole, as a list's entry, its times to come.

Times to come are looked for when they are asked for, within the bounds of the timetable; a list
shows five of them, and ten calendars and intervals of each kind.
"""

from __future__ import annotations

from temporalio.api.common.v1 import Memo, SearchAttributes
from temporalio.api.schedule.v1 import (
    Schedule,
    ScheduleAction,
    ScheduleActionResult,
    ScheduleListEntry,
    SchedulePolicies,
    ScheduleSpec,
)
from temporalio.api.workflowservice.v1 import (
    DescribeScheduleResponse,
    ListScheduleMatchingTimesRequest,
    ListScheduleMatchingTimesResponse,
)

from polyrhythm.base.calendar.timetable import QUESTION_SKIPS_MAX
from polyrhythm.core.context import Context
from polyrhythm.core.durations import set_span, span_ns
from polyrhythm.core.schedule.advance import jitter_seed
from polyrhythm.core.schedule.decide import conflict_token
from polyrhythm.core.schedule.jobs import times_of
from polyrhythm.core.schedule.spec import fill_ranges
from polyrhythm.core.schedule.state import RecentAction, ScheduleState

MATCHING_TIMES_MAX = 1000
_FUTURE_MAX = 10
_LISTED_MAX = 5
# Calendars and intervals that a list shows of each kind.
_LISTED_SPECS_MAX = 10
_NEVER_NS = 2**63 - 1


def describe_schedule(state: ScheduleState, context: Context) -> DescribeScheduleResponse:
    """Return all that there is to know of a schedule."""
    answer = DescribeScheduleResponse(conflict_token=conflict_token(state.conflict_token))
    answer.schedule.CopyFrom(_schedule(state))
    info = answer.info
    info.action_count = state.actions
    info.missed_catchup_window = state.missed
    info.overlap_skipped = state.skipped
    info.buffer_dropped = state.dropped
    info.buffer_size = len(state.buffer)
    for workflow_id, run_id in state.started:
        info.running_workflows.add(workflow_id=workflow_id, run_id=run_id)
    info.recent_actions.extend(map(_action_result, state.recent))
    for at_ns in _future(state, context, _FUTURE_MAX):
        set_span(info.future_action_times.add(), at_ns)
    set_span(info.create_time, state.create_ns)
    if state.update_ns:
        set_span(info.update_time, state.update_ns)
    _show_user_fields(answer, state)
    return answer


def list_entry(state: ScheduleState, context: Context) -> ScheduleListEntry:
    """Return a schedule as lists show it."""
    entry = ScheduleListEntry(schedule_id=state.workflow_id)
    info = entry.info
    spec = ScheduleSpec.FromString(state.spec)
    spec.ClearField("timezone_data")
    for name in ("structured_calendar", "exclude_structured_calendar", "interval"):
        del getattr(spec, name)[_LISTED_SPECS_MAX:]
    fill_ranges(spec)
    info.spec.CopyFrom(spec)
    if state.workflow_type:
        info.workflow_type.name = state.workflow_type
    info.notes, info.paused = state.notes, state.paused
    info.recent_actions.extend(map(_action_result, state.recent[-_LISTED_MAX:]))
    for at_ns in _future(state, context, _LISTED_MAX):
        set_span(info.future_action_times.add(), at_ns)
    _show_user_fields(entry, state)
    return entry


def matching_times(
    state: ScheduleState, request: ListScheduleMatchingTimesRequest, context: Context
) -> ListScheduleMatchingTimesResponse:
    """Return the times of a schedule in a span, whatever it does at them."""
    answer = ListScheduleMatchingTimesResponse()
    table, seed = times_of(state), jitter_seed(state, context)
    after_ns, until_ns = span_ns(request.start_time), span_ns(request.end_time)
    for firing in table.between(after_ns, until_ns, seed, MATCHING_TIMES_MAX):
        set_span(answer.start_time.add(), firing.actual_ns)
    return answer


def _schedule(state: ScheduleState) -> Schedule:
    schedule = Schedule()
    schedule.spec.CopyFrom(ScheduleSpec.FromString(state.spec))
    fill_ranges(schedule.spec)
    schedule.action.CopyFrom(ScheduleAction.FromString(state.action))
    schedule.policies.CopyFrom(SchedulePolicies.FromString(state.policies))
    schedule.state.paused, schedule.state.notes = state.paused, state.notes
    schedule.state.limited_actions = state.limited
    schedule.state.remaining_actions = state.remaining
    # It is there, even when all of it is as it begins.
    schedule.state.SetInParent()
    return schedule


def _future(state: ScheduleState, context: Context, count: int) -> list[int]:
    if state.limited:
        count = min(count, state.remaining)
    table, seed = times_of(state), jitter_seed(state, context)
    found: list[int] = []
    # After an update a jittered time or two may lie before it.
    for firing in table.between(state.processed_ns, _NEVER_NS, seed, QUESTION_SKIPS_MAX):
        if len(found) >= count:
            break
        if firing.actual_ns >= state.update_ns:
            found.append(firing.actual_ns)
    return found


def _action_result(action: RecentAction) -> ScheduleActionResult:
    result = ScheduleActionResult()
    set_span(result.schedule_time, action.scheduled_ns)
    set_span(result.actual_time, action.actual_ns)
    result.start_workflow_result.workflow_id = action.workflow_id
    result.start_workflow_result.run_id = action.run_id
    result.start_workflow_status = action.status  # type: ignore[assignment]
    return result


def _show_user_fields(
    answer: DescribeScheduleResponse | ScheduleListEntry, state: ScheduleState
) -> None:
    memo = Memo.FromString(state.memo)
    if memo.fields:
        answer.memo.CopyFrom(memo)
    attributes = SearchAttributes.FromString(state.search_attributes)
    if attributes.indexed_fields:
        answer.search_attributes.CopyFrom(attributes)
