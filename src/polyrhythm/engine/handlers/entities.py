"""Messages of entities that are no workflow runs: what they owe to runs, and what runs tell them.

As between runs, a message is applied at its receiver and settled at its sender by one commit. The
sender gets the outcome as a value in the note that settles the message, and decides what follows.
"""

from __future__ import annotations

from typing import Any

from temporalio.api.common.v1 import WorkflowExecution

from polyrhythm.api import notes
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import DataLoss, NotFound, PolyrhythmError, RunTooLarge
from polyrhythm.core.context import Context
from polyrhythm.core.decide.message import NOT_FOUND, failed_cause, receive
from polyrhythm.core.decide.resolve import Resolution, current_run, resolve_start
from polyrhythm.core.decide.start import decide_start
from polyrhythm.core.decide.terminate import decide_replaced
from polyrhythm.core.effects import Delivery
from polyrhythm.engine.cache import Loaded
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.natures import NATURES

# Messages that are the start of a workflow.
_STARTS = frozenset({"start_workflow", "scheduled_start"})


def deliver_of_entity(
    desk: Desk, sender: Loaded[Any], delivery: Delivery, context: Context
) -> None:
    """Deliver what an entity owes to a run, and let it decide on the outcome."""
    if delivery.message.WhichOneof("kind") in _STARTS:
        outcome = _start_workflow(desk, sender, delivery, context)
    else:
        outcome = _hand_over(desk, sender, delivery, context)
    settled = NATURES[sender.kind].settle(sender.state, delivery.sequence, outcome, context)
    desk.turn.stage_entity(sender, settled)


def tell_entity(desk: Desk, sender_key: int, delivery: Delivery, context: Context) -> None:
    """Apply a run's message to an entity, if that is still there."""
    message = delivery.message
    kind = EntityKind(message.receiver_kind)
    try:
        receiver = desk.turn.find_entity(
            message.namespace_key, kind, message.workflow_id, message.run_id
        )
    except (NotFound, DataLoss):
        return
    if receiver is not None:
        take = NATURES[kind].receive
        decision = take(receiver.state, message, sender_key, delivery.sequence, context)
        desk.turn.stage_entity(receiver, decision)


def _start_workflow(
    desk: Desk, sender: Loaded[Any], delivery: Delivery, context: Context
) -> notes.Settled:
    turn, outcome, state = desk.turn, notes.Settled(), sender.state
    message, asked = delivery.message, NATURES[sender.kind].start
    request, watched = asked(state, message, delivery.sequence, context)
    watcher = None
    if watched:
        watcher = notes.Watcher(kind=sender.kind, entity_id=state.workflow_id, run_id=state.run_id)
    try:
        current = turn.find_current(message.namespace_key, request.workflow_id)
        newest = current_run(current.state) if current is not None else None
        verdict = resolve_start(newest, request, context)
        if verdict.reply is not None:
            # Started before, by the very same request.
            outcome.run_id = verdict.reply.run_id
            return outcome
        decision = decide_start(request, context, watcher=watcher)
    except PolyrhythmError as error:
        outcome.failed_cause = NOT_FOUND
        outcome.error = error.message
        return outcome
    outcome.run_id = decision.state.run_id
    if verdict.resolution is Resolution.REPLACE:
        assert current is not None
        turn.stage(current, decide_replaced(current.state, outcome.run_id, context))
    turn.create(decision)
    return outcome


def _hand_over(
    desk: Desk, sender: Loaded[Any], delivery: Delivery, context: Context
) -> notes.Settled:
    message, outcome = delivery.message, notes.Settled()
    if message.receiver_kind:
        tell_entity(desk, sender.key, delivery, context)
        return outcome
    target = WorkflowExecution(workflow_id=message.workflow_id, run_id=message.run_id)
    try:
        receiver = desk.turn.find(message.namespace_key, target)
        decision = receive(receiver.state, message, sender.key, delivery.sequence, context)
        outcome.failed_cause = failed_cause(decision)
        desk.turn.stage(receiver, decision)
    except (NotFound, DataLoss, RunTooLarge) as error:
        outcome.failed_cause = NOT_FOUND
        outcome.error = error.message
    return outcome
