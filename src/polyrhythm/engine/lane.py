"""A lane: the one owner of a set of runs. It decides, commits once, then performs.

A turn drains the inbox, decides every request and whatever those decisions cause, up to a bound;
then everything is one commit, and only after it do answers leave, timers get armed and waiters
look again. The lane is plain method calls: a host drives it (an event loop, a thread) and the
simulator drives it with a clock of its own. Nothing here waits, reads a clock or knows a loop.

    turn = lane.begin(now_ns)
    while lane.decide(turn): ...            # in stretches, so that a loop is not held up
    lane.commit(turn)                       # blocks; may run in another thread
    lane.perform(turn)                      # or lane.abort(turn, error)
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass

from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import (
    LaneLost,
    PolyrhythmError,
    ResourceExhausted,
    StoreFull,
    Unavailable,
)
from polyrhythm.base.limits import Limits
from polyrhythm.core.context import IdSource
from polyrhythm.core.standalone import StandaloneState
from polyrhythm.core.state import RunState
from polyrhythm.engine.cache import RunCache
from polyrhythm.engine.calls import Call, Expire, FireDue, Restore, ServeQueue
from polyrhythm.engine.deployments import Deployments
from polyrhythm.engine.desk import Desk, Memory
from polyrhythm.engine.handlers import HANDLERS, Handler
from polyrhythm.engine.handlers.match import follow_up
from polyrhythm.engine.handlers.queries import release_queries
from polyrhythm.engine.handlers.reside import check_activation, serve_waiting
from polyrhythm.engine.matching import Matching
from polyrhythm.engine.namespaces import Registry
from polyrhythm.engine.queries import Queries
from polyrhythm.engine.recovery import recover
from polyrhythm.engine.residents import Residents
from polyrhythm.engine.retention import Retention
from polyrhythm.engine.space import Space
from polyrhythm.engine.timers import Timers
from polyrhythm.engine.turn import Turn, World
from polyrhythm.engine.waiters import Waiters
from polyrhythm.stores.port import Batch, LaneOwner, ObjectKind, Store

LOG = logging.getLogger("polyrhythm.lane")

# Items decided between two looks at the loop: at 0.1-0.3 ms an item about 5 ms. Activations take
# as long again in the code of users.
STRETCH_ITEMS = 32
STRETCH_ACTIVATIONS = 8


@dataclass(slots=True)
class Progress:
    """A turn on its way through the lane."""

    desk: Desk
    items: int = 0
    steps: int = 0
    batch: Batch | None = None


class Lane:
    """Owns the runs of one store lane."""

    def __init__(self, store: Store, owner: LaneOwner, ids: IdSource, limits: Limits) -> None:
        world = World(store, RunCache(limits.cached_runs_max, limits.cached_bytes_max), ids, limits)
        self.owner = owner
        registry = Registry()
        self.memory = Memory(
            world=world,
            registry=registry,
            matching=Matching(limits.offers_in_memory_max, limits.lines_in_memory_max),
            waiters=Waiters(limits.waiters_max),
            queries=Queries(),
            residents=Residents(),
            deployments=Deployments(store),
            timers=Timers(store, limits.timers_in_memory_max),
            retention=Retention(store, registry, limits),
            space=Space(store),
            inbox=deque(),
        )
        self.lost = False
        self.closed = False

    def recover(self, now_ns: int) -> None:
        """Take up what the store holds; call once, before the first turn."""
        recover(self.memory, self.owner, now_ns)

    def submit(self, call: Call) -> None:
        """Put a call into the inbox; it is answered by a later turn, or refused here."""
        if self.lost:
            call.reply.fail(Unavailable("this process no longer owns the lane"))
        elif self.closed:
            call.reply.fail(Unavailable("the server is shutting down"))
        elif len(self.memory.inbox) >= self.memory.world.limits.inbox_max:
            call.reply.fail(
                ResourceExhausted("too many requests are waiting", "SYSTEM_OVERLOADED", "SYSTEM")
            )
        else:
            self.memory.inbox.append(call)

    @property
    def busy(self) -> bool:
        """Whether a turn would find something to decide."""
        return bool(self.memory.inbox) or self.memory.residents.busy

    @property
    def waiting(self) -> int:
        """How many calls wait for a turn."""
        return len(self.memory.inbox)

    def next_ns(self) -> int:
        """Return when the lane next has to act by itself."""
        memory = self.memory
        own = min(memory.timers.next_ns(), memory.retention.next_ns())
        own = memory.space.next_ns(own)
        for other in (memory.waiters.next_ns(), memory.matching.next_ns()):
            own = min(own, other) if other else own
        return own

    def begin(self, now_ns: int) -> Progress:
        """Start a turn: what waits comes first, then runs that are due; calls out of time are
        answered."""
        memory = self.memory
        memory.waiters.expire(now_ns)
        memory.inbox.extend(memory.space.look(now_ns))
        if memory.space.is_due(now_ns):
            # Behind what came before: a heartbeat or a result that waited while the store stalled
            # was in time.
            for run_key in memory.timers.take_due(now_ns, memory.world.limits.turn_items_max):
                memory.inbox.append(self._own(FireDue(run_key)))
        for queue in memory.matching.take_awake(now_ns):
            serving = ServeQueue(queue.namespace_key, queue.name, queue.kind)
            memory.inbox.append(self._own(serving))
        memory.matching.trim(now_ns)
        for run_key in memory.retention.take_expired(now_ns):
            memory.inbox.appendleft(self._own(Expire(run_key)))
        return Progress(Desk(Turn(memory.world, now_ns), memory))

    def decide(self, progress: Progress) -> bool:
        """Decide one stretch of the turn; True while there is more to decide before the commit."""
        desk, limits = progress.desk, self.memory.world.limits
        inbox, causes = self.memory.inbox, desk.turn.causes
        for _ in range(STRETCH_ITEMS):
            if causes:
                # A bound against decisions that cause each other for ever: a turn this long is
                # our own fault.
                progress.steps += 1
                assert progress.steps <= limits.turn_steps_max * limits.turn_items_max
                self._guard(desk, None, None)
            elif inbox and progress.items < limits.turn_items_max:
                progress.items += 1
                self._decide_call(desk, inbox.popleft())
            elif desk.turn.activations:
                return True
            elif self.memory.residents and not self.memory.space.full and serve_waiting(desk):
                continue
            elif not self._look_again(desk):
                progress.batch = desk.turn.batch(self.owner.lane, self.owner.epoch)
                return False
        return True

    def activate(self, progress: Progress) -> None:
        """Run some of the workflow code of this process that the turn has tasks for, and decide
        what it answers; called by the host, between two stretches."""
        desk = progress.desk
        waiting = desk.turn.activations
        activations = waiting[:STRETCH_ACTIVATIONS]
        del waiting[:STRETCH_ACTIVATIONS]
        for activation in activations:
            resident = activation.resident
            answer = resident.worker.activate(activation.task)
            if answer is None:
                # It comes as a call of its own: the code waits for something.
                continue
            call = Call(resident.namespace, answer, identity=resident.worker.identity)
            self._decide_call(desk, call)
            check_activation(desk, activation)

    def writes(self, progress: Progress) -> int:
        """Return how many rows the turn has to commit, 0 when it only read."""
        batch = progress.batch
        assert batch is not None
        rows = len(batch.runs) + len(batch.namespaces) + len(batch.deleted_runs)
        return rows + len(batch.objects)

    def commit(self, progress: Progress) -> None:
        """Write the turn; raises StoreError when nothing was written, or perhaps nothing."""
        assert progress.batch is not None
        store = self.memory.world.store
        try:
            store.commit(progress.batch)
        except StoreFull as error:
            self.memory.space.close(error.message)
            # What the store had set aside is free now: this turn need not be forgotten.
            store.commit(progress.batch)

    def perform(self, progress: Progress) -> None:
        """Let the turn's outcome out: timers armed, answers given."""
        turn, memory = progress.desk.turn, self.memory
        for row in turn.namespaces:
            memory.registry.put(row)
        for key, run in turn.touched.items():
            assert run.row is not None
            memory.timers.arm(key, run.row.due_ns)
            memory.world.cache.weigh(run)
            if memory.residents and isinstance(run.state, RunState) and run.state.activities:
                memory.residents.tell(run.state)
            elif memory.residents and isinstance(run.state, StandaloneState):
                memory.residents.tell_alone(run.state)
        for key in turn.deleted:
            memory.timers.forget(key)
        for call, late in turn.lates:
            call.late = late
        for reply, value, error in turn.answers:
            if error is None:
                reply.resolve(value)
            else:
                reply.fail(error)
        if turn.objects:
            memory.deployments.forget()
        for attempt in turn.attempts:
            attempt.resident.given -= 1
            attempt.resident.worker.perform(attempt.task)
        memory.world.cache.trim()

    def abort(self, progress: Progress, error: Exception) -> None:
        """Forget the turn: its commit failed, and perhaps happened. Callers are told to come
        back; every run it touched is read again and takes its work up from there."""
        turn, memory = progress.desk.turn, self.memory
        self.lost = self.lost or isinstance(error, LaneLost)
        for run in turn.touched.values():
            memory.residents.forget(run.state.namespace_key, run.state.run_id)
        for key in (*turn.touched, *turn.deleted):
            memory.world.cache.drop(key)
            memory.inbox.append(self._own(Restore(key)))
            self._fail_updates(key, error)
        if any(kind == ObjectKind.QUEUE for _, kind, _ in turn.objects):
            memory.matching.unsettle()
        if any(kind == ObjectKind.DEPLOYMENT for _, kind, _ in turn.objects):
            memory.deployments.forget()
            # What their polls have registered may be lost: they come again and say it again.
            for poll in memory.matching.take_versioned_polls():
                poll.reply.fail(Unavailable(f"the store did not commit: {error}"))
        for attempt in turn.attempts:
            attempt.resident.given -= 1
        for reply, _, _ in turn.answers:
            reply.fail(Unavailable(f"the store did not commit: {error}"))
        if self.lost:
            self.close("this process no longer owns the lane")

    def close(self, reason: str) -> None:
        """Refuse everything that waits; the runs are as they were committed."""
        self.closed = True
        error = Unavailable(reason)
        while self.memory.inbox:
            self.memory.inbox.popleft().reply.fail(error)
        self.memory.waiters.end_all(error)

    def _decide_call(self, desk: Desk, call: Call) -> None:
        if call.reply.done:
            return
        handler = HANDLERS.get(type(call.request))
        assert handler is not None, f"no handler for {type(call.request).__name__}"
        self._guard(desk, call, handler)

    def _guard(self, desk: Desk, call: Call | None, handler: Handler | None) -> None:
        try:
            if call is None or handler is None:
                follow_up(desk)
            else:
                if self.memory.space.admits(call):
                    handler(desk, call)
        except PolyrhythmError as error:
            if call is not None:
                method = type(call.request).__name__.removesuffix("Request")
                self.memory.tally.refuse(method, error)
                desk.turn.refuse(call.reply, error)
        except Exception as error:
            # Our own fault must not take the lane down.
            LOG.exception("internal error while deciding")
            desk.turn.repair()
            if call is not None:
                desk.turn.refuse(call.reply, PolyrhythmError(f"internal error: {error}"))

    def _look_again(self, desk: Desk) -> bool:
        """Answer calls that wait for a run this turn has changed; True when there were any."""
        found = False
        waiters = self.memory.waiters
        for run_key, staged in list(desk.turn.staged.items()):
            if not staged.seen:
                staged.seen = True
                run = desk.turn.touched[run_key]
                if not run.state.running and run.kind == EntityKind.WORKFLOW:
                    release_queries(desk, run)
                if not waiters.watched:
                    continue
                for call in waiters.take_watchers(run_key):
                    found = True
                    self._guard(desk, call, HANDLERS[type(call.request)])
        for run_key in desk.turn.deleted:
            for call in waiters.take_watchers(run_key):
                found = True
                self._guard(desk, call, HANDLERS[type(call.request)])
        return found

    def _fail_updates(self, run_key: int, error: Exception) -> None:
        # Whether an update was admitted is not known: its callers ask again under the same id.
        waiters = self.memory.waiters
        for call in waiters.take_watchers(run_key):
            if call.pending is None:
                waiters.watch(run_key, call)
            else:
                call.reply.fail(Unavailable(f"the store did not commit: {error}"))

    def _own(self, request: Expire | FireDue | Restore | ServeQueue) -> Call:
        return Call(self.memory.registry.first(), request)
