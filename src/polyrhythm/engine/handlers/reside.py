"""Gives tasks to workers of this process, and takes up what waited for one of them to have room.

An activation is answered within the turn, so the run moves on before the commit. How many are
given in one turn is bounded: the rest is left for the next one, and the lane stays busy for it.
"""

from __future__ import annotations

from polyrhythm.core.effects import ActivityOffer
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.give import take
from polyrhythm.engine.handlers.hand_out import next_offer
from polyrhythm.engine.handlers.routes import LOOKED_PAST_MAX, stand_of
from polyrhythm.engine.matching import Offer, QueueKind, QueueState
from polyrhythm.engine.residents import Activation, Attempt, Resident


def takes(resident: Resident, offer: Offer) -> bool:
    """Whether a worker takes such an offer now."""
    return not isinstance(offer.what, ActivityOffer) or resident.has_room


def give_resident(desk: Desk, queue: QueueState, offer: Offer, resident: Resident) -> bool:
    """Give an offer to a worker of this process; False when the offer is obsolete."""
    if isinstance(offer.what, ActivityOffer):
        attempt = take(desk, queue, offer, resident.activity_poll)
        if attempt is not None:
            resident.given += 1
            queue.flow.hand(offer.priority, desk.now_ns)
            desk.turn.attempts.append(Attempt(resident, attempt))
        return attempt is not None
    task = take(desk, queue, offer, resident.workflow_poll, resident)
    if task is not None:
        queue.flow.hand(offer.priority, desk.now_ns)
        desk.turn.activations.append(Activation(resident, offer.run_key, task))
    return task is not None


def serve_waiting(desk: Desk) -> bool:
    """Give workers of this process what waits in their queues; True when something was given."""
    given = False
    for resident in desk.memory.residents.all():
        resident.waiting = False
        for kind in QueueKind:
            queue = desk.memory.matching.queue(resident.namespace.key, resident.queue, kind)
            given = _serve(desk, queue, resident) or given
    return given


def check_activation(desk: Desk, activation: Activation) -> None:
    """Drop live code that is ahead of its run: its answer was refused, or came to nothing."""
    run = desk.memory.world.cache.get(activation.run_key)
    started = activation.task.started_event_id
    if started and (run is None or run.state.last_completed_started_id != started):
        activation.resident.worker.forget(activation.task.workflow_execution.run_id)


def _serve(desk: Desk, queue: QueueState, resident: Resident) -> bool:
    given = False
    plain = desk.memory.deployments.space(queue.namespace_key).is_plain
    aside: list[Offer] = []
    queue.saw(resident.worker.identity, desk.now_ns)
    while True:
        if desk.turn.given >= desk.limits.turn_items_max:
            resident.waiting = resident.waiting or queue.waits
            break
        if queue.kind == QueueKind.ACTIVITY and not resident.has_room:
            break
        offer = next_offer(desk, queue)
        if offer is None:
            break
        if not plain and stand_of(desk, queue, offer) is not queue:
            aside.append(offer)
            if len(aside) == LOOKED_PAST_MAX:
                break
            continue
        desk.turn.given += 1
        if give_resident(desk, queue, offer, resident):
            queue.handed_out(offer, desk.now_ns)
            given = True
    for offer in aside:
        queue.put_back(offer)
    return given
