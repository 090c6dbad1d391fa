"""ResetWorkflowExecution: reads the histories a reset needs and stages what core makes of them.

Three runs at most are changed, all in one commit: the base run learns where it went on, the
current run ends, the new run begins. Children do not notice: whoever delivers a message between a
child and a parent that was reset asks here for the right run.
"""

from __future__ import annotations

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import workflow_pb2 as statuses
from temporalio.api.workflowservice.v1 import (
    ResetWorkflowExecutionRequest,
    ResetWorkflowExecutionResponse,
)

from polyrhythm.api import notes
from polyrhythm.base.errors import DataLoss, NotFound
from polyrhythm.core.batches import RunHistory, parse_events
from polyrhythm.core.context import Context
from polyrhythm.core.decide.reset import ResetSource, check_reset, decide_reset, is_repeated
from polyrhythm.engine.cache import LoadedRun
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.events import ROWS_PER_READ, split_frames

# Resets of resets that are followed, as many as the server follows.
FOLLOWED_MAX = 100


def reset_workflow(desk: Desk, call: Call) -> None:
    """Reset a workflow, or answer with the run that this request has made already."""
    base = desk.turn.find(call.namespace.key, call.request.workflow_execution)
    answer = reset_run(desk, base, call.request, desk.context(call.namespace))
    desk.turn.answer(call.reply, answer)


def reset_run(
    desk: Desk, base: LoadedRun, request: ResetWorkflowExecutionRequest, context: Context
) -> ResetWorkflowExecutionResponse:
    """Reset a run; return the request's answer."""
    turn = desk.turn
    check_reset(base.state, request, context)
    newest = WorkflowExecution(workflow_id=base.state.workflow_id)
    current = turn.find(base.state.namespace_key, newest)
    if is_repeated(current.state, request):
        return ResetWorkflowExecutionResponse(run_id=current.state.run_id)
    sources = _read_chain(desk, base)
    reset = decide_reset(request, base.state, sources, current.state, context)
    turn.stage(base, reset.base)
    if reset.current is not None:
        turn.stage(current, reset.current)
    turn.create(reset.created)
    answer = reset.created.reply
    assert isinstance(answer, ResetWorkflowExecutionResponse)
    return answer


def read_history(desk: Desk, run: LoadedRun) -> RunHistory:
    """Return all events of a run, those of this turn included, and where its batches begin."""
    history = RunHistory()
    staged = desk.turn.staged.get(run.key)
    pending = staged is not None and bool(staged.events)
    end_id = staged.first_event_id if staged and pending else run.state.next_event_id
    at = 1
    while at < end_id:
        rows = desk.memory.world.store.read_log(run.key, at, ROWS_PER_READ)
        assert rows, f"the log of run {run.key} ends before event {at}"
        for row in rows:
            if row.event_count:
                history.add(row.first_event_id, split_frames(row.events), row.notes)
                at = row.first_event_id + row.event_count
    if staged is not None and pending:
        history.add(staged.first_event_id, staged.events, b"".join(staged.notes))
    return history


def _read_chain(desk: Desk, base: LoadedRun) -> list[ResetSource]:
    """Return the base run and the runs it continued as; what came to them may come again."""
    sources = []
    run: LoadedRun | None = base
    while run is not None:
        history = read_history(desk, run)
        state = run.state
        sources.append(ResetSource(state.run_id, history))
        run = None
        if state.status == statuses.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
            closing = parse_events(history.frames[-1:])[0]
            continued = closing.workflow_execution_continued_as_new_event_attributes
            following = WorkflowExecution(workflow_id=state.workflow_id)
            following.run_id = continued.new_execution_run_id
            run = desk.turn.find(state.namespace_key, following)
    return sources


def follow_resets(desk: Desk, run: LoadedRun) -> LoadedRun:
    """Return the run that a closed one was reset to, and so on: a child that has ended tells that
    one, not the parent that started it. Raises NotFound when such a run was deleted."""
    for _ in range(FOLLOWED_MAX):
        state = run.state
        if state.running or not state.reset_run_id:
            break
        target = WorkflowExecution(workflow_id=state.workflow_id, run_id=state.reset_run_id)
        run = desk.turn.find(state.namespace_key, target)
    return run


def find_known_child(desk: Desk, parent: LoadedRun, message: notes.Message) -> LoadedRun | None:
    """Return the child that a reset run need not start: a run of the same past has started it."""
    state, turn = parent.state, desk.turn
    if message.sender_event_id > state.forked_event_id:
        return None
    child = turn.find_current(state.namespace_key, message.workflow_id)
    if child is None or child.state.parent_workflow_id != state.workflow_id:
        return None
    starter = WorkflowExecution(workflow_id=state.workflow_id, run_id=child.state.parent_run_id)
    if starter.run_id == state.original_run_id:
        return child
    try:
        original_run_id = turn.find(state.namespace_key, starter).state.original_run_id
    except (NotFound, DataLoss):
        return None
    return child if original_run_id == state.original_run_id else None
