"""Decides the verbs of a schedule: what clients ask, what its timer and its runs say.

Every verb first lets pass what was due before it, then changes the schedule, then looks at what is
to be done now (`advance`).
"""

from __future__ import annotations

from collections.abc import Sequence

from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.enums.v1 import workflow_pb2 as statuses
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.schedule.v1 import Schedule, SchedulePatch
from temporalio.api.workflowservice.v1 import (
    CreateScheduleRequest,
    CreateScheduleResponse,
    UpdateScheduleRequest,
)

from polyrhythm.api import notes
from polyrhythm.base.errors import FailedPrecondition
from polyrhythm.base.limits import Limits
from polyrhythm.core import tables
from polyrhythm.core.context import Context
from polyrhythm.core.durations import set_span, span_ns
from polyrhythm.core.entity import EntityDecision
from polyrhythm.core.schedule.advance import advance, catch_up
from polyrhythm.core.schedule.apply import apply_schedule
from polyrhythm.core.schedule.jobs import job_of, tell_followers
from polyrhythm.core.schedule.overlap import SKIP
from polyrhythm.core.schedule.state import Backfill, BufferedStart, ScheduleState

_MILLISECOND_NS = 1_000_000
_COMPLETED = statuses.WORKFLOW_EXECUTION_STATUS_COMPLETED
_TERMINATED = statuses.WORKFLOW_EXECUTION_STATUS_TERMINATED
_FAILED = statuses.WORKFLOW_EXECUTION_STATUS_FAILED
_TIMED_OUT = statuses.WORKFLOW_EXECUTION_STATUS_TIMED_OUT
TOKEN_BYTES = 8


def decide_create(request: CreateScheduleRequest, context: Context) -> EntityDecision:
    """Decide a new schedule. The reply is a CreateScheduleResponse."""
    decision = EntityDecision(ScheduleState(), context, apply_schedule)
    note = decision.new_note()
    created = note.run_created
    created.namespace_key = context.namespace.key
    created.workflow_id = request.schedule_id
    created.run_id = context.ids.run_id()
    created.request_id = request.request_id
    decision.append_note(note)
    note = set_note(decision, request.schedule)
    note.schedule_set.memo = request.memo.SerializeToString(deterministic=True)
    attributes = request.search_attributes.SerializeToString(deterministic=True)
    note.schedule_set.search_attributes = attributes
    decision.append_note(note)
    _patch(decision, request.initial_patch)
    decision.reply = CreateScheduleResponse(conflict_token=conflict_token(1))
    return decision


def decide_update(
    state: ScheduleState, request: UpdateScheduleRequest, context: Context
) -> EntityDecision:
    """Decide an update. Raises FailedPrecondition when the schedule has changed since."""
    token = request.conflict_token
    if len(token) >= TOKEN_BYTES:
        seen = int.from_bytes(token[:TOKEN_BYTES], "big")
        if seen not in (0, state.conflict_token):
            raise FailedPrecondition("mismatched conflict token")
    decision = EntityDecision(state, context, apply_schedule)
    catch_up(decision)
    note = set_note(decision, request.schedule)
    note.schedule_set.update = True
    if not request.schedule.spec.ByteSize():
        # A job, changed by a client that knows schedules alone: its times stay.
        note.schedule_set.job = state.job
    if request.HasField("search_attributes"):
        attributes = request.search_attributes.SerializeToString(deterministic=True)
        note.schedule_set.search_attributes = attributes
    decision.append_note(note)
    advance(decision)
    return decision


def decide_patch(state: ScheduleState, patch: SchedulePatch, context: Context) -> EntityDecision:
    """Decide a trigger, backfills, a pause or its end, or several of them."""
    decision = EntityDecision(state, context, apply_schedule)
    catch_up(decision)
    _patch(decision, patch)
    return decision


def decide_delete(state: ScheduleState, context: Context) -> EntityDecision:
    """Decide the end of a schedule; what it has started goes on."""
    decision = EntityDecision(state, context, apply_schedule)
    note = decision.new_note()
    note.schedule_ended.status = _TERMINATED
    decision.append_note(note)
    return decision


def decide_schedule_due(state: ScheduleState, context: Context) -> EntityDecision:
    """Decide a deadline that may have passed."""
    decision = EntityDecision(state, context, apply_schedule)
    if state.running and 0 < state.due_ns <= context.now_ns:
        advance(decision)
    return decision


def decide_outcome(
    state: ScheduleState, sequence: int, outcome: notes.Settled, context: Context
) -> EntityDecision:
    """Take in what became of a message: after a start that failed others get their turn."""
    decision = EntityDecision(state, context, apply_schedule)
    owed = state.owed.get(sequence)
    if owed is None:
        return decision
    decision.settle(sequence, outcome)
    if outcome.failed_cause and notes.Message.FromString(owed).HasField("scheduled_start"):
        advance(decision)
    return decision


def decide_told(
    state: ScheduleState,
    message: notes.Message,
    _sender_key: int,
    _sequence: int,
    context: Context,
) -> EntityDecision:
    """Take in the end of a run's chain; without effect for one that is not waited for. Or that a
    job has run after which this one acts."""
    decision = EntityDecision(state, context, apply_schedule)
    if message.HasField("job_ended"):
        _act_after(decision, message.job_ended.status)
        return decision
    report = message.child_closed
    run = (message.sender_workflow_id, report.first_run_id)
    if run not in state.started:
        return decision
    event = HistoryEvent.FromString(report.close_event)
    note = decision.new_note()
    closed = note.schedule_run_closed
    closed.workflow_id, closed.first_run_id = run
    closed.status = tables.CLOSES[event.event_type]
    _fill_outcome(closed, event, context.limits)
    decision.append_note(note)
    if state.pause_on_failure and not state.paused and state.running:
        catch_up(decision)
        _pause_on_failure(decision, closed.status, run[0], event)
    advance(decision)
    tell_followers(decision, closed.status)
    return decision


def _act_after(decision: EntityDecision, status: int) -> None:
    """Act, if that is the end the job waits for."""
    state, now_ns = decision.state, decision.context.now_ns
    if not (state.running and state.job):
        return
    if status == _COMPLETED or job_of(state.job).after_always:
        advance(decision, [BufferedStart(now_ns, now_ns, 0, manual=False, triggered=True)])


def conflict_token(number: int) -> bytes:
    """Return a conflict token as clients hold it."""
    return number.to_bytes(TOKEN_BYTES, "big")


def set_note(decision: EntityDecision, schedule: Schedule) -> notes.Note:
    """Return the note that writes a schedule, not yet appended."""
    whole = Schedule()
    whole.CopyFrom(schedule)
    whole.spec.SetInParent()
    whole.action.SetInParent()
    policies, limits = whole.policies, decision.context.limits
    policies.overlap_policy = policies.overlap_policy or SKIP
    catchup_ns = limits.catchup_ns
    if policies.HasField("catchup_window"):
        catchup_ns = max(span_ns(policies.catchup_window), limits.catchup_ns_min)
    set_span(policies.catchup_window, catchup_ns)
    note = decision.new_note()
    note.schedule_set.schedule = whole.SerializeToString(deterministic=True)
    return note


def _patch(decision: EntityDecision, patch: SchedulePatch) -> None:
    triggers: Sequence[BufferedStart] = ()
    if patch.HasField("trigger_immediately"):
        trigger = patch.trigger_immediately
        at_ns = span_ns(trigger.scheduled_time) or decision.context.now_ns
        triggers = [BufferedStart(at_ns, at_ns, trigger.overlap_policy, manual=True)]
    backfills = [
        # Its first instant belongs to it.
        Backfill(
            span_ns(each.start_time) - _MILLISECOND_NS, span_ns(each.end_time), each.overlap_policy
        )
        for each in patch.backfill_request
    ]
    for paused, words in ((True, patch.pause), (False, patch.unpause)):
        if words:
            _write_paused(decision, paused, words)
    advance(decision, triggers, backfills)


def _write_paused(decision: EntityDecision, paused: bool, words: str) -> None:
    note = decision.new_note()
    note.schedule_paused.paused = paused
    note.schedule_paused.notes = words
    decision.append_note(note)


def _fill_outcome(closed: notes.ScheduleRunClosed, event: HistoryEvent, limits: Limits) -> None:
    """Keep the result or the failure of a run for the next one, unless it is too large for it."""
    if event.event_type == event_types.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
        completed = event.workflow_execution_completed_event_attributes
        # No result is one too, as the empty list of payloads.
        if completed.HasField("result") and completed.result.ByteSize() <= limits.blob_bytes_max:
            closed.result = completed.result.SerializeToString(deterministic=True)
    elif event.event_type == event_types.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
        failed = event.workflow_execution_failed_event_attributes
        if failed.failure.ByteSize() <= limits.blob_bytes_max:
            closed.failure = failed.failure.SerializeToString(deterministic=True)


def _pause_on_failure(
    decision: EntityDecision, status: int, workflow_id: str, event: HistoryEvent
) -> None:
    if status == _FAILED:
        failure = event.workflow_execution_failed_event_attributes.failure
        words = f"paused due to workflow failure: {workflow_id}: {failure.message}"
    elif status == _TIMED_OUT:
        words = f"paused due to workflow timeout: {workflow_id}"
    else:
        return
    _write_paused(decision, True, words)
