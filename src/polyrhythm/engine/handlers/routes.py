"""Brings tasks and workers of the same version together.

Workers of a version stand at a queue of their own, beside the queue that they name. Tasks of runs
pinned to a version wait there too; all others wait in the named queue, and each is for the
version that the routing says at the moment, so nothing is moved when that changes. A namespace
without deployments never comes here.
Source: getPhysicalQueuesForAdd of the server's matching.
"""

from __future__ import annotations

from typing import Any

from temporalio.api.enums.v1 import TaskQueueKind, WorkerVersioningMode

from polyrhythm.base.errors import DataLoss, NotFound
from polyrhythm.core.state import RunState, Version
from polyrhythm.core.versions import (
    PINNED,
    effective_behavior,
    effective_version,
    split_queue,
    version_queue,
)
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.give import give, version_of_poll
from polyrhythm.engine.handlers.hand_out import next_offer, serve
from polyrhythm.engine.matching import Offer, QueueKind, QueueState

# Offers for other versions that a poll looks past, a few microseconds each: of a ramp most fit
# within a few. What is behind more of them waits until those are gone.
LOOKED_PAST_MAX = 500
_STICKY = TaskQueueKind.TASK_QUEUE_KIND_STICKY
_VERSIONED = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED


def stand_of(desk: Desk, queue: QueueState, offer: Offer) -> QueueState | None:
    """Return the queue at which the workers for an offer of this queue stand, None when the
    offer's run is gone."""
    try:
        state = desk.turn.load_any(offer.run_key).state
    except (NotFound, DataLoss):
        return None
    if isinstance(state, RunState) and state.sticky_queue == queue.name:
        return queue
    name, _ = split_queue(queue.name)
    version = _version_for(desk, state, queue)
    return _stand(desk, queue.namespace_key, name, queue.kind, version)


def keeps_sticky(desk: Desk, state: RunState) -> bool:
    """Whether the worker that caches a run is of the version its next task goes to."""
    versioning = state.versioning
    if effective_behavior(versioning) == PINNED:
        return True
    route = desk.memory.deployments.space(state.namespace_key).route(
        state.task_queue, int(QueueKind.WORKFLOW)
    )
    target, _ = route.pick(state.workflow_id)
    return target is None or target == effective_version(versioning)


def stand_of_poll(desk: Desk, call: Call, kind: QueueKind) -> QueueState:
    """Return the queue at which a poll waits: that of its worker's version, if it names one."""
    request = call.request
    name = request.task_queue.name
    version = version_of_poll(request)
    if version is None or request.task_queue.kind == _STICKY:
        return desk.memory.matching.queue(call.namespace.key, name, kind)
    return _stand(desk, call.namespace.key, name, kind, version)


def take_routed(desk: Desk, stand: QueueState, call: Call) -> bool:
    """Give a poll what waits for its version; True when there was something."""
    for queue in _sources(desk, stand):
        aside: list[Offer] = []
        found = _take_from(desk, queue, stand, call, aside)
        for offer in aside:
            queue.put_back(offer)
        if found:
            return True
    return False


def serve_versions(desk: Desk, queue: QueueState) -> None:
    """Give polls that wait what waits in a queue, each to a worker of its version."""
    if desk.memory.deployments.space(queue.namespace_key).is_plain:
        serve(desk, queue)
        return
    aside: list[Offer] = []
    while len(aside) < LOOKED_PAST_MAX:
        offer = next_offer(desk, queue)
        if offer is None:
            break
        stand = stand_of(desk, queue, offer)
        if stand is None:
            continue
        poll = stand.take_poll()
        if poll is None:
            aside.append(offer)
        elif give(desk, stand, offer, poll, queue):
            queue.handed_out(offer, desk.now_ns)
        else:
            stand.polls.appendleft(poll)
    for offer in aside:
        queue.put_back(offer)


def feed(desk: Desk, namespace_key: int, name: str, kind: QueueKind) -> None:
    """Give polls that wait at a queue what the routing brings them now."""
    stand = _stand(desk, namespace_key, name, kind, None)
    for queue in _sources(desk, stand):
        serve_versions(desk, queue)


def _take_from(
    desk: Desk, queue: QueueState, stand: QueueState, call: Call, aside: list[Offer]
) -> bool:
    while len(aside) < LOOKED_PAST_MAX:
        offer = next_offer(desk, queue)
        if offer is None:
            return False
        wanted = stand_of(desk, queue, offer)
        if wanted is None:
            continue
        if wanted is not stand:
            aside.append(offer)
        elif give(desk, stand, offer, call, queue):
            queue.handed_out(offer, desk.now_ns)
            return True
    return False


def _sources(desk: Desk, stand: QueueState) -> list[QueueState]:
    name, version = split_queue(stand.name)
    matching, kind = desk.memory.matching, stand.kind
    sources = [stand]
    if version is not None:
        sources.append(matching.queue(stand.namespace_key, name, kind))
    if kind == QueueKind.ACTIVITY:
        space = desk.memory.deployments.space(stand.namespace_key)
        for stray in list(space.strays.get(name, ())):
            if not space.has(stray, name, int(kind)):
                queue = version_queue(name, stray)
                sources.append(matching.queue(stand.namespace_key, queue, kind))
    return sources


def _version_for(desk: Desk, state: Any, queue: QueueState) -> Version | None:
    space = desk.memory.deployments.space(queue.namespace_key)
    name, pinned = split_queue(queue.name)
    kind = int(queue.kind)
    if pinned is not None:
        if queue.kind == QueueKind.WORKFLOW or space.has(pinned, name, kind):
            return pinned
        # The version has no worker for this activity: whoever else takes it may.
        space.strays.setdefault(name, set()).add(pinned)
    target, _ = space.route(name, kind).pick(state.workflow_id, _asks_for_ramp(state, queue))
    return target


def _asks_for_ramp(state: Any, queue: QueueState) -> bool:
    if queue.kind != QueueKind.WORKFLOW or not isinstance(state, RunState):
        return False
    versioning = state.versioning
    ramped = versioning is not None and versioning.initial_behavior == 2
    return ramped and not state.last_completed_started_id


def _stand(
    desk: Desk, namespace_key: int, name: str, kind: QueueKind, version: Version | None
) -> QueueState:
    queue = name if version is None else version_queue(name, version)
    return desk.memory.matching.queue(namespace_key, queue, kind)
