"""Activities without a workflow: started, waited for, described, ended from outside.

Two calls wait for a change: the poll of an outcome for the end, a description that carries a token
for anything that happened since. Both end after 20 s, or a second before the caller's deadline,
with an empty answer that asks for another call.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError
from temporalio.api.workflowservice.v1 import (
    DeleteActivityExecutionResponse,
    DescribeActivityExecutionResponse,
    PollActivityExecutionResponse,
    StartActivityExecutionRequest,
    StartActivityExecutionResponse,
)

from polyrhythm.api import notes
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import InvalidArgument, NotFound, PolyrhythmError
from polyrhythm.core.decide.standalone import (
    decide_standalone,
    decide_standalone_cancel,
    decide_standalone_terminate,
    resolve_standalone,
)
from polyrhythm.core.decide.standalone_attempt import not_found
from polyrhythm.core.decide.standalone_describe import describe_standalone, outcome_of
from polyrhythm.core.standalone import StandaloneState
from polyrhythm.engine.cache import Loaded
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.long_poll import poll_until_ns

Standalone = Loaded[StandaloneState]


def start_standalone(desk: Desk, call: Call) -> None:
    """Start an activity, or answer as the policies say."""
    desk.turn.answer(call.reply, _start(desk, call, call.request, 0))


def start_tasks(desk: Desk, call: Call) -> None:
    """Start activities: all of them in this commit, each answered for itself."""
    answers: list[StartActivityExecutionResponse | PolyrhythmError] = []
    for start in call.request.starts:
        try:
            if isinstance(start, PolyrhythmError):
                raise start
            answers.append(_start(desk, call, *start))
        except PolyrhythmError as error:
            answers.append(error)
    desk.turn.answer(call.reply, answers)


def poll_standalone(desk: Desk, call: Call) -> None:
    """Answer with the outcome, or wait for it."""
    entity = _named(desk, call)
    outcome = outcome_of(entity.state)
    if outcome is None:
        _wait(desk, call, entity, PollActivityExecutionResponse())
        return
    answer = PollActivityExecutionResponse(run_id=entity.state.run_id)
    answer.outcome.CopyFrom(outcome)
    desk.turn.answer(call.reply, answer)


def describe_one(desk: Desk, call: Call) -> None:
    """Answer with everything that is known; with a token, once something has changed since."""
    request = call.request
    entity = _named(desk, call)
    state = entity.state
    if request.long_poll_token:
        seen = _decode(request.long_poll_token)
        if (seen.run_key, seen.run_id) != (entity.key, state.run_id):
            raise InvalidArgument("long poll token does not match execution")
        if seen.changes >= state.changes:
            _wait(desk, call, entity, DescribeActivityExecutionResponse())
            return
    answer = DescribeActivityExecutionResponse(run_id=state.run_id)
    answer.info.CopyFrom(describe_standalone(state))
    asked = state.asked()
    if request.include_input and asked.HasField("input"):
        answer.input.CopyFrom(asked.input)
    outcome = outcome_of(state) if request.include_outcome else None
    if outcome is not None:
        answer.outcome.CopyFrom(outcome)
    answer.long_poll_token = notes.StandaloneSeen(
        run_key=entity.key, run_id=state.run_id, changes=state.changes
    ).SerializeToString()
    desk.turn.answer(call.reply, answer)


def cancel_standalone(desk: Desk, call: Call) -> None:
    """Ask an activity to cancel itself."""
    entity = _named(desk, call)
    context = desk.context(call.namespace)
    decision = decide_standalone_cancel(entity.state, call.request, context)
    desk.turn.stage_entity(entity, decision)
    desk.turn.answer(call.reply, decision.reply)


def terminate_standalone(desk: Desk, call: Call) -> None:
    """Close an activity at once."""
    entity = _named(desk, call)
    context = desk.context(call.namespace)
    decision = decide_standalone_terminate(entity.state, call.request, context)
    desk.turn.stage_entity(entity, decision)
    desk.turn.answer(call.reply, decision.reply)


def delete_standalone(desk: Desk, call: Call) -> None:
    """Remove an activity with all it has written; who waits for it is told that it is gone."""
    desk.turn.delete(_named(desk, call))
    desk.turn.answer(call.reply, DeleteActivityExecutionResponse())


def find_standalone(desk: Desk, call: Call, activity_id: str, run_id: str) -> Standalone:
    """Return an activity by id; the newest of its id without a run id. Raises NotFound."""
    found = desk.turn.find_entity(call.namespace.key, EntityKind.ACTIVITY, activity_id, run_id)
    if found is None:
        raise not_found(activity_id)
    return found


def standalone_of_token(desk: Desk, call: Call, token: notes.TaskToken) -> Standalone:
    """Return the activity that a task token belongs to. Raises NotFound."""
    if token.namespace_key != call.namespace.key:
        raise InvalidArgument("Operation requested with a token from a different namespace.")
    try:
        found = desk.turn.load_any(token.run_key)
    except NotFound as error:
        raise not_found(token.activity_id) from error
    if found.kind != EntityKind.ACTIVITY or found.state.run_id != token.run_id:
        raise not_found(token.activity_id)
    return found


def _start(
    desk: Desk, call: Call, request: StartActivityExecutionRequest, due_ns: int
) -> StartActivityExecutionResponse:
    newest = desk.turn.find_entity(call.namespace.key, EntityKind.ACTIVITY, request.activity_id)
    known = resolve_standalone(newest.state if newest is not None else None, request)
    if known is not None:
        return known
    decision = decide_standalone(request, desk.context(call.namespace), due_ns)
    desk.turn.create_entity(EntityKind.ACTIVITY, decision)
    assert isinstance(decision.reply, StartActivityExecutionResponse)
    return decision.reply


def _named(desk: Desk, call: Call) -> Standalone:
    return find_standalone(desk, call, call.request.activity_id, call.request.run_id)


def _wait(
    desk: Desk,
    call: Call,
    entity: Standalone,
    late: PollActivityExecutionResponse | DescribeActivityExecutionResponse,
) -> None:
    if not call.parked:
        until_ns = poll_until_ns(desk, call, desk.limits.history_poll_ns)
        desk.memory.waiters.park(call, until_ns, late)
        call.parked = True
        # The run that was meant when the call came: another may be the newest of its id later.
        # In a copy: the request is its caller's.
        pinned = type(call.request)()
        pinned.CopyFrom(call.request)
        pinned.run_id = entity.state.run_id
        call.request = pinned
    desk.memory.waiters.watch(entity.key, call)


def _decode(data: bytes) -> notes.StandaloneSeen:
    try:
        seen = notes.StandaloneSeen.FromString(data)
    except DecodeError as error:
        raise InvalidArgument("invalid long poll token") from error
    if not seen.run_key:
        raise InvalidArgument("invalid long poll token")
    return seen
