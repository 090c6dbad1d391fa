"""Gives offers to polls and to workers of this process: decides the start of a task and makes the
worker's answer.

An offer is obsolete when the run's state no longer says what it says; then nothing happens and
the next one is tried. An answer holds the history as of this moment of the turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from temporalio.api.common.v1 import WorkerVersionStamp
from temporalio.api.enums.v1 import WorkerVersioningMode
from temporalio.api.enums.v1 import task_queue_pb2 as queue_kinds
from temporalio.api.protocol.v1 import Message
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueRequest,
    PollActivityTaskQueueResponse,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
)

from polyrhythm.api import notes
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import DataLoss, NotFound, RunTooLarge
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.activity import is_waiting, start_activity
from polyrhythm.core.decide.update import send_updates
from polyrhythm.core.decide.versioning import begin_transition, tell_target
from polyrhythm.core.decision import Decision
from polyrhythm.core.durations import set_span
from polyrhythm.core.effects import ActivityOffer, WorkflowTaskOffer
from polyrhythm.core.state import RunState, Version
from polyrhythm.core.versions import PINNED, effective_behavior, effective_version, own_queue
from polyrhythm.engine.cache import Loaded, LoadedRun
from polyrhythm.engine.calls import Call
from polyrhythm.engine.deployments import Route
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.events import read_page, read_whole
from polyrhythm.engine.matching import Offer, Offered, QueryOffer, QueueKind, QueueState
from polyrhythm.engine.natures import NATURES
from polyrhythm.engine.residents import Resident

_WORKFLOW = EntityKind.WORKFLOW
# Bound once: reading it from its enum takes 1 us, and every poll asks.
_VERSIONED = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED


def give(
    desk: Desk, queue: QueueState, offer: Offer, poll: Call, home: QueueState | None = None
) -> bool:
    """Answer the poll with the offer; False when the offer is obsolete. `home`: the queue that the
    offer waited in, if it is another than the poll's."""
    answer = take(desk, queue, offer, poll.request)
    if answer is None:
        return False
    home = home or queue
    home.flow.hand(offer.priority, desk.now_ns)
    waited_ns = desk.now_ns - poll.since_ns if poll.since_ns else 0
    waits_ns = desk.now_ns - offer.since_ns if home.backlog.waits else 0
    advice = home.flow.advise(waited_ns, waits_ns, len(queue.pollers), desk.now_ns)
    if advice:
        answer.poller_scaling_decision.poll_request_delta_suggestion = advice
    desk.turn.answer(poll.reply, answer)
    return True


def take(
    desk: Desk, queue: QueueState, offer: Offer, poll: Any, resident: Resident | None = None
) -> Any:
    """Start what is offered and return the answer to a poll request; None when the offer is
    obsolete. A resident gets the events that its live code has not seen, or all of them."""
    try:
        run = desk.turn.load_any(offer.run_key)
    except (NotFound, DataLoss):
        return None
    if run.kind != _WORKFLOW:
        return _take_of_entity(desk, run, offer.what, poll)
    if isinstance(offer.what, QueryOffer):
        return _take_query(desk, run, offer.what, resident)
    try:
        if isinstance(offer.what, ActivityOffer):
            return _take_activity(desk, run, offer.what, poll)
        return _take_workflow_task(desk, queue, run, offer.what, poll, resident)
    except RunTooLarge:
        return None


def encode_task(
    desk: Desk,
    run: LoadedRun,
    sticky: bool,
    messages: Sequence[Message] = (),
    read: Callable[..., tuple[bytes, bytes]] = read_page,
) -> PollWorkflowTaskQueueResponse:
    """Return the answer that hands a run's started workflow task to a worker."""
    state = run.state
    task = state.workflow_task
    assert task is not None and task.started_event_id
    answer = _open_answer(run)
    answer.started_event_id = task.started_event_id
    answer.attempt = task.attempt
    set_span(answer.scheduled_time, task.scheduled_ns)
    set_span(answer.started_time, task.started_ns)
    token = notes.TaskToken()
    token.namespace_key = state.namespace_key
    token.run_key = run.key
    token.workflow_id = state.workflow_id
    token.run_id = state.run_id
    token.scheduled_event_id = task.scheduled_event_id
    token.started_event_id = task.started_event_id
    token.started_ns = task.started_ns
    token.attempt = task.attempt
    answer.task_token = token.SerializeToString()
    for query in desk.memory.queries.buffered(run.key):
        answer.queries[query.query_id].CopyFrom(query.call.request.query)
    first_id = state.last_completed_started_id + 1 if sticky else 1
    end_id, identity = state.next_event_id, task.identity
    history, answer.next_page_token = read(desk, run, first_id, end_id, identity)
    answer.history.MergeFromString(history)
    if messages:
        answer.messages.extend(messages)
    return answer


def _take_workflow_task(
    desk: Desk,
    queue: QueueState,
    run: LoadedRun,
    offer: WorkflowTaskOffer,
    poll: Any,
    resident: Resident | None,
) -> PollWorkflowTaskQueueResponse | None:
    state = run.state
    task = state.workflow_task
    if (
        not state.running
        or task is None
        or task.started_event_id
        or task.scheduled_event_id != offer.scheduled_event_id
        or task.attempt != offer.attempt
        or (offer.priority, offer.fairness_key) != (state.priority_key, state.fairness_key)
    ):
        return None
    sticky_poll = poll.task_queue.kind == queue_kinds.TASK_QUEUE_KIND_STICKY
    if sticky_poll and state.sticky_queue != queue.name:
        return None
    version = None if resident is not None else version_of_poll(poll)
    bound = version is not None or state.versioning is not None
    if bound and not (_may_take(state, version) and _is_task_at_its_queue(state, offer)):
        return None
    decision = Decision(state, desk.context_of(state.namespace_key))
    if state.sticky_queue != queue.name:
        tasks.set_sticky(decision, "", 0)
    request_id = decision.context.ids.run_id()
    stamp = None if resident is not None else _stamp(poll)
    if bound:
        _start_bound(desk, decision, request_id, poll, version)
    else:
        tasks.start_task(decision, request_id, poll.identity, stamp)
    messages = send_updates(decision)
    desk.turn.stage(run, decision)
    if resident is None:
        return encode_task(desk, run, bool(run.state.sticky_queue), messages)
    seen = resident.worker.holds(run.state.run_id, run.state.last_completed_started_id)
    return encode_task(desk, run, seen, messages, read_whole)


def version_of_poll(
    request: PollWorkflowTaskQueueRequest | PollActivityTaskQueueRequest,
) -> Version | None:
    """Return the version that a worker says it is of."""
    if not request.HasField("deployment_options"):
        return None
    options = request.deployment_options
    if options.worker_versioning_mode != _VERSIONED:
        return None
    return options.deployment_name, options.build_id


def _stamp(request: PollWorkflowTaskQueueRequest) -> WorkerVersionStamp | None:
    """What the worker says of its build; a versioned one is known by its deployment instead."""
    build_id = request.worker_version_capabilities.build_id
    if not build_id or version_of_poll(request) is not None:
        return None
    return WorkerVersionStamp(build_id=build_id)


def _is_task_at_its_queue(state: RunState, offer: WorkflowTaskOffer) -> bool:
    # The offer is of a turn that was not committed, or of before the run was bound elsewhere.
    return offer.normal_queue == own_queue(state, state.task_queue)


def _may_take(state: RunState, version: Version | None) -> bool:
    # The offer is of a time when the run was not pinned, or pinned elsewhere.
    versioning = state.versioning
    pinned = effective_behavior(versioning) == PINNED
    return not pinned or effective_version(versioning) == version


def _start_bound(
    desk: Desk, decision: Decision, request_id: str, poll: Any, version: Version | None
) -> None:
    state = decision.state
    route = _workflow_route(desk, state)
    target, revision = route.pick(state.workflow_id)
    changed = tell_target(decision, target)
    tasks.start_task(decision, request_id, poll.identity, _stamp(poll), changed)
    task = state.workflow_task
    assert task is not None
    # NOTE: a speculative task that is lost leaves no trace, so its transition must not either:
    # its completion says the version, or the next task is brought to it again.
    if not task.speculative and version != effective_version(state.versioning):
        known = version is not None and version == target
        begin_transition(decision, version, revision if known else 0)


def _workflow_route(desk: Desk, state: RunState) -> Route:
    space = desk.memory.deployments.space(state.namespace_key)
    return space.route(state.task_queue, int(QueueKind.WORKFLOW))


def _follow_activity(desk: Desk, run: LoadedRun, version: Version | None) -> bool:
    """Whether the worker that would take an activity takes the whole run over instead: the run's
    next workflow task is for the same version."""
    state = run.state
    if effective_behavior(state.versioning) == PINNED:
        return False
    if version == effective_version(state.versioning):
        return False
    target, revision = _workflow_route(desk, state).pick(state.workflow_id)
    if version != target:
        return False
    decision = Decision(state, desk.context_of(state.namespace_key))
    begin_transition(decision, version, revision if version is not None else 0)
    tasks.ensure_task(decision)
    desk.turn.stage(run, decision)
    return True


def _take_activity(
    desk: Desk, run: LoadedRun, offer: ActivityOffer, poll: Any
) -> PollActivityTaskQueueResponse | None:
    version, versioning = version_of_poll(poll), run.state.versioning
    if version is not None or versioning is not None:
        if versioning is not None and versioning.in_transition:
            # Offered again when the transition is over.
            return None
        if versioning is not None and not _is_at_its_queue(run.state, offer):
            return None
        if is_waiting(run.state, offer) and _follow_activity(desk, run, version):
            return None
    decision = Decision(run.state, desk.context_of(run.state.namespace_key))
    request_id = decision.context.ids.run_id()
    answer = start_activity(decision, run.key, offer, request_id, poll.identity, version)
    if answer is not None:
        desk.turn.stage(run, decision)
    return answer


def _is_at_its_queue(state: RunState, offer: ActivityOffer) -> bool:
    # The offer is of a time when the run was not pinned, or pinned elsewhere.
    activity = state.activities.get(offer.scheduled_event_id)
    return activity is not None and offer.queue == own_queue(state, activity.task_queue)


def _take_of_entity(
    desk: Desk, entity: Loaded[Any], offer: Offered, poll: Any
) -> PollActivityTaskQueueResponse | None:
    assert isinstance(offer, ActivityOffer), "an entity offers activities alone"
    context = desk.context_of(entity.state.namespace_key)
    begin = NATURES[entity.kind].begin
    decision = begin(entity.state, entity.key, offer, poll.identity, context)
    if decision is None:
        return None
    desk.turn.stage_entity(entity, decision)
    answer = decision.reply
    assert isinstance(answer, PollActivityTaskQueueResponse)
    return answer


def _take_query(
    desk: Desk, run: LoadedRun, offer: QueryOffer, resident: Resident | None
) -> PollWorkflowTaskQueueResponse | None:
    query = desk.memory.queries.find(offer.query_id)
    if query is None:
        return None
    state = run.state
    answer = _open_answer(run)
    answer.query.CopyFrom(query.call.request.query)
    answer.task_token = notes.TaskToken(
        namespace_key=state.namespace_key,
        run_key=run.key,
        workflow_id=state.workflow_id,
        run_id=state.run_id,
        query_id=offer.query_id,
        task_queue=offer.queue,
    ).SerializeToString()
    # Official SDKs refuse a task without a history, be it empty.
    answer.history.SetInParent()
    if resident is not None:
        if not resident.worker.holds(state.run_id, state.last_completed_started_id):
            answer.history.MergeFromString(read_whole(desk, run, 1, state.next_event_id)[0])
    elif offer.queue != state.sticky_queue:
        history, answer.next_page_token = read_page(desk, run, 1, state.next_event_id)
        answer.history.MergeFromString(history)
    return answer


def _open_answer(run: LoadedRun) -> PollWorkflowTaskQueueResponse:
    state = run.state
    answer = PollWorkflowTaskQueueResponse()
    answer.workflow_execution.workflow_id = state.workflow_id
    answer.workflow_execution.run_id = state.run_id
    answer.workflow_type.name = state.workflow_type
    answer.previous_started_event_id = state.last_completed_started_id
    answer.workflow_execution_task_queue.name = state.task_queue
    answer.workflow_execution_task_queue.kind = queue_kinds.TASK_QUEUE_KIND_NORMAL
    return answer
