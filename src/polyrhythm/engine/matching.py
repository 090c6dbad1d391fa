"""Task queues: offers that wait for a worker, polls that wait for an offer.

Queues live in memory and hold a bounded number of offers; past it a queue is *spilled*: what waits
is in the rows' work columns and is read back when the memory runs empty. Nothing here is stored,
and an offer may be obsolete: whoever takes it decides against the run's state again.
Offers are handed out by priority, then in order of arrival.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush

from polyrhythm.core.effects import ActivityOffer, WorkflowTaskOffer
from polyrhythm.engine.calls import Call
from polyrhythm.stores.port import WorkKind

PRIORITY_DEFAULT = 3
# A worker that has not polled for this long is not shown as a poller any more (the server's 5 min).
POLLER_SHOWN_NS = 300 * 1_000_000_000


@dataclass(slots=True)
class QueryOffer:
    """A query that waits for a worker; it lives in memory only."""

    query_id: str
    queue: str
    priority: int = 0


Offered = WorkflowTaskOffer | ActivityOffer | QueryOffer


@dataclass(slots=True)
class Offer:
    """An offer of one run."""

    run_key: int
    what: Offered


class QueueKind(IntEnum):
    """Workflow tasks (and queries) and activities never share a queue."""

    WORKFLOW = WorkKind.WORKFLOW_TASK
    ACTIVITY = WorkKind.ACTIVITY


@dataclass(slots=True)
class QueueState:
    """One task queue. `spilled`: the rows may hold offers that memory does not."""

    namespace_key: int
    name: str
    kind: QueueKind
    offers: list[tuple[int, int, Offer]] = field(default_factory=list)
    polls: deque[Call] = field(default_factory=deque)
    pollers: dict[str, int] = field(default_factory=dict)
    last_poll_ns: int = 0
    spilled: bool = False
    # How far the rows have been read back since the queue spilled.
    read_to: tuple[int, int] = (0, 0)
    dropped: bool = False

    def park(self, poll: Call) -> None:
        """Keep a poll until an offer comes."""
        while self.polls and self.polls[0].reply.done:
            self.polls.popleft()
        self.polls.append(poll)

    def take_poll(self) -> Call | None:
        """Take the poll that has waited longest."""
        while self.polls:
            poll = self.polls.popleft()
            if not poll.reply.done:
                return poll
        return None

    def polled_within(self, now_ns: int, window_ns: int) -> bool:
        """Whether a worker waits here, or did within the window."""
        if any(not poll.reply.done for poll in self.polls):
            return True
        return self.last_poll_ns != 0 and now_ns - self.last_poll_ns <= window_ns

    def take_offer(self) -> Offer | None:
        """Take the next offer in memory."""
        return heappop(self.offers)[2] if self.offers else None

    def saw(self, identity: str, now_ns: int) -> None:
        """Note a poll."""
        self.last_poll_ns = now_ns
        self.pollers[identity] = now_ns
        if len(self.pollers) > 1000:
            self.pollers = dict(sorted(self.pollers.items(), key=lambda item: -item[1])[:500])


class Matching:
    """The queues of one lane."""

    def __init__(self, offers_max: int) -> None:
        self._offers_max = offers_max
        self._queues: dict[tuple[int, str, int], QueueState] = {}
        self._arrivals = 0
        # Namespaces with rows that wait in more than one queue: any of their queues may have some.
        self._mixed: set[int] = set()

    def queue(self, namespace_key: int, name: str, kind: QueueKind) -> QueueState:
        """Return a queue, which exists as soon as it is named."""
        key = (namespace_key, name, kind)
        found = self._queues.get(key)
        if found is None:
            spilled = namespace_key in self._mixed
            found = QueueState(namespace_key, name, kind, spilled=spilled)
            self._queues[key] = found
        return found

    def offer(self, queue: QueueState, offer: Offer) -> None:
        """Keep an offer until a worker comes, or leave it to the rows when there are too many."""
        if len(queue.offers) >= self._offers_max and not isinstance(offer.what, QueryOffer):
            queue.spilled = queue.dropped = True
            return
        self._arrivals += 1
        priority = offer.what.priority or PRIORITY_DEFAULT
        heappush(queue.offers, (priority, self._arrivals, offer))

    def spill(self, namespace_key: int, kind: int, name: str) -> None:
        """Note that the rows hold offers for a queue, as found at start."""
        if kind == WorkKind.MANY:
            self._mixed.add(namespace_key)
            for queue in self._queues.values():
                if queue.namespace_key == namespace_key:
                    queue.spilled = True
        else:
            self.queue(namespace_key, name, QueueKind(kind)).spilled = True

    def forget_idle(self, now_ns: int) -> None:
        """Forget queues that hold nothing and that nobody has polled for long."""
        idle = [
            key
            for key, queue in self._queues.items()
            if not queue.offers
            and not queue.spilled
            and not queue.polled_within(now_ns, POLLER_SHOWN_NS)
        ]
        for key in idle:
            del self._queues[key]
