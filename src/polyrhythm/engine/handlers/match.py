"""Follows up the effects of decisions within their turn: offers meet polls, messages arrive.

What a decision causes is decided before the same commit: a worker that waits gets its task
without a second one, and a message between runs is applied and settled in one transaction. What
could not be done in this turn is in the rows (work, owes) and is found again after a crash.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polyrhythm.base.errors import RunTooLarge
from polyrhythm.core.decision import NewRun
from polyrhythm.core.effects import (
    ActivityOffer,
    BatchStep,
    Delivery,
    UpdateEnded,
    WorkflowTaskOffer,
)
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.batches import step
from polyrhythm.engine.handlers.deliver import deliver
from polyrhythm.engine.handlers.give import give
from polyrhythm.engine.handlers.reside import give_resident, takes
from polyrhythm.engine.handlers.routes import keeps_sticky, serve_versions, stand_of
from polyrhythm.engine.handlers.settings import settle
from polyrhythm.engine.handlers.updates import end_update
from polyrhythm.engine.matching import Offer, QueryOffer, QueueKind, QueueState


def follow_up(desk: Desk) -> None:
    """Take one effect of the turn's decisions and do what it asks."""
    run_key, effect = desk.turn.causes.popleft()
    try:
        _FOLLOW[type(effect)](desk, run_key, effect)
    except RunTooLarge:
        # One of the two has just been terminated: the effect meets a closed run the next time.
        desk.turn.causes.append((run_key, effect))


def match(desk: Desk, queue: QueueState, offer: Offer) -> bool:
    """Give an offer to a worker of this process or to a poll that waits, or keep it; True when it
    was given."""
    home = queue
    home.flow.add(offer.priority, desk.now_ns)
    if not desk.memory.deployments.space(queue.namespace_key).is_plain:
        stand = stand_of(desk, queue, offer)
        if stand is None:
            return False
        queue = stand
    if not home.settled:
        settle(desk, home)
    if not _may_pass(home, offer):
        home.add(offer)
        serve_versions(desk, home)
        return False
    resident = desk.memory.residents.find(queue.namespace_key, queue.name)
    if resident is not None and takes(resident, offer):
        return give_resident(desk, queue, offer, resident)
    poll = queue.take_poll()
    if poll is None:
        home.add(offer)
        return False
    if give(desk, queue, offer, poll, home):
        return True
    # The offer is obsolete; the poll goes on waiting, at the front as before.
    queue.polls.appendleft(poll)
    return False


def _may_pass(queue: QueueState, offer: Offer) -> bool:
    """Whether an offer may go past the queue to who waits: nothing comes before it."""
    if isinstance(offer.what, QueryOffer):
        return not queue.queries
    return not queue.throttle.limited and not queue.backlog.waits


def _offer_workflow_task(desk: Desk, run_key: int, offer: WorkflowTaskOffer) -> None:
    matching = desk.memory.matching
    state = desk.turn.load(run_key).state
    namespace_key = state.namespace_key
    queue = matching.queue(namespace_key, offer.queue, QueueKind.WORKFLOW)
    if offer.sticky and not (
        queue.polled_within(desk.now_ns, desk.limits.sticky_unavailable_ns)
        and (desk.memory.deployments.space(namespace_key).is_plain or keeps_sticky(desk, state))
    ):
        # Its worker is gone, or of another version than the task's: the normal queue, and no
        # event (the server does the same).
        queue = matching.queue(namespace_key, offer.normal_queue, QueueKind.WORKFLOW)
    match(desk, queue, Offer(run_key, offer))


def _offer_activity(desk: Desk, run_key: int, offer: ActivityOffer) -> None:
    namespace_key = desk.turn.load_any(run_key).state.namespace_key
    queue = desk.memory.matching.queue(namespace_key, offer.queue, QueueKind.ACTIVITY)
    match(desk, queue, Offer(run_key, offer))


def _create_next(desk: Desk, _run_key: int, new_run: NewRun) -> None:
    # The successor of a run that closed in this turn: from now on it is the newest of its id.
    desk.turn.create(new_run.decision)


_FOLLOW: dict[type, Callable[[Desk, int, Any], None]] = {
    WorkflowTaskOffer: _offer_workflow_task,
    ActivityOffer: _offer_activity,
    Delivery: deliver,
    UpdateEnded: end_update,
    NewRun: _create_next,
    BatchStep: step,
}
