"""Task queues: offers that wait for a worker, polls that wait for an offer.

Queues live in memory and hold a bounded number of offers; what does not fit is in the rows and is
read back line by line (`lines.py`). Nothing here is stored, and an offer may be obsolete: whoever
takes it decides against the run's state again. Queries are handed out first, since a caller waits;
then offers in the order of their lines, as fast as the queue's limits let them (`throttle.py`). A
queue that has to wait for a limit wakes the lane by itself.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush
from typing import Any

from polyrhythm.base.work import PRIORITY_DEFAULT, WorkKind, line_priority
from polyrhythm.core.effects import ActivityOffer, WorkflowTaskOffer
from polyrhythm.core.versions import split_queue
from polyrhythm.engine.calls import Call
from polyrhythm.engine.flow import FlowState
from polyrhythm.engine.lines import Backlog
from polyrhythm.engine.throttle import NEVER_NS, ThrottleState

# A worker that has not polled for this long is not shown as a poller any more (the server's 5 min).
POLLER_SHOWN_NS = 300 * 1_000_000_000
# Idle queues are looked for when there are more than this, or twice as many as were left.
QUEUES_MAX = 1000


@dataclass(slots=True)
class QueryOffer:
    """A query that waits for a worker; it lives in memory only."""

    query_id: str
    queue: str


Offered = WorkflowTaskOffer | ActivityOffer | QueryOffer


@dataclass(slots=True)
class Offer:
    """An offer of one run."""

    run_key: int
    what: Offered

    @property
    def priority(self) -> int:
        """The priority of its line."""
        if isinstance(self.what, QueryOffer):
            return PRIORITY_DEFAULT
        return line_priority(self.what.priority)

    @property
    def since_ns(self) -> int:
        """When it began to wait; a query's caller waits no longer than it takes."""
        return self.what.since_ns if not isinstance(self.what, QueryOffer) else NEVER_NS


class QueueKind(IntEnum):
    """Workflow tasks (and queries) and activities never share a queue."""

    WORKFLOW = WorkKind.WORKFLOW_TASK
    ACTIVITY = WorkKind.ACTIVITY


@dataclass(slots=True)
class QueueState:
    """One task queue. `weights`: of fairness keys, in place of their offers' own; `settled`: its
    settings have been read; `wake_ns`: when the lane looks at it by itself, 0 for never."""

    namespace_key: int
    name: str
    kind: QueueKind
    backlog: Backlog
    queries: deque[Offer] = field(default_factory=deque)
    polls: deque[Call] = field(default_factory=deque)
    pollers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    last_poll_ns: int = 0
    throttle: ThrottleState = field(default_factory=ThrottleState)
    flow: FlowState = field(default_factory=FlowState)
    weights: dict[str, float] = field(default_factory=dict)
    settled: bool = False
    wake_ns: int = 0

    @property
    def waits(self) -> bool:
        """Whether anything waits for a worker."""
        return bool(self.queries) or self.backlog.waits

    def add(self, offer: Offer) -> None:
        """Keep an offer until a worker comes."""
        what = offer.what
        if isinstance(what, QueryOffer):
            self.queries.append(offer)
            return
        priority, key = offer.priority, (what.since_ns, offer.run_key)
        if what.queue == self.name:
            self.backlog.add(priority, what.fairness_key, key, offer)
        else:
            # A sticky queue's, whose worker is gone: its row names that queue.
            self.backlog.keep(priority, what.fairness_key, key, offer)

    def put_back(self, offer: Offer) -> None:
        """Keep an offer that was taken and not given, however much is here."""
        what = offer.what
        if isinstance(what, QueryOffer):
            self.queries.append(offer)
            return
        key = (what.since_ns, offer.run_key)
        self.backlog.keep(offer.priority, what.fairness_key, key, offer)

    def handed_out(self, offer: Offer, now_ns: int) -> None:
        """Note that a worker has got an offer: its line and the limits pay for it."""
        what = offer.what
        if isinstance(what, QueryOffer):
            return
        weight = self.weights.get(what.fairness_key, what.fairness_weight)
        weight = weight if weight > 0 else 1.0
        self.backlog.charge(offer.priority, what.fairness_key, weight)
        if self.throttle.limited:
            self.throttle.consume(what.fairness_key, weight, now_ns)

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

    def saw(self, identity: str, now_ns: int, request: Any = None) -> None:
        """Note a poll, and what its request tells of the worker."""
        self.last_poll_ns = now_ns
        self.pollers[identity] = (now_ns, request)
        if len(self.pollers) > 1000:
            self.pollers = dict(sorted(self.pollers.items(), key=lambda item: -item[1][0])[:500])


QueueName = tuple[int, str, int]


class Matching:
    """The queues of one lane."""

    def __init__(self, offers_max: int, lines_max: int) -> None:
        self._offers_max = offers_max
        self._lines_max = lines_max
        self._queues: dict[QueueName, QueueState] = {}
        self._queues_max = QUEUES_MAX
        self._wakes: list[tuple[int, QueueName]] = []
        # Queues of which the rows hold something that nobody has asked for since the start.
        self._spilled: set[QueueName] = set()

    def queue(self, namespace_key: int, name: str, kind: QueueKind) -> QueueState:
        """Return a queue, which exists as soon as it is named."""
        key = (namespace_key, name, kind)
        found = self._queues.get(key)
        if found is None:
            backlog = Backlog(self._offers_max, self._lines_max)
            found = QueueState(namespace_key, name, kind, backlog)
            if key in self._spilled:
                self._spilled.discard(key)
                backlog.unknown = True
            self._queues[key] = found
        return found

    def take_versioned_polls(self) -> list[Call]:
        """Take all polls that wait at queues of versions."""
        taken = []
        for queue in self._queues.values():
            if split_queue(queue.name)[1] is not None:
                while (poll := queue.take_poll()) is not None:
                    taken.append(poll)
        return taken

    def spill(self, namespace_key: int, kind: int, name: str) -> None:
        """Note that the rows hold offers for a queue, as found at start."""
        self._spilled.add((namespace_key, name, kind))

    def wake_at(self, queue: QueueState, at_ns: int) -> None:
        """Have the lane look at a queue at a time, or before."""
        if not queue.wake_ns or at_ns < queue.wake_ns:
            queue.wake_ns = at_ns
            heappush(self._wakes, (at_ns, (queue.namespace_key, queue.name, queue.kind)))

    def next_ns(self) -> int:
        """Return when a queue next wants to be looked at, 0 for never."""
        return self._wakes[0][0] if self._wakes else 0

    def take_awake(self, now_ns: int) -> list[QueueState]:
        """Take the queues that wanted to be looked at by now."""
        awake = []
        while self._wakes and self._wakes[0][0] <= now_ns:
            at_ns, key = heappop(self._wakes)
            queue = self._queues.get(key)
            if queue is not None and queue.wake_ns == at_ns:
                queue.wake_ns = 0
                awake.append(queue)
        return awake

    def unsettle(self) -> None:
        """Have all settings read again: a commit of some has failed."""
        for queue in self._queues.values():
            queue.settled = False

    def trim(self, now_ns: int) -> None:
        """Forget queues that hold nothing and that nobody has polled for long, when there are
        many: every worker that starts has a sticky queue of its own."""
        if len(self._queues) < self._queues_max:
            return
        idle = [
            key
            for key, queue in self._queues.items()
            if not queue.waits
            and not queue.polled_within(now_ns, POLLER_SHOWN_NS)
            and queue.throttle.ready_ns <= now_ns
        ]
        for key in idle:
            del self._queues[key]
        self._queues_max = max(QUEUES_MAX, 2 * len(self._queues))
