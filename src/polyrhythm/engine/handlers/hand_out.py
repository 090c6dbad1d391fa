"""Hands out what waits in a queue: whose turn it is, and how soon.

One offer at a time, since each is decided before the next is chosen. A queue that has to wait for
one of its limits wakes the lane when that is over, if somebody is there to take what waits.
"""

from __future__ import annotations

from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.give import give
from polyrhythm.engine.handlers.refill import read_lines, refill
from polyrhythm.engine.handlers.settings import settle
from polyrhythm.engine.matching import Offer, QueueState
from polyrhythm.engine.throttle import NEVER_NS


def next_offer(desk: Desk, queue: QueueState) -> Offer | None:
    """Take the offer whose turn it is, None when nothing may go now.

    It may be obsolete; one that a worker gets is told to `queue.handed_out`.
    """
    if queue.queries:
        return queue.queries.popleft()
    backlog, throttle = queue.backlog, queue.throttle
    if not backlog.waits:
        return None
    if not queue.settled:
        settle(desk, queue)
    if throttle.ready_ns > desk.now_ns:
        _wake(desk, queue, throttle.ready_ns)
        return None
    if backlog.unknown:
        read_lines(desk, queue)
    emptied: set[tuple[int, str]] = set()
    while True:
        line = backlog.pick(desk.now_ns, throttle.keys, throttle.other_ns)
        if line is None:
            if backlog.more and not backlog.aside_ns():
                # The lines that memory knew are empty: the others take their turns now.
                read_lines(desk, queue)
                continue
            _wake(desk, queue, backlog.aside_ns())
            return None
        if line.offers:
            offer: Offer = backlog.take(line)
            return offer
        if (line.priority, line.fairness_key) in emptied:
            # The rows still hold what this turn has taken from the line: read again after the
            # commit.
            _wake(desk, queue, desk.now_ns + 1)
            return None
        refill(desk, queue, line)
        if not line.offers and not line.spilled:
            emptied.add((line.priority, line.fairness_key))


def serve(desk: Desk, queue: QueueState) -> None:
    """Give polls that wait what waits."""
    while (poll := queue.take_poll()) is not None:
        offer = next_offer(desk, queue)
        if offer is None:
            queue.polls.appendleft(poll)
            return
        if give(desk, queue, offer, poll):
            queue.handed_out(offer, desk.now_ns)
        else:
            queue.polls.appendleft(poll)


def _wake(desk: Desk, queue: QueueState, at_ns: int) -> None:
    if desk.now_ns < at_ns < NEVER_NS:
        desk.memory.matching.wake_at(queue, at_ns)
