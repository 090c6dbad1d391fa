"""What a schedule does at an instant: takes in the times that have come, starts what may start.

Every change of a schedule ends here: its timer, a client's patch, the end of a run. In order:
times up to now become starts in the buffer (late ones are missed, paused ones pass), backfills add
theirs, the overlap policies judge the buffer. All of it is one note, `ScheduleStep`, in which the
starts are owed; their outcome comes back before anything else of the turn. Each look is bounded: a
schedule with more to take in looks again at once.
Source: the main loop of Temporal's scheduler workflow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from temporalio.api.enums.v1 import workflow_pb2 as statuses
from temporalio.api.schedule.v1 import ScheduleAction
from temporalio.api.workflowservice.v1 import (
    RequestCancelWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)

from polyrhythm.api import notes
from polyrhythm.base.calendar.jobtimes import JobTimes
from polyrhythm.base.calendar.timetable import Firing, Timetable
from polyrhythm.base.limits import SECOND_NS, Limits
from polyrhythm.core.context import Context
from polyrhythm.core.entity import EntityDecision
from polyrhythm.core.schedule.jobs import job_of, times_of, waits_for_others
from polyrhythm.core.schedule.overlap import ALLOW_ALL, judge
from polyrhythm.core.schedule.state import Backfill, BufferedStart, ScheduleState

# Overlapping runs of a job that it knows of at once.
OVERLAPPING_MAX = 1000
# Looks that a change waits for: 10,000 times by the default limits, which take 0.2 s.
_LOOKS_MAX = 40
_COMPLETED = statuses.WORKFLOW_EXECUTION_STATUS_COMPLETED


@dataclass(slots=True)
class _Plan:
    """One look at a schedule, in progress. `waiting` is the buffer with what this look adds, each
    start with its place; `next_ns` 0: no time comes."""

    state: ScheduleState
    limits: Limits
    now_ns: int
    table: Timetable | JobTimes
    seed: bytes
    step: notes.ScheduleStep
    waiting: list[tuple[int, BufferedStart]] = field(default_factory=list)
    backfills: list[Backfill] = field(default_factory=list)
    next_ns: int = 0
    used: int = 0
    cancels: bool = False
    terminates: bool = False


def advance(
    decision: EntityDecision,
    triggers: Sequence[BufferedStart] = (),
    backfills: Sequence[Backfill] = (),
) -> None:
    """Let a schedule do what is to be done now; triggers and backfills are new."""
    state, context = decision.state, decision.context
    if not state.running:
        return
    plan = _Plan(
        state,
        context.limits,
        max(context.now_ns, state.processed_ns),
        times_of(state),
        jitter_seed(state, context),
        notes.ScheduleStep(processed_ns=state.processed_ns),
        list(enumerate(state.buffer)),
        [*state.backfills],
    )
    _elapse(plan)
    for start in triggers:
        _add(plan, start)
    _backfill(plan, backfills)
    _start(plan)
    idle_ns = _idle_ns(plan)
    plan.step.due_ns = _due_ns(plan, idle_ns)
    _write(decision, plan)
    _end_others(decision, plan)
    if 0 < idle_ns <= context.now_ns:
        note = decision.new_note()
        note.schedule_ended.status = _COMPLETED
        decision.append_note(note)


def catch_up(decision: EntityDecision) -> None:
    """Let everything pass that was due before a change, as far as some looks go."""
    for _ in range(_LOOKS_MAX):
        advance(decision)
        if not 0 < decision.state.due_ns <= decision.context.now_ns:
            return


def jitter_seed(state: ScheduleState, context: Context) -> bytes:
    """Return what a schedule's jitter is drawn by."""
    return f"{context.namespace.namespace_id}-{state.workflow_id}".encode()


def scheduler_identity(state: ScheduleState, context: Context) -> str:
    """Return as whom a schedule starts, cancels and terminates."""
    return f"temporal-scheduler-{context.namespace.name}-{state.workflow_id}"


def _elapse(plan: _Plan) -> None:
    """Take in the times that have come since the last look."""
    state, step, now_ns = plan.state, plan.step, plan.now_ns
    if not state.acts():
        step.processed_ns = now_ns
        plan.next_ns = _actual_ns(plan.table.next(now_ns, plan.seed))
        return
    if isinstance(plan.table, JobTimes):
        _take_newest(plan, plan.table)
        return
    taken = 0
    while True:
        firing = plan.table.next(step.processed_ns, plan.seed)
        if firing is None or firing.actual_ns > now_ns:
            plan.next_ns = _actual_ns(firing)
            return
        if taken >= plan.limits.schedule_times_max:
            plan.next_ns = now_ns
            return
        step.processed_ns = firing.actual_ns
        if firing.actual_ns < state.update_ns:
            # The schedule that it belongs to is not yet that old.
            _leap(plan, state.update_ns)
            taken += 1
        elif now_ns - firing.actual_ns > state.catchup_ns:
            step.missed += 1
            if step.missed >= plan.limits.schedule_missed_max:
                _leap(plan, now_ns - state.catchup_ns)
                taken += 1
        else:
            taken += 1
            _add(plan, BufferedStart(firing.nominal_ns, firing.actual_ns, 0, manual=False))


def _take_newest(plan: _Plan, times: JobTimes) -> None:
    """Take in the newest times of a job, as many as it makes up for."""
    state, step, now_ns = plan.state, plan.step, plan.now_ns
    job = job_of(state.job)
    since_ns = max(step.processed_ns, state.update_ns)
    count = max(1, min(job.missed_max, plan.limits.schedule_buffer_max))
    newest, total = times.newest(since_ns, now_ns, plan.seed, count)
    taken = [one for one in newest if not job.grace_ns or now_ns - one.actual_ns <= job.grace_ns]
    step.missed += total - len(taken)
    if newest:
        step.processed_ns = since_ns = newest[-1].actual_ns
    for firing in taken:
        _add(plan, BufferedStart(firing.nominal_ns, firing.actual_ns, 0, manual=False))
    plan.next_ns = _actual_ns(times.next(since_ns, plan.seed))


def _leap(plan: _Plan, until_ns: int) -> None:
    # NOTE: a time that is written before `until_ns` and comes after it with its jitter is found.
    leapt_ns = until_ns - plan.table.jitter_ns - SECOND_NS
    plan.step.processed_ns = max(plan.step.processed_ns, leapt_ns)


def _actual_ns(firing: Firing | None) -> int:
    return firing.actual_ns if firing is not None else 0


def _add(plan: _Plan, start: BufferedStart) -> None:
    if len(plan.waiting) >= plan.limits.schedule_buffer_max:
        plan.step.dropped += 1
        return
    place = plan.waiting[-1][0] + 1 if plan.waiting else 0
    plan.waiting.append((max(place, len(plan.state.buffer)), start))


def _backfill(plan: _Plan, asked: Sequence[Backfill]) -> None:
    """Take a few times of the backfills, as long as half of the buffer is free."""
    step, limits = plan.step, plan.limits
    for backfill in asked:
        if len(plan.backfills) >= limits.schedule_buffer_max:
            step.dropped += 1
            continue
        plan.backfills.append(backfill)
        step.backfills_added.add(
            start_ns=backfill.start_ns, end_ns=backfill.end_ns, overlap=backfill.overlap
        )
    left = limits.backfill_starts_max
    while plan.backfills and left and len(plan.waiting) < limits.schedule_buffer_max // 2:
        current = plan.backfills[0]
        firing = plan.table.next(step.backfill_from_ns or current.start_ns, plan.seed)
        if firing is None or firing.actual_ns > current.end_ns:
            del plan.backfills[0]
            step.backfills_done += 1
            step.backfill_from_ns = 0
            # A backfill without any time costs a look as well.
            left -= 1
            continue
        step.backfill_from_ns = firing.actual_ns
        left -= 1
        _add(plan, BufferedStart(firing.nominal_ns, firing.actual_ns, current.overlap, manual=True))


def _start(plan: _Plan) -> None:
    """Judge the buffer; what may start is owed."""
    state = plan.state
    action = ScheduleAction.FromString(state.action)
    if not action.HasField("start_workflow"):
        plan.waiting.clear()
        return
    is_running = bool(state.started) or _is_starting(state)
    again = True
    while again and plan.waiting:
        verdict = judge([start for _, start in plan.waiting], is_running, state.overlap)
        plan.step.skipped += verdict.skipped
        plan.cancels = plan.cancels or verdict.cancels
        plan.terminates = plan.terminates or verdict.terminates
        again = False
        wanted = [(place, False) for place in verdict.overlapping]
        if verdict.alone is not None:
            wanted.append((verdict.alone, True))
        for place, tracked in wanted:
            start = plan.waiting[place][1]
            if not start.manual and not _use_action(plan):
                # Paused, or out of actions by now: what waits behind it gets its turn.
                plan.step.dropped += 1
                again = True
                continue
            is_running = is_running or tracked
            # The end of every run of a job is of interest, to those that act after it.
            watched = tracked or bool(state.job and len(state.started) < OVERLAPPING_MAX)
            _owe_start(plan, action.start_workflow.workflow_id, start, watched)
        plan.waiting = [plan.waiting[place] for place in verdict.kept]


def _is_starting(state: ScheduleState) -> bool:
    messages = map(notes.Message.FromString, state.owed.values())
    return any(message.scheduled_start.tracked for message in messages)


def _use_action(plan: _Plan) -> bool:
    state = plan.state
    if state.paused:
        return False
    if not state.limited:
        return True
    if state.remaining - plan.used <= 0:
        return False
    plan.used += 1
    return True


def _owe_start(plan: _Plan, workflow_id: str, start: BufferedStart, tracked: bool) -> None:
    if not plan.state.keep_workflow_id or start.overlap == ALLOW_ALL:
        moment = datetime.fromtimestamp(start.nominal_ns // SECOND_NS, UTC)
        fraction = f".{start.nominal_ns % SECOND_NS:09}".rstrip("0.") if plan.state.job else ""
        workflow_id = f"{workflow_id}-{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
        if plan.state.job and (start.manual or start.triggered):
            # Of one moment there may be several.
            workflow_id += f"-{plan.state.owed_next + len(plan.step.starts)}"
    plan.step.starts.add(
        nominal_ns=start.nominal_ns,
        actual_ns=start.actual_ns,
        overlap=start.overlap,
        manual=start.manual,
        workflow_id=workflow_id,
        tracked=tracked,
        triggered=start.triggered,
    )


def _idle_ns(plan: _Plan) -> int:
    """Return when a schedule that has nothing to do is over, 0 for never."""
    state = plan.state
    acts = not state.limited or state.remaining > plan.used
    if (
        state.paused
        or waits_for_others(state)
        or (plan.next_ns and acts)
        or plan.backfills
        or plan.waiting
        or plan.step.starts
    ):
        return 0
    last_ns = max(state.create_ns, state.update_ns)
    if state.recent:
        last_ns = max(last_ns, state.recent[-1].actual_ns)
    return last_ns + plan.limits.schedule_idle_ns


def _due_ns(plan: _Plan, idle_ns: int) -> int:
    state = plan.state
    due_ns = idle_ns
    if state.acts() and (not state.limited or state.remaining > plan.used):
        due_ns = plan.next_ns or due_ns
    elif plan.step.starts and not state.paused:
        # Its last action: how long it is kept is known once that has begun.
        due_ns = plan.now_ns + plan.limits.schedule_idle_ns
    if plan.backfills and len(plan.waiting) < plan.limits.schedule_buffer_max // 2:
        soon_ns = plan.now_ns + plan.limits.backfill_pause_ns
        due_ns = min(due_ns or soon_ns, soon_ns)
    return due_ns


def _write(decision: EntityDecision, plan: _Plan) -> None:
    state, step = plan.state, plan.step
    buffered = len(state.buffer)
    kept = {place for place, _ in plan.waiting}
    step.removed.extend(place for place in range(buffered) if place not in kept)
    for place, start in plan.waiting:
        if place >= buffered:
            step.added.add(
                nominal_ns=start.nominal_ns,
                actual_ns=start.actual_ns,
                overlap=start.overlap,
                manual=start.manual,
                triggered=start.triggered,
            )
    step.used = plan.used
    same = notes.ScheduleStep(processed_ns=state.processed_ns, due_ns=state.due_ns)
    if step == same:
        return
    first = state.owed_next
    note = decision.new_note()
    note.schedule_step.CopyFrom(step)
    decision.append_note(note)
    for sequence in range(first, state.owed_next):
        decision.deliver(sequence)


def _end_others(decision: EntityDecision, plan: _Plan) -> None:
    """Ask those that run to go, or make them."""
    if not (plan.cancels or plan.terminates):
        return
    identity = scheduler_identity(plan.state, decision.context)
    for workflow_id, first_run_id in list(plan.state.started):
        message = notes.Message(workflow_id=workflow_id, first_run_id=first_run_id)
        if plan.terminates:
            message.terminate = TerminateWorkflowExecutionRequest(
                reason="terminated by schedule overlap policy", identity=identity
            ).SerializeToString()
        else:
            message.cancel = RequestCancelWorkflowExecutionRequest(
                reason="cancelled by schedule overlap policy",
                identity=identity,
                request_id=decision.context.ids.run_id(),
            ).SerializeToString()
        decision.owe(message)
