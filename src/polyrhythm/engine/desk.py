"""What every handler of a turn gets: the turn and the lane's memory, as one record.

Handlers are functions of a desk and a call. They decide through core, stage what it decides and
answer through the turn; they keep nothing themselves.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from polyrhythm.base.limits import Limits
from polyrhythm.core.context import Context, NamespaceInfo
from polyrhythm.engine.calls import Call
from polyrhythm.engine.deployments import Deployments
from polyrhythm.engine.fleet import Fleet
from polyrhythm.engine.matching import Matching
from polyrhythm.engine.namespaces import Registry
from polyrhythm.engine.queries import Queries
from polyrhythm.engine.residents import Residents
from polyrhythm.engine.retention import Retention
from polyrhythm.engine.space import Space
from polyrhythm.engine.tally import Tally
from polyrhythm.engine.timers import Timers
from polyrhythm.engine.turn import Turn, World
from polyrhythm.engine.waiters import Waiters


@dataclass(slots=True)
class Memory:
    """What a lane keeps between turns and can rebuild from its store, or lose."""

    world: World
    registry: Registry
    matching: Matching
    waiters: Waiters
    queries: Queries
    residents: Residents
    deployments: Deployments
    timers: Timers
    retention: Retention
    space: Space
    inbox: deque[Call]
    tally: Tally = field(default_factory=Tally)
    fleet: Fleet = field(default_factory=Fleet)


@dataclass(slots=True)
class Desk:
    """One turn at work."""

    turn: Turn
    memory: Memory
    contexts: dict[int, Context] = field(default_factory=dict)

    @property
    def limits(self) -> Limits:
        """The lane's limits."""
        return self.memory.world.limits

    @property
    def now_ns(self) -> int:
        """The turn's instant."""
        return self.turn.now_ns

    def context(self, namespace: NamespaceInfo) -> Context:
        """Return what a decision in this namespace may know."""
        found = self.contexts.get(namespace.key)
        if found is not None and found.namespace is namespace:
            return found
        world, names = self.memory.world, self.memory.registry.names
        members = self.memory.deployments.space(namespace.key).members
        context = Context(self.turn.now_ns, world.ids, world.limits, namespace, names, members)
        self.contexts[namespace.key] = context
        return context

    def context_of(self, namespace_key: int) -> Context:
        """Return the context of a run's namespace."""
        return self.context(self.memory.registry.by_key(namespace_key))
