"""Batch operations: calls about jobs, and the step that a job takes in a turn.

A step takes the next runs of a job, a bounded number, does to each what the job asks for, and
moves the job's cursor in the same commit. What a refusal means is the server's: a run that is gone
or closed counts as done, one that cannot be handled now comes again, all others failed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from temporalio.api.workflowservice.v1 import StartBatchOperationRequest

from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import AlreadyStarted, NotFound, PolyrhythmError, ResourceExhausted
from polyrhythm.core.batch_job import (
    ATTEMPTS_MAX,
    BatchState,
    Progress,
    StartBatch,
    decide_begin,
    decide_progress,
    decide_stop,
    describe_batch,
)
from polyrhythm.core.effects import BatchStep
from polyrhythm.engine.cache import Loaded, LoadedRun
from polyrhythm.engine.calls import BeginBatch, Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.filter_bytes import decode_filter, encode_filter
from polyrhythm.engine.handlers.batch_operations import Operate, operation_of
from polyrhythm.stores.port import RunFilter

LOG = logging.getLogger("polyrhythm.batches")
_RUNNING = 1


@dataclass(slots=True)
class _Work:
    """A step's share: places to handle (keys of runs, or indexes of the request's list), and
    where the cursor stands when they are handled."""

    places: list[int]
    cursor: int
    last: bool
    attempt: int = 0


def start_batch(desk: Desk, call: Call) -> None:
    """Begin a job. Raises AlreadyStarted when its id was used, ResourceExhausted while too many
    are at work."""
    wanted: BeginBatch = call.request
    turn, store = desk.turn, desk.memory.world.store
    namespace_key, job_id = call.namespace.key, wanted.request.job_id
    open_jobs = RunFilter(namespace_key, kind=EntityKind.BATCH, statuses=[_RUNNING])
    if store.count_runs(open_jobs) >= desk.limits.batches_open_max:
        raise ResourceExhausted("Max concurrent batch operations is reached", "CONCURRENT_LIMIT")
    known = turn.find_entity(namespace_key, EntityKind.BATCH, job_id)
    if known is not None:
        raise _used(known.state)
    begin = StartBatch(wanted.request, wanted.operation, wanted.identity)
    if wanted.filter is not None:
        begin.filter = encode_filter(wanted.filter)
        begin.total = store.count_runs(wanted.filter)
        begin.run_key_last = desk.memory.world.next_run_key - 1
    else:
        begin.total = len(wanted.request.executions)
    decision = decide_begin(begin, desk.context(call.namespace))
    turn.create_entity(EntityKind.BATCH, decision)
    turn.answer(call.reply, decision.reply)


def stop_batch(desk: Desk, call: Call) -> None:
    """End a job where it stands."""
    job = _find(desk, call)
    decision = decide_stop(job.state, call.request, desk.context(call.namespace))
    desk.turn.stage_entity(job, decision)
    desk.turn.answer(call.reply, decision.reply)


def describe_batch_operation(desk: Desk, call: Call) -> None:
    """Answer with how far a job has come."""
    desk.turn.answer(call.reply, describe_batch(_find(desk, call).state))


def step(desk: Desk, job_key: int, _effect: BatchStep) -> None:
    """Handle the next runs of a job."""
    job: Loaded[BatchState] = desk.turn.load_any(job_key)
    state = job.state
    if not state.running or state.due_ns > desk.now_ns:
        return
    context = desk.context_of(state.namespace_key)
    request = StartBatchOperationRequest.FromString(state.request)
    operate = operation_of(request)
    rate = float(desk.limits.batch_rate_max)
    if 0 < request.max_operations_per_second < rate:
        rate = request.max_operations_per_second
    work = _next_work(desk, state, request, max(1, int(rate / 10)))
    done = Progress(work.cursor, attempt=work.attempt)
    done.again = state.again[len(work.places) :] if work.attempt else list(state.again)
    for place in work.places:
        verdict = _handle(desk, state, request, operate, place)
        if verdict is None and work.attempt < ATTEMPTS_MAX:
            done.again.append(place)
        elif verdict:
            done.completed += 1
        else:
            done.failed += 1
    done.over = work.last and not done.again
    # NOTE: loaded anew: repairing a half changed state makes others of the turn anew too.
    job = desk.turn.load_any(job_key)
    desk.turn.stage_entity(job, decide_progress(job.state, done, rate, context))


def _next_work(
    desk: Desk, state: BatchState, request: StartBatchOperationRequest, most: int
) -> _Work:
    most = min(most, desk.limits.batch_step_runs)
    size = state.run_key_last if state.filter else len(request.executions)
    if state.cursor >= size:
        # All have been met: those that come again, in rounds.
        return _Work(state.again[:most], state.cursor, last=True, attempt=state.attempt + 1)
    if not state.filter:
        end = min(state.cursor + most, size)
        return _Work(list(range(state.cursor, end)), end, last=end == size)
    key_last = min(state.cursor + desk.limits.batch_step_rows, size)
    wanted = decode_filter(state.filter)
    store = desk.memory.world.store
    rows = store.list_by_key(wanted, state.cursor, key_last, most)
    cursor = rows[-1].run_key if len(rows) == most else key_last
    return _Work([row.run_key for row in rows], cursor, last=cursor == size)


def _handle(
    desk: Desk,
    state: BatchState,
    request: StartBatchOperationRequest,
    operate: Operate,
    place: int,
) -> bool | None:
    """Return whether it is done with a run, None to try again."""
    context = desk.context_of(state.namespace_key)
    try:
        operate(desk, _find_run(desk, state, request, place), request, context)
    except NotFound:
        pass
    except ResourceExhausted:
        return None
    except PolyrhythmError:
        return False
    except Exception:
        # Our own fault with this run must not hold up all the others.
        LOG.exception("internal error in batch operation %s", state.workflow_id)
        desk.turn.repair()
        return False
    return True


def _find_run(
    desk: Desk, state: BatchState, request: StartBatchOperationRequest, place: int
) -> LoadedRun:
    if state.filter:
        return desk.turn.load(place)
    return desk.turn.find(state.namespace_key, request.executions[place])


def _find(desk: Desk, call: Call) -> Loaded[BatchState]:
    job_id = call.request.job_id
    job = desk.turn.find_entity(call.namespace.key, EntityKind.BATCH, job_id)
    if job is None:
        raise NotFound(f"workflow not found for ID: {job_id}")
    return job


def _used(state: BatchState) -> AlreadyStarted:
    # The server's jobs are workflows: so are its words.
    named = f"WorkflowId: {state.workflow_id}, RunId: {state.run_id}."
    text = f"Workflow execution is already running. {named}"
    if not state.running:
        text = f"Workflow execution already finished. {named} Workflow Id reuse policy: "
        text += "reject duplicate workflow Id."
    return AlreadyStarted(text, state.request_id, state.run_id, "")
