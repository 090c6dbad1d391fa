"""Decides a job that is put: a new schedule, or another one under its id, or none at all.

A program says at every start what its jobs are; one that is as it was is left alone, so that its
times go on where they were.
"""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.api.common.v1 import Memo, SearchAttributes
from temporalio.api.schedule.v1 import Schedule

from polyrhythm.api.service import Job
from polyrhythm.core.context import Context
from polyrhythm.core.entity import EntityDecision
from polyrhythm.core.schedule.advance import advance, catch_up
from polyrhythm.core.schedule.apply import apply_schedule
from polyrhythm.core.schedule.decide import set_note
from polyrhythm.core.schedule.jobs import check_times, is_same, merge_job
from polyrhythm.core.schedule.overlap import SKIP
from polyrhythm.core.schedule.state import ScheduleState


@dataclass(slots=True)
class PutJob:
    """A job as it is asked for; `schedule` has its action, policies and state."""

    job_id: str
    job: Job
    schedule: Schedule
    request_id: str


def decide_put(state: ScheduleState | None, put: PutJob, context: Context) -> EntityDecision:
    """Decide a job; nothing is written when it is what it was. Raises InvalidArgument for one that
    never acts."""
    job, schedule = Job(), Schedule()
    job.CopyFrom(put.job)
    schedule.CopyFrom(put.schedule)
    policies = schedule.policies
    policies.overlap_policy = policies.overlap_policy or SKIP
    merge_job(state, job, schedule, context.now_ns)
    decision = EntityDecision(state or ScheduleState(), context, apply_schedule)
    if state is not None and is_same(state, job, schedule):
        return decision
    check_times(job, context.now_ns)
    if state is None:
        _create(decision, put)
    else:
        catch_up(decision)
    note = set_note(decision, schedule)
    written = note.schedule_set
    written.job = job.SerializeToString(deterministic=True)
    written.update = state is not None
    if state is None:
        written.memo = Memo().SerializeToString()
        written.search_attributes = SearchAttributes().SerializeToString()
    decision.append_note(note)
    advance(decision)
    return decision


def decide_followed(
    state: ScheduleState, job_id: str, follows: bool, context: Context
) -> EntityDecision:
    """Decide whether a job acts after the runs of this one; without effect if that is known."""
    decision = EntityDecision(state, context, apply_schedule)
    if (job_id in state.followers) != follows:
        note = decision.new_note()
        note.schedule_followed.job_id = job_id
        note.schedule_followed.no_more = not follows
        decision.append_note(note)
    return decision


def _create(decision: EntityDecision, put: PutJob) -> None:
    context, note = decision.context, decision.new_note()
    created = note.run_created
    created.namespace_key = context.namespace.key
    created.workflow_id = put.job_id
    created.run_id = context.ids.run_id()
    created.request_id = put.request_id
    decision.append_note(note)
