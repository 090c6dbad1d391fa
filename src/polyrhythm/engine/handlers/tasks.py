"""Workers' calls: polls, and answers to workflow tasks, activities and queries.

A poll takes what waits or waits itself; the server's long poll ends after a minute with an empty
answer. The last second of a caller's deadline is kept free for the answer's way back.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueResponse,
    PollWorkflowTaskQueueResponse,
    RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailedResponse,
)

from polyrhythm.core.decide.activity import start_activity
from polyrhythm.core.decide.activity_attempt import activity_offer
from polyrhythm.core.decide.commands.record import Completed
from polyrhythm.core.decide.completion import (
    INLINE_REQUEST_ID,
    decide_completed,
    decide_failed,
)
from polyrhythm.core.decision import Decision
from polyrhythm.core.effects import ActivityOffer
from polyrhythm.engine.cache import LoadedRun
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.give import encode_task, give
from polyrhythm.engine.handlers.hand_out import next_offer
from polyrhythm.engine.handlers.long_poll import poll_until_ns
from polyrhythm.engine.handlers.queries import answer_carried, release_queries
from polyrhythm.engine.handlers.registration import register_worker
from polyrhythm.engine.handlers.routes import stand_of_poll, take_routed
from polyrhythm.engine.handlers.settings import set_worker_rate, settle
from polyrhythm.engine.handlers.token import decode_token, load_of_token
from polyrhythm.engine.matching import QueueKind, QueueState

_WORKFLOW, _ACTIVITY = QueueKind.WORKFLOW, QueueKind.ACTIVITY


def poll_workflow_task(desk: Desk, call: Call) -> None:
    """Hand out a workflow task or a query, or wait for one."""
    _poll(desk, call, _WORKFLOW, PollWorkflowTaskQueueResponse)


def poll_activity_task(desk: Desk, call: Call) -> None:
    """Hand out an activity, or wait for one."""
    request = call.request
    queue = desk.memory.matching.queue(call.namespace.key, request.task_queue.name, _ACTIVITY)
    rate: float | None = None
    if request.task_queue_metadata.HasField("max_tasks_per_second"):
        rate = request.task_queue_metadata.max_tasks_per_second.value
    set_worker_rate(desk, queue, rate)
    _poll(desk, call, _ACTIVITY, PollActivityTaskQueueResponse)


def complete_workflow_task(desk: Desk, call: Call) -> None:
    """Take a workflow task's commands; the answer may carry the next task and activities."""
    token = decode_token(call.request.task_token)
    run = load_of_token(desk, call, token, "Workflow task not found.")
    decision = decide_completed(run.state, token, call.request, desk.context(call.namespace))
    completion = decision.reply
    desk.turn.stage(run, decision)
    if isinstance(completion, Exception):
        desk.turn.refuse(call.reply, completion)
        return
    assert isinstance(completion, Completed)
    answer = RespondWorkflowTaskCompletedResponse()
    answer_carried(desk, call.request)
    _give_eager(desk, call, run, completion.eager, answer)
    task = run.state.workflow_task
    if task is not None and task.request_id == INLINE_REQUEST_ID and task.started_event_id:
        following = encode_task(desk, run, sticky=True, messages=completion.outgoing)
        answer.workflow_task.CopyFrom(following)
    if completion.discarded:
        answer.reset_history_event_id = run.state.last_completed_started_id
    if task is None:
        release_queries(desk, run)
    desk.turn.answer(call.reply, answer)


def fail_workflow_task(desk: Desk, call: Call) -> None:
    """Take a worker's report that it could not run a workflow task."""
    token = decode_token(call.request.task_token)
    run = load_of_token(desk, call, token, "Workflow task not found.")
    decision = decide_failed(run.state, token, call.request, desk.context(call.namespace))
    desk.turn.stage(run, decision)
    desk.turn.answer(call.reply, RespondWorkflowTaskFailedResponse())


def _poll(desk: Desk, call: Call, kind: QueueKind, empty: Callable[[], object]) -> None:
    name = call.request.task_queue.name
    queue = desk.memory.matching.queue(call.namespace.key, name, kind)
    queue.saw(call.request.identity, desk.now_ns, call.request)
    if call.request.HasField("deployment_options"):
        register_worker(desk, call, kind)
    if desk.memory.deployments.space(call.namespace.key).is_plain:
        given = _take(desk, queue, call)
    else:
        queue = stand_of_poll(desk, call, kind)
        queue.saw(call.request.identity, desk.now_ns, call.request)
        given = take_routed(desk, queue, call)
    if given:
        return
    until_ns = poll_until_ns(desk, call, desk.limits.task_poll_ns)
    desk.memory.waiters.park(call, until_ns, empty())
    call.since_ns = desk.now_ns
    queue.park(call)


def _take(desk: Desk, queue: QueueState, call: Call) -> bool:
    while (offer := next_offer(desk, queue)) is not None:
        if give(desk, queue, offer, call):
            queue.handed_out(offer, desk.now_ns)
            return True
    return False


def _give_eager(
    desk: Desk,
    call: Call,
    run: LoadedRun,
    eager: list[int],
    answer: RespondWorkflowTaskCompletedResponse,
) -> None:
    for scheduled_event_id in eager:
        activity = run.state.activities.get(scheduled_event_id)
        versioning = run.state.versioning
        if activity is None or (versioning is not None and versioning.in_transition):
            # What waits for the end of a transition is offered then.
            continue
        queue = desk.memory.matching.queue(call.namespace.key, activity.task_queue, _ACTIVITY)
        if not queue.settled:
            settle(desk, queue)
        offer = ActivityOffer(activity.task_queue, scheduled_event_id, activity.stamp)
        if queue.throttle.limited:
            # Handing it out here would go past the limit: it waits in its line instead.
            waiting = activity_offer(run.state, scheduled_event_id, desk.now_ns)
            if waiting is not None:
                desk.turn.causes.append((run.key, waiting))
            continue
        decision = Decision(run.state, desk.context(call.namespace))
        request_id = decision.context.ids.run_id()
        task = start_activity(decision, run.key, offer, request_id, call.request.identity)
        if task is not None:
            desk.turn.stage(run, decision)
            answer.activity_tasks.append(task)
