"""Workers' answers to activities, by task token or by activity id.

A call by id names the run and the activity instead of an attempt; it becomes the same call with a
token that carries the id alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    RecordActivityTaskHeartbeatByIdResponse,
    RecordActivityTaskHeartbeatRequest,
    RespondActivityTaskCanceledByIdResponse,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedByIdResponse,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedByIdResponse,
    RespondActivityTaskFailedRequest,
)

from polyrhythm.api import notes
from polyrhythm.base.entities import EntityKind
from polyrhythm.core.context import Context
from polyrhythm.core.decide import standalone_attempt as alone
from polyrhythm.core.decide.activity import (
    decide_activity_canceled,
    decide_activity_completed,
    decide_activity_failed,
    decide_activity_heartbeat,
)
from polyrhythm.core.decide.postpone import decide_activity_postponed
from polyrhythm.core.decision import Decision
from polyrhythm.core.entity import EntityDecision
from polyrhythm.core.standalone import StandaloneState
from polyrhythm.core.state import RunState
from polyrhythm.engine.cache import Loaded
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.standalone import find_standalone, standalone_of_token
from polyrhythm.engine.handlers.token import decode_token, load_of_token

_GONE = "invalid activityID or activity already timed out or invoking workflow is completed"


@dataclass(slots=True)
class _Deciders:
    """One answer of a worker: to an activity of a workflow, and to one without."""

    of_workflow: Callable[[RunState, notes.TaskToken, Any, Context], Decision]
    alone: Callable[[StandaloneState, notes.TaskToken, Any, Context], EntityDecision]


_COMPLETED = _Deciders(decide_activity_completed, alone.decide_standalone_completed)
_FAILED = _Deciders(decide_activity_failed, alone.decide_standalone_failed)
_CANCELED = _Deciders(decide_activity_canceled, alone.decide_standalone_canceled)
_HEARTBEAT = _Deciders(decide_activity_heartbeat, alone.decide_standalone_heartbeat)
_POSTPONED = _Deciders(decide_activity_postponed, alone.decide_standalone_postponed)


def complete_activity(desk: Desk, call: Call) -> None:
    """Take a result."""
    _by_token(desk, call, _COMPLETED)


def fail_activity(desk: Desk, call: Call) -> None:
    """Take a failure."""
    _by_token(desk, call, _FAILED)


def cancel_activity(desk: Desk, call: Call) -> None:
    """Take the report that a cancelled activity has stopped."""
    _by_token(desk, call, _CANCELED)


def heartbeat_activity(desk: Desk, call: Call) -> None:
    """Take a sign of life."""
    _by_token(desk, call, _HEARTBEAT)


def postpone_activity(desk: Desk, call: Call) -> None:
    """Take an attempt back that was not begun."""
    _by_token(desk, call, _POSTPONED)


def complete_activity_by_id(desk: Desk, call: Call) -> None:
    """Take a result of an activity named by id."""
    request = _carry(call.request, RespondActivityTaskCompletedRequest())
    answer = RespondActivityTaskCompletedByIdResponse()
    _by_id(desk, call, _COMPLETED, request, answer)


def fail_activity_by_id(desk: Desk, call: Call) -> None:
    """Take a failure of an activity named by id."""
    request = _carry(call.request, RespondActivityTaskFailedRequest())
    _by_id(desk, call, _FAILED, request, RespondActivityTaskFailedByIdResponse())


def cancel_activity_by_id(desk: Desk, call: Call) -> None:
    """Take the report that an activity named by id has stopped."""
    request = _carry(call.request, RespondActivityTaskCanceledRequest())
    answer = RespondActivityTaskCanceledByIdResponse()
    _by_id(desk, call, _CANCELED, request, answer)


def heartbeat_activity_by_id(desk: Desk, call: Call) -> None:
    """Take a sign of life of an activity named by id."""
    request = _carry(call.request, RecordActivityTaskHeartbeatRequest())
    answer = RecordActivityTaskHeartbeatByIdResponse()
    _by_id(desk, call, _HEARTBEAT, request, answer)


def _by_token(desk: Desk, call: Call, deciders: _Deciders) -> None:
    token = decode_token(call.request.task_token)
    if token.kind == EntityKind.ACTIVITY:
        entity = standalone_of_token(desk, call, token)
        answer = _decide_alone(desk, call, deciders, entity, token, call.request)
        desk.turn.answer(call.reply, answer)
        return
    run = load_of_token(desk, call, token, _GONE)
    decision = deciders.of_workflow(run.state, token, call.request, desk.context(call.namespace))
    desk.turn.stage(run, decision)
    desk.turn.answer(call.reply, decision.reply)


def _by_id(desk: Desk, call: Call, deciders: _Deciders, request: Message, answer: Message) -> None:
    named = call.request
    if not named.workflow_id:
        # An activity without a workflow: the run id is its own.
        entity = find_standalone(desk, call, named.activity_id, named.run_id)
        reply = _decide_alone(desk, call, deciders, entity, notes.TaskToken(), request)
        desk.turn.answer(call.reply, _carry(reply, answer))
        return
    execution = WorkflowExecution(workflow_id=named.workflow_id, run_id=named.run_id)
    run = desk.turn.find(call.namespace.key, execution)
    token = notes.TaskToken(run_key=run.key, activity_id=named.activity_id)
    decision = deciders.of_workflow(run.state, token, request, desk.context(call.namespace))
    desk.turn.stage(run, decision)
    desk.turn.answer(call.reply, _carry(decision.reply, answer))


def _decide_alone(
    desk: Desk,
    call: Call,
    deciders: _Deciders,
    entity: Loaded[StandaloneState],
    token: notes.TaskToken,
    request: Any,
) -> object:
    decision = deciders.alone(entity.state, token, request, desk.context(call.namespace))
    desk.turn.stage_entity(entity, decision)
    return decision.reply


def _carry(source: Any, target: Any) -> Any:
    # Fields of one name have one meaning in a call and in its by-id twin.
    known = target.DESCRIPTOR.fields_by_name
    for field, value in source.ListFields():
        if field.name not in known:
            continue
        if field.is_repeated:
            getattr(target, field.name).extend(value)
        elif field.message_type is not None:
            getattr(target, field.name).CopyFrom(value)
        else:
            setattr(target, field.name, value)
    return target
