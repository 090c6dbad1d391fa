"""Calls of clients about one run: start, signal, cancel, terminate, delete, describe.

Policies are core's; this file finds the run, stages what was decided and answers.
"""

from __future__ import annotations

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionResponse,
    SignalWithStartWorkflowExecutionResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
    TerminateWorkflowExecutionRequest,
)

from polyrhythm.base.errors import FailedPrecondition, NotFound
from polyrhythm.core.context import Context
from polyrhythm.core.decide.activity_describe import describe_pending
from polyrhythm.core.decide.cancel import decide_cancel
from polyrhythm.core.decide.describe import describe_run
from polyrhythm.core.decide.resolve import (
    Resolution,
    Verdict,
    current_run,
    decide_attach,
    resolve_signal_with_start,
    resolve_start,
)
from polyrhythm.core.decide.signal import (
    decide_signal,
    decide_signal_existing,
    decide_signal_with_start,
)
from polyrhythm.core.decide.start import decide_start
from polyrhythm.core.decide.terminate import decide_replaced, decide_terminate
from polyrhythm.core.decision import Decision
from polyrhythm.engine.cache import LoadedRun
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.deliver import deliver_all
from polyrhythm.engine.handlers.give import encode_task


def start_workflow(desk: Desk, call: Call) -> None:
    """Start a run, or answer as the policies say."""
    request: StartWorkflowExecutionRequest = call.request
    context = desk.context(call.namespace)
    run = desk.turn.find_current(call.namespace.key, request.workflow_id)
    current = current_run(run.state) if run is not None else None
    verdict = resolve_start(current, request, context)
    if verdict.resolution is Resolution.ANSWER:
        assert run is not None and verdict.reply is not None
        _answer_again(desk, call, run, verdict.reply)
    elif verdict.resolution is Resolution.ATTACH:
        assert run is not None
        _stage(desk, call, run, decide_attach(run.state, request, context))
    else:
        decision = decide_start(request, context)
        created = _create(desk, call, verdict, run, decision)
        answer = decision.reply
        assert isinstance(answer, StartWorkflowExecutionResponse)
        if created.state.task_started:
            answer.eager_workflow_task.CopyFrom(encode_task(desk, created, sticky=False))
        desk.turn.answer(call.reply, answer)


def signal_with_start(desk: Desk, call: Call) -> None:
    """Signal the running workflow, or start one with the signal."""
    context = desk.context(call.namespace)
    run = desk.turn.find_current(call.namespace.key, call.request.workflow_id)
    current = current_run(run.state) if run is not None else None
    verdict = resolve_signal_with_start(current, call.request)
    if verdict.resolution is Resolution.SIGNAL:
        assert run is not None
        _stage(desk, call, run, decide_signal_existing(run.state, call.request, context))
        return
    decision = decide_signal_with_start(call.request, context)
    _create(desk, call, verdict, run, decision)
    assert isinstance(decision.reply, SignalWithStartWorkflowExecutionResponse)
    desk.turn.answer(call.reply, decision.reply)


def signal_workflow(desk: Desk, call: Call) -> None:
    """Signal a run."""
    run = desk.turn.find(call.namespace.key, call.request.workflow_execution)
    context = desk.context(call.namespace)
    _stage(desk, call, run, decide_signal(run.state, call.request, context))


def cancel_workflow(desk: Desk, call: Call) -> None:
    """Ask a run to cancel itself."""
    run = _find_in_chain(desk, call)
    context = desk.context(call.namespace)
    _stage(desk, call, run, decide_cancel(run.state, call.request, context))


def terminate_workflow(desk: Desk, call: Call) -> None:
    """Close a run at once."""
    run = _find_in_chain(desk, call)
    context = desk.context(call.namespace)
    _stage(desk, call, run, decide_terminate(run.state, call.request, context))


def delete_workflow(desk: Desk, call: Call) -> None:
    """Remove a run with all it has written; an open one is terminated on the way out."""
    run = desk.turn.find(call.namespace.key, call.request.workflow_execution)
    remove_run(desk, run, desk.context(call.namespace))
    desk.turn.answer(call.reply, DeleteWorkflowExecutionResponse())


def remove_run(desk: Desk, run: LoadedRun, context: Context) -> None:
    """Delete a run once others have what it owes them."""
    if run.state.running:
        request = TerminateWorkflowExecutionRequest(reason="Delete workflow execution")
        desk.turn.stage(run, decide_terminate(run.state, request, context))
    deliver_all(desk, run)
    desk.turn.delete(run)


def describe_workflow(desk: Desk, call: Call) -> None:
    """Answer with what there is to know of a run."""
    run = desk.turn.find(call.namespace.key, call.request.execution)
    pending = describe_pending(run.state, desk.now_ns)
    desk.turn.answer(call.reply, describe_run(run.state, pending))


def unpause_workflow(desk: Desk, call: Call) -> None:
    """Refuse: workflows cannot be paused, so none can go on."""
    named = call.request
    execution = WorkflowExecution(workflow_id=named.workflow_id, run_id=named.run_id)
    if not desk.turn.find(call.namespace.key, execution).state.running:
        raise NotFound("workflow execution already completed")
    raise FailedPrecondition("workflow is not paused.")


def _find_in_chain(desk: Desk, call: Call) -> LoadedRun:
    # A request that names the chain means its newest run, whatever run id it carries.
    execution = call.request.workflow_execution
    if call.request.first_execution_run_id:
        execution = WorkflowExecution(workflow_id=execution.workflow_id)
    return desk.turn.find(call.namespace.key, execution)


def _answer_again(
    desk: Desk, call: Call, run: LoadedRun, answer: StartWorkflowExecutionResponse
) -> None:
    # A caller that asks again for an eager start may never have got its task: it is handed out
    # once more while it is the first one and nobody has answered it.
    # A delayed start is never eager, and its first task is the worker's that polled for it.
    task = run.state.workflow_task
    first = task is not None and (task.attempt, task.started_event_id) == (1, 3)
    eager = task is not None and task.request_id == call.request.request_id
    asked = answer.started and call.request.request_eager_execution
    if asked and run.state.running and first and eager:
        answer.eager_workflow_task.CopyFrom(encode_task(desk, run, sticky=False))
    desk.turn.answer(call.reply, answer)


def _stage(desk: Desk, call: Call, run: LoadedRun, decision: Decision) -> None:
    desk.turn.stage(run, decision)
    desk.turn.answer(call.reply, decision.reply)


def _create(
    desk: Desk, call: Call, verdict: Verdict, run: LoadedRun | None, decision: Decision
) -> LoadedRun:
    if verdict.resolution is Resolution.REPLACE:
        assert run is not None
        context = desk.context(call.namespace)
        desk.turn.stage(run, decide_replaced(run.state, decision.state.run_id, context))
    return desk.turn.create(decision)
