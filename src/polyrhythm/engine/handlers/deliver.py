"""Delivers a message between runs within its turn: both runs are changed by one commit.

A message is handed to its receiver and the outcome settled at the sender; the start of a child
creates a run. What was not delivered stays owed in the sender's row and is delivered at the next
start, so nothing here remembers anything.
"""

from __future__ import annotations

from temporalio.api.common.v1 import WorkflowExecution

from polyrhythm.api import notes
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import AlreadyStarted, DataLoss, NotFound, RunTooLarge
from polyrhythm.core.context import Context
from polyrhythm.core.decide.child import (
    ALREADY_EXISTS,
    child_request,
    complete_report,
    decide_child,
)
from polyrhythm.core.decide.message import failed_cause, receive, refuse_delivery, settle
from polyrhythm.core.decide.resolve import Resolution, current_run, resolve_start
from polyrhythm.core.decide.terminate import decide_replaced
from polyrhythm.core.decision import Decision
from polyrhythm.core.effects import Delivery
from polyrhythm.engine.cache import LoadedRun
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.entities import deliver_of_entity, tell_entity
from polyrhythm.engine.handlers.reset import find_known_child, follow_resets


def deliver(desk: Desk, run_key: int, delivery: Delivery) -> None:
    """Deliver what a run owes, unless it has been settled since."""
    sender = desk.turn.load_any(run_key)
    if delivery.sequence not in sender.state.owed:
        return
    context = desk.context_of(delivery.message.namespace_key)
    if sender.kind != EntityKind.WORKFLOW:
        deliver_of_entity(desk, sender, delivery, context)
        return
    if delivery.message.receiver_kind:
        report = complete_report(sender.state, delivery.message)
        tell_entity(desk, sender.key, Delivery(delivery.sequence, report), context)
        settled = settle(sender.state, delivery.sequence, context)
    elif delivery.message.HasField("start_child"):
        settled = _start_child(desk, sender, delivery, context)
    else:
        settled = _hand_over(desk, sender, delivery, context)
    try:
        desk.turn.stage(sender, settled)
    except RunTooLarge:
        # NOTE: the sender has been terminated instead, and its receiver has the message. Forgotten
        # here and now, it is never handed over again: receivers need not remember it for long.
        desk.turn.stage(sender, settle(sender.state, delivery.sequence, context))


def deliver_all(desk: Desk, run: LoadedRun) -> None:
    """Deliver everything a run owes now: it is about to be deleted."""
    for sequence, message in list(run.state.owed.items()):
        deliver(desk, run.key, Delivery(sequence, notes.Message.FromString(message)))


def _hand_over(desk: Desk, sender: LoadedRun, delivery: Delivery, context: Context) -> Decision:
    message = complete_report(sender.state, delivery.message)
    target = WorkflowExecution(workflow_id=message.workflow_id, run_id=message.run_id)
    try:
        receiver = desk.turn.find(message.namespace_key, target)
        if message.HasField("child_closed"):
            receiver = follow_resets(desk, receiver)
    except (NotFound, DataLoss):
        receiver = None
    if receiver is None or receiver.key == sender.key:
        return refuse_delivery(sender.state, message, delivery.sequence, context)
    decision = receive(receiver.state, message, sender.key, delivery.sequence, context)
    cause = failed_cause(decision)
    desk.turn.stage(receiver, decision)
    return settle(sender.state, delivery.sequence, context, cause)


def _start_child(desk: Desk, sender: LoadedRun, delivery: Delivery, context: Context) -> Decision:
    turn, message = desk.turn, delivery.message
    request = child_request(sender.state, message)
    if request is None:
        return settle(sender.state, delivery.sequence, context)
    known = find_known_child(desk, sender, message)
    if known is not None:
        return settle(sender.state, delivery.sequence, context, run_id=known.state.first_run_id)
    try:
        current = turn.find_current(message.namespace_key, request.workflow_id)
        newest = current_run(current.state) if current is not None else None
        verdict = resolve_start(newest, request, context)
    except (AlreadyStarted, DataLoss):
        return settle(sender.state, delivery.sequence, context, ALREADY_EXISTS)
    if verdict.reply is not None:
        # Started before, by the very same request.
        return settle(sender.state, delivery.sequence, context, run_id=verdict.reply.run_id)
    if verdict.resolution is Resolution.REPLACE and current is sender:
        # A workflow that would replace itself by its child: nothing could be told to it.
        return settle(sender.state, delivery.sequence, context, ALREADY_EXISTS)
    decision = decide_child(sender.state, message, request, context)
    run_id = decision.state.run_id
    if verdict.resolution is Resolution.REPLACE:
        assert current is not None
        turn.stage(current, decide_replaced(current.state, run_id, context))
    turn.create(decision)
    return settle(sender.state, delivery.sequence, context, run_id=run_id)
