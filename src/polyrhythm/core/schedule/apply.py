"""Applies the notes of a schedule: the only writer of its state.

A start is owed by the step that decided it, and becomes an action by the note that settles it with
the run that began; one that was refused leaves no trace but that.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.common.v1 import SearchAttributes
from temporalio.api.enums.v1 import workflow_pb2 as statuses
from temporalio.api.schedule.v1 import Schedule

from polyrhythm.api import notes
from polyrhythm.core.durations import span_ns
from polyrhythm.core.entity import apply_message
from polyrhythm.core.schedule.state import Backfill, BufferedStart, RecentAction, ScheduleState

RECENT_MAX = 10
_RUNNING = statuses.WORKFLOW_EXECUTION_STATUS_RUNNING


def apply_schedule(state: ScheduleState, note: notes.Note) -> None:
    """Apply one note."""
    kind = note.WhichOneof("kind")
    if kind == "settled":
        _record_action(state, note)
    if kind in _APPLY:
        _APPLY[kind](state, note)
    else:
        apply_message(state, note)


def _apply_created(state: ScheduleState, note: notes.Note) -> None:
    created = note.run_created
    state.namespace_key = created.namespace_key
    state.workflow_id, state.run_id = created.workflow_id, created.run_id
    state.request_id = created.request_id
    state.status = _RUNNING
    state.create_ns = state.processed_ns = note.time_ns


def _apply_set(state: ScheduleState, note: notes.Note) -> None:
    written = note.schedule_set
    schedule = Schedule.FromString(written.schedule)
    state.spec = schedule.spec.SerializeToString(deterministic=True)
    state.action = schedule.action.SerializeToString(deterministic=True)
    state.workflow_type = schedule.action.start_workflow.workflow_type.name
    policies = schedule.policies
    state.policies = policies.SerializeToString(deterministic=True)
    state.job = written.job
    state.overlap = policies.overlap_policy
    state.catchup_ns = span_ns(policies.catchup_window)
    state.pause_on_failure = policies.pause_on_failure
    state.keep_workflow_id = policies.keep_original_workflow_id
    state.paused, state.notes = schedule.state.paused, schedule.state.notes
    state.limited = schedule.state.limited_actions
    state.remaining = schedule.state.remaining_actions
    if written.memo:
        state.memo = written.memo
    if written.HasField("search_attributes"):
        attributes = SearchAttributes.FromString(written.search_attributes)
        state.search_attributes = attributes.SerializeToString(deterministic=True)
    if written.update:
        state.update_ns = note.time_ns
        state.conflict_token += 1


def _apply_paused(state: ScheduleState, note: notes.Note) -> None:
    state.paused, state.notes = note.schedule_paused.paused, note.schedule_paused.notes
    state.conflict_token += 1


def _apply_step(state: ScheduleState, note: notes.Note) -> None:
    step = note.schedule_step
    state.processed_ns, state.due_ns = step.processed_ns, step.due_ns
    for place in reversed(step.removed):
        del state.buffer[place]
    for added in step.added:
        start = BufferedStart(added.nominal_ns, added.actual_ns, added.overlap, added.manual)
        start.triggered = added.triggered
        state.buffer.append(start)
    for owed in step.starts:
        message = notes.Message(namespace_key=state.namespace_key, scheduled_start=owed)
        state.owed[state.owed_next] = message.SerializeToString()
        state.owed_next += 1
    for asked in step.backfills_added:
        state.backfills.append(Backfill(asked.start_ns, asked.end_ns, asked.overlap))
    del state.backfills[: step.backfills_done]
    if step.backfill_from_ns:
        state.backfills[0].start_ns = step.backfill_from_ns
    state.missed += step.missed
    state.skipped += step.skipped
    state.dropped += step.dropped
    state.remaining -= step.used
    state.conflict_token += step.used


def _record_action(state: ScheduleState, note: notes.Note) -> None:
    settled = note.settled
    owed = state.owed.get(settled.sequence)
    if owed is None or not settled.run_id:
        return
    start = notes.Message.FromString(owed).scheduled_start
    state.actions += 1
    action = RecentAction(
        start.actual_ns, note.time_ns, start.workflow_id, settled.run_id, _RUNNING
    )
    state.recent.append(action)
    del state.recent[:-RECENT_MAX]
    if start.tracked:
        state.started.append((start.workflow_id, settled.run_id))


def _apply_run_closed(state: ScheduleState, note: notes.Note) -> None:
    closed = note.schedule_run_closed
    state.started.remove((closed.workflow_id, closed.first_run_id))
    for action in state.recent:
        if action.run_id == closed.first_run_id:
            action.status = closed.status
    if closed.result:
        state.last_result, state.last_failure = closed.result, b""
    elif closed.failure:
        # The result of an earlier run stands beside it.
        state.last_failure = closed.failure


def _apply_followed(state: ScheduleState, note: notes.Note) -> None:
    if note.schedule_followed.no_more:
        state.followers.remove(note.schedule_followed.job_id)
    else:
        state.followers.append(note.schedule_followed.job_id)


def _apply_ended(state: ScheduleState, note: notes.Note) -> None:
    state.status = note.schedule_ended.status
    state.close_ns = note.time_ns
    state.due_ns = 0
    state.buffer.clear()
    state.backfills.clear()


_APPLY: dict[str | None, Callable[[ScheduleState, notes.Note], None]] = {
    "run_created": _apply_created,
    "schedule_set": _apply_set,
    "schedule_paused": _apply_paused,
    "schedule_step": _apply_step,
    "schedule_run_closed": _apply_run_closed,
    "schedule_ended": _apply_ended,
    "schedule_followed": _apply_followed,
}
