"""Calls about jobs: schedules whose times are specs of a dialect. Each call is one commit.

A job is found by its id or by looking through all schedules of its namespace: tags and owners have
no index, and a namespace has thousands of jobs at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from temporalio.api.enums.v1 import ScheduleOverlapPolicy, WorkflowExecutionStatus
from temporalio.api.schedule.v1 import Schedule, SchedulePatch

from polyrhythm.api import service as api
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import (
    AlreadyStarted,
    DataLoss,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
)
from polyrhythm.base.limits import JOBS_MAX
from polyrhythm.core.context import Context
from polyrhythm.core.schedule.decide import decide_delete, decide_patch
from polyrhythm.core.schedule.describe import describe_schedule
from polyrhythm.core.schedule.jobs import find_cycle, job_of
from polyrhythm.core.schedule.put import PutJob, decide_followed, decide_put
from polyrhythm.core.schedule.state import ScheduleState
from polyrhythm.engine.cache import Loaded
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.stores.port import RunFilter

_RUNNING = int(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING)
_ALLOW_ALL = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL
_PAGE = 1000
_VERB = api.PatchJobsRequest.Verb


def put_job(desk: Desk, call: Call) -> None:
    """Add a job or replace it; one that is put as it was is left alone."""
    request: api.PutJobRequest = call.request
    key, turn, context = call.namespace.key, desk.turn, desk.context(call.namespace)
    found = turn.find_entity(key, EntityKind.SCHEDULE, request.job_id)
    open_one = found if found is not None and found.state.running else None
    state = open_one.state if open_one is not None else None
    if state is not None and request.only_new and state.request_id != request.request_id:
        raise AlreadyStarted(f'there is a job "{request.job_id}" already', "", "", "")
    if state is not None and not state.job:
        raise AlreadyStarted(
            f'"{request.job_id}" is a schedule of the Temporal API, not a job', "", "", ""
        )
    before = set(job_of(state.job).after) if state is not None else set()
    after = set(request.job.after)
    others = _jobs(desk, call) if state is None or after != before else None
    if others is not None:
        _check_after(request, others)
        if len(others) >= JOBS_MAX and state is None:
            raise ResourceExhausted(f"a namespace has {JOBS_MAX} jobs at most", "CONCURRENT_LIMIT")
    schedule = Schedule.FromString(request.schedule)
    put = PutJob(request.job_id, request.job, schedule, request.request_id)
    decision = decide_put(state, put, context)
    if open_one is None:
        open_one = turn.create_entity(EntityKind.SCHEDULE, decision)
    else:
        turn.stage_entity(open_one, decision)
    if others is not None:
        _follow(desk, open_one, others, context)
    answer = api.PutJobResponse(created=state is None, changed=bool(decision.note_frames))
    turn.answer(call.reply, answer)


def patch_jobs(desk: Desk, call: Call) -> None:
    """Pause, resume, run or remove jobs. Raises NotFound for an id that no job has."""
    request: api.PatchJobsRequest = call.request
    context, answer = desk.context(call.namespace), api.PatchJobsResponse()
    for job_id, entity in sorted(_wanted(desk, call).items()):
        state: ScheduleState = entity.state
        if request.verb == _VERB.VERB_REMOVE:
            desk.turn.stage_entity(entity, decide_delete(state, context))
            _leave(desk, call, job_id, state)
        else:
            patch = _patch(request, state)
            desk.turn.stage_entity(entity, decide_patch(state, patch, context))
        answer.job_ids.append(job_id)
    desk.turn.answer(call.reply, answer)


def list_jobs(desk: Desk, call: Call) -> None:
    """Answer with jobs as they stand, in the order of their ids."""
    context, answer = desk.context(call.namespace), api.ListJobsResponse()
    for job_id, entity in sorted(_wanted(desk, call).items()):
        described = describe_schedule(entity.state, context)
        answer.jobs.add(
            job_id=job_id,
            job=job_of(entity.state.job),
            description=described.SerializeToString(),
        )
    desk.turn.answer(call.reply, answer)


def _patch(request: api.PatchJobsRequest, state: ScheduleState) -> SchedulePatch:
    if request.verb == _VERB.VERB_RUN:
        patch = SchedulePatch()
        # Asked for by hand it runs, whatever else of it does.
        patch.trigger_immediately.overlap_policy = _ALLOW_ALL
        return patch
    if request.verb == _VERB.VERB_PAUSE:
        return SchedulePatch(pause=request.reason or "paused")
    return SchedulePatch(unpause=request.reason or "resumed")


def _wanted(desk: Desk, call: Call) -> dict[str, Loaded[Any]]:
    request = call.request
    if request.job_ids:
        return {job_id: _find(desk, call, job_id) for job_id in request.job_ids}
    tags, owner = set(request.tags), getattr(request, "owner", "")
    kept = set(getattr(request, "kept_ids", ()))
    found = {}
    for job_id, entity in _jobs(desk, call).items():
        job = job_of(entity.state.job)
        if tags and not tags.intersection(job.tags):
            continue
        if owner and (job.owner != owner or job_id in kept):
            continue
        found[job_id] = entity
    return found


def _find(desk: Desk, call: Call, job_id: str) -> Loaded[Any]:
    entity = desk.turn.find_entity(call.namespace.key, EntityKind.SCHEDULE, job_id)
    if entity is None or not entity.state.running or not entity.state.job:
        raise NotFound(f'there is no job "{job_id}"')
    return entity


def _jobs(desk: Desk, call: Call) -> dict[str, Loaded[Any]]:
    """Return all jobs of the namespace that stand."""
    return {entity.state.workflow_id: entity for entity in _each(desk, call)}


def _each(desk: Desk, call: Call) -> Iterator[Loaded[Any]]:
    wanted = RunFilter(call.namespace.key, EntityKind.SCHEDULE, statuses=[_RUNNING], limit=_PAGE)
    while True:
        rows = desk.memory.world.store.list_runs(wanted)
        for row in rows:
            try:
                entity = desk.turn.load_any(row.run_key)
            except (NotFound, DataLoss):
                # Deleted by this turn, or damaged: the others are found.
                continue
            if entity.state.running and entity.state.job:
                yield entity
        if len(rows) < _PAGE:
            return
        last = rows[-1]
        wanted.after = (last.close_ns, last.start_ns, last.run_key)


def _check_after(request: api.PutJobRequest, others: dict[str, Loaded[Any]]) -> None:
    """Refuse jobs to act after that are not there, or that act after this one."""
    for job_id in request.job.after:
        if job_id == request.job_id:
            raise InvalidArgument(f'job "{job_id}" would act after itself')
        if job_id not in others:
            raise InvalidArgument(f'"{request.job_id}" acts after "{job_id}", which is no job')
    parents = {job_id: list(job_of(one.state.job).after) for job_id, one in others.items()}
    if find_cycle(request.job_id, request.job.after, parents):
        raise InvalidArgument(f'job "{request.job_id}" would act after itself, through others')


def _follow(
    desk: Desk, entity: Loaded[Any], others: dict[str, Loaded[Any]], context: Context
) -> None:
    """Have the jobs that this one acts after know of it, and this one of those that follow it."""
    job_id, after = entity.state.workflow_id, job_of(entity.state.job).after
    for other_id, other in others.items():
        if other_id == job_id:
            continue
        told = decide_followed(other.state, job_id, other_id in after, context)
        desk.turn.stage_entity(other, told)
        follows = job_id in job_of(other.state.job).after
        told = decide_followed(entity.state, other_id, follows, context)
        desk.turn.stage_entity(entity, told)


def _leave(desk: Desk, call: Call, job_id: str, state: ScheduleState) -> None:
    """Have the jobs that a removed one acts after forget it."""
    context = desk.context(call.namespace)
    for parent_id in job_of(state.job).after:
        parent = desk.turn.find_entity(call.namespace.key, EntityKind.SCHEDULE, parent_id)
        if parent is not None and parent.state.running:
            desk.turn.stage_entity(parent, decide_followed(parent.state, job_id, False, context))
