"""Planted bugs: each breaks the engine or the store in one way that the simulator must notice.

A mutant is a context manager that patches one name and puts it back; nothing of it is in the
product's code. `MUTANTS` says which; a simulator that lets one of them pass has a hole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from polyrhythm.core.apply import EVENTS
from polyrhythm.core.apply import timer as apply_timer
from polyrhythm.core.decide import activity, message
from polyrhythm.core.decision import Decision
from polyrhythm.core.effects import Delivery
from polyrhythm.core.state import RunState, TimerState
from polyrhythm.engine.cache import RunCache
from polyrhythm.engine.handlers import deliver, give, hand_out
from polyrhythm.engine.lane import Lane
from polyrhythm.engine.matching import Matching
from polyrhythm.engine.timers import Timers
from polyrhythm.engine.turn import Turn
from polyrhythm.stores.memory import store as memory_store
from polyrhythm.stores.memory.store import MemoryStore
from polyrhythm.testing.mutants_nouns import NOUN_MUTANTS


@contextmanager
def acknowledge_before_commit() -> Iterator[None]:
    """Answers leave when they are decided."""

    def answer(_turn: Turn, reply: Any, value: Any) -> None:
        reply.resolve(value)

    with patch.object(Turn, "answer", answer):
        yield


@contextmanager
def skip_the_attempt_check() -> Iterator[None]:
    """A worker's answer counts whatever attempt its token is of."""
    checked = activity.check_token

    def check(state: RunState, token: Any, unstarted: bool = False) -> Any:
        pending = state.activities.get(token.scheduled_event_id)
        if pending is not None:
            token.attempt = pending.attempt
        return checked(state, token, unstarted)

    with patch.object(activity, "check_token", check):
        yield


@contextmanager
def drop_timers() -> Iterator[None]:
    """Deadlines of every other run are forgotten."""
    arm = Timers.arm

    def forgetful(timers: Timers, run_key: int, due_ns: int) -> None:
        if run_key % 2:
            arm(timers, run_key, due_ns)

    with patch.object(Timers, "arm", forgetful):
        yield


@contextmanager
def lose_messages() -> Iterator[None]:
    """Messages to other runs are owed and never delivered."""
    effect = Decision.effect

    def deaf(decision: Decision, wanted: Any) -> None:
        if not isinstance(wanted, Delivery):
            effect(decision, wanted)

    with patch.object(Decision, "effect", deaf):
        yield


@contextmanager
def deliver_twice() -> Iterator[None]:
    """Messages are handed over twice, and receivers take the second for another."""
    receive = message.receive

    def twice(state: RunState, told: Any, sender_key: int, sequence: int, context: Any) -> Any:
        first = receive(state, told, sender_key, sequence, context)
        second = receive(first.state, told, sender_key, sequence + (1 << 40), context)
        first.event_frames += second.event_frames
        first.note_frames += second.note_frames
        first.effects += second.effects
        return first

    with patch.object(deliver, "receive", twice):
        yield


@contextmanager
def ignore_the_epoch() -> Iterator[None]:
    """The store takes batches of an owner that has lost the lane."""
    commit = MemoryStore.commit

    def careless(store: MemoryStore, batch: Any) -> None:
        batch.epoch, told = store.tables.lanes[batch.lane].epoch, batch.epoch
        faults = store.faults
        try:
            store.faults = None
            if faults is not None:
                faults.before_commit(batch)
            commit(store, batch)
        finally:
            store.faults = faults
            batch.epoch = told
        if faults is not None:
            faults.after_commit(batch)

    with (
        patch.object(MemoryStore, "commit", careless),
        patch.object(memory_store, "check_batch", lambda *_: None),
    ):
        yield


@contextmanager
def lose_the_buffer() -> Iterator[None]:
    """Buffered events never get their ids."""
    with patch.object(Decision, "flush", lambda _decision: None):
        yield


@contextmanager
def lose_a_buffered_event() -> Iterator[None]:
    """The first of several buffered events is dropped when they get their ids."""
    flush = Decision.flush

    def careless(decision: Decision) -> None:
        if len(decision.state.buffered) > 1:
            del decision.state.buffered[0]
        flush(decision)

    with patch.object(Decision, "flush", careless):
        yield


@contextmanager
def forget_work_at_start() -> Iterator[None]:
    """A restart does not look at what waits for workers in the rows."""
    with patch.object(Matching, "spill", lambda *_: None):
        yield


@contextmanager
def never_read_back() -> Iterator[None]:
    """A spilled queue is never read back."""

    def blind(_desk: Any, queue: Any, line: Any) -> None:
        line.dropped = False
        queue.backlog.finish(line)

    with patch.object(hand_out, "refill", blind):
        yield


@contextmanager
def apply_without_log() -> Iterator[None]:
    """Notes about stickiness change the state and are not written."""
    append = Decision.append_note

    def silent(decision: Decision, note: Any) -> None:
        append(decision, note)
        if note.WhichOneof("kind") == "sticky":
            decision.note_frames.pop()

    with patch.object(Decision, "append_note", silent):
        yield


@contextmanager
def fire_early() -> Iterator[None]:
    """Timers take milliseconds for microseconds."""
    apply_started = apply_timer.apply_started

    def hasty(state: RunState, event: Any) -> None:
        apply_started(state, event)
        timer_id = event.timer_started_event_attributes.timer_id
        timer = state.timers[timer_id]
        begun_ns = event.event_time.ToNanoseconds()
        due_ns = begun_ns + (timer.due_ns - begun_ns) // 1000
        state.timers[timer_id] = TimerState(timer_id, timer.started_event_id, due_ns)
        state.deadlines.append((due_ns, 6, timer_id, timer.started_event_id))
        state.deadlines.sort()

    changed = {kind: hasty if each is apply_started else each for kind, each in EVENTS.items()}
    with patch("polyrhythm.core.apply.EVENTS", changed):
        yield


@contextmanager
def keep_states_of_failed_commits() -> Iterator[None]:
    """A failed commit leaves the states it decided in memory."""
    abort = Lane.abort

    def trusting(lane: Lane, progress: Any, error: Exception) -> None:
        with patch.object(RunCache, "drop", lambda *_: None):
            abort(lane, progress, error)

    with patch.object(Lane, "abort", trusting):
        yield


@contextmanager
def hand_out_started_tasks() -> Iterator[None]:
    """An activity that a worker has is given to the next one as well."""
    start = activity.start_activity

    def generous(decision: Decision, run_key: int, offer: Any, *who: Any) -> Any:
        pending = decision.state.activities.get(offer.scheduled_event_id)
        if pending is not None and pending.started_ns:
            return start(decision, run_key, offer, pending.request_id, who[1])
        return start(decision, run_key, offer, *who)

    with patch.object(give, "start_activity", generous):
        yield


MUTANTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    each.__name__: each
    for each in (
        acknowledge_before_commit,
        skip_the_attempt_check,
        drop_timers,
        lose_messages,
        deliver_twice,
        ignore_the_epoch,
        lose_the_buffer,
        lose_a_buffered_event,
        forget_work_at_start,
        never_read_back,
        apply_without_log,
        fire_early,
        keep_states_of_failed_commits,
        hand_out_started_tasks,
    )
} | NOUN_MUTANTS
