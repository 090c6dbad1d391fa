"""Planted bugs in families, chains, updates, resets and pauses; `mutants` has the engine's others.

As there, each is a context manager that patches one name and puts it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from typing import Any
from unittest.mock import patch

from polyrhythm.api import notes
from polyrhythm.base.retry import next_retry
from polyrhythm.core import decision
from polyrhythm.core.apply import NOTES
from polyrhythm.core.batch_job import BatchState, decide_progress
from polyrhythm.core.closing import closing_messages
from polyrhythm.core.decide import chain, postpone, reset, standalone_attempt, task, update
from polyrhythm.core.decide.commands import continue_as_new
from polyrhythm.core.decide.retry_policy import decide_retry
from polyrhythm.core.decision import NewRun
from polyrhythm.core.state import RunState
from polyrhythm.engine import deployments
from polyrhythm.engine.handlers import batches, deployment_access, give, match, standalone, updates


@contextmanager
def leave_parents_waiting() -> Iterator[None]:
    """A child that closes says nothing to its parent."""

    def silent(state: RunState, event: Any) -> list[notes.Message]:
        return [
            each for each in closing_messages(state, event) if not each.HasField("child_closed")
        ]

    with patch.object(decision, "closing_messages", silent):
        yield


@contextmanager
def ignore_close_policies() -> Iterator[None]:
    """A parent that closes leaves its children alone, whatever their policy."""

    def careless(state: RunState, event: Any) -> list[notes.Message]:
        return [each for each in closing_messages(state, event) if each.HasField("child_closed")]

    with patch.object(decision, "closing_messages", careless):
        yield


@contextmanager
def start_successors_early() -> Iterator[None]:
    """A run that follows another does not wait for its time."""
    request_run = chain.request_run

    def hasty(closing: Any, started: Any, _wait_ns: int | None) -> str:
        return request_run(closing, started, 0)

    with (
        patch.object(chain, "request_run", hasty),
        patch.object(continue_as_new, "request_run", hasty),
    ):
        yield


@contextmanager
def retry_workflows_for_ever() -> Iterator[None]:
    """The most attempts that a workflow's retry policy allows are not counted."""

    def generous(policy: Any, failure: Any, attempt: int, *rest: Any, **more: Any) -> Any:
        unbounded = type(policy)()
        unbounded.CopyFrom(policy)
        if attempt < 6:
            unbounded.maximum_attempts = 0
        return decide_retry(unbounded, failure, attempt, *rest, **more)

    with patch.object(chain, "decide_retry", generous):
        yield


@contextmanager
def start_successors_twice() -> Iterator[None]:
    """A run that follows another is created once more."""

    def twice(desk: Any, _run_key: int, new_run: NewRun) -> None:
        desk.turn.create(new_run.decision)
        desk.turn.create(new_run.decision)

    with patch.dict(match._FOLLOW, {NewRun: twice}):
        yield


@contextmanager
def admit_updates_again() -> Iterator[None]:
    """An update that is there already is admitted once more."""
    with patch.object(update, "find_update", lambda _state, _update_id: None):
        yield


@contextmanager
def tell_another_outcome() -> Iterator[None]:
    """The outcome of a run's first update is told as everybody's."""
    outcome = updates._outcome

    def careless(desk: Any, run: Any, status: Any) -> Any:
        if status.outcome_event_id:
            status.outcome_event_id = min(run.state.completed_updates.values())
        return outcome(desk, run, status)

    with patch.object(updates, "_outcome", careless):
        yield


@contextmanager
def lose_signals_of_a_reset() -> Iterator[None]:
    """What came after the point of a reset does not come again."""
    with patch.object(reset, "reapply", lambda *_: None):
        yield


@contextmanager
def forget_pauses() -> Iterator[None]:
    """A paused activity goes on as if nothing had been said."""
    apply_note = NOTES["activity"]

    def forgetful(state: RunState, note: notes.Note) -> None:
        apply_note(state, note)
        state.activities[note.activity.scheduled_event_id].pause = b""

    with patch.dict(NOTES, {"activity": forgetful}):
        yield


@contextmanager
def meet_runs_of_batches_again() -> Iterator[None]:
    """A batch operation forgets how far it came."""

    def forgetful(state: BatchState, done: Any, *rest: Any) -> Any:
        done.cursor, done.over = state.cursor, False
        return decide_progress(state, done, *rest)

    with patch.object(batches, "decide_progress", forgetful):
        yield


@contextmanager
def leave_runs_of_batches_out() -> Iterator[None]:
    """A batch operation leaves out one of the runs of a step."""
    next_work = batches._next_work

    def careless(*given: Any) -> Any:
        work = next_work(*given)
        del work.places[1:2]
        return work

    with patch.object(batches, "_next_work", careless):
        yield


@contextmanager
def give_back_at_once() -> Iterator[None]:
    """An attempt that is given back does not wait."""
    give_back = postpone.give_back

    def hasty(change: notes.Activity, request: Any, now_ns: int) -> None:
        give_back(change, request, now_ns)
        change.available_ns = now_ns

    with patch.object(postpone, "give_back", hasty):
        yield


@contextmanager
def count_attempts_given_back() -> Iterator[None]:
    """An attempt that is given back counts as one that failed."""
    give_back = postpone.give_back

    def strict(change: notes.Activity, request: Any, now_ns: int) -> None:
        give_back(change, request, now_ns)
        change.attempt += 1

    with patch.object(postpone, "give_back", strict):
        yield


@contextmanager
def hand_pinned_activities_to_anybody() -> Iterator[None]:
    """Offers that a pinned run has left behind in the shared queue are good for anybody."""
    with patch.object(give, "_is_at_its_queue", lambda *_: True):
        yield


@contextmanager
def pin_in_name_only() -> Iterator[None]:
    """Workflow tasks of pinned runs go to whoever meets them."""
    with (
        patch.object(give, "_may_take", lambda *_: True),
        patch.object(give, "begin_transition", lambda *_: None),
        patch.object(task, "own_queue", lambda _state, queue: queue),
    ):
        yield


@contextmanager
def ramp_by_chance() -> Iterator[None]:
    """Which side of a ramp a workflow is on changes with every look."""
    looks = count()
    with patch.object(deployments, "_threshold", lambda _workflow_id: 100.0 * (next(looks) % 2)):
        yield


@contextmanager
def drain_too_soon() -> Iterator[None]:
    """A version has drained whatever runs are pinned to it."""
    with patch.object(deployment_access, "count_pinned", lambda *_: 0):
        yield


@contextmanager
def take_plain_answers_of_any_attempt() -> Iterator[None]:
    """A token of an earlier attempt of an activity without a workflow ends a later one."""
    answered = standalone_attempt._answered

    def careless(state: Any, token: Any, context: Any) -> Any:
        token.attempt = 0
        return answered(state, token, context)

    with patch.object(standalone_attempt, "_answered", careless):
        yield


@contextmanager
def retry_plain_activities_at_once() -> Iterator[None]:
    """The next attempt of an activity without a workflow does not wait."""

    def hasty(*given: Any) -> Any:
        verdict, _ = next_retry(*given)
        return verdict, 1

    with patch("polyrhythm.core.decide.standalone_attempt.next_retry", hasty):
        yield


@contextmanager
def start_plain_activities_again() -> Iterator[None]:
    """A start looks at nobody who has the id already."""
    with patch.object(standalone, "resolve_standalone", lambda _newest, _request: None):
        yield


NOUN_MUTANTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    each.__name__: each
    for each in (
        leave_parents_waiting,
        ignore_close_policies,
        start_successors_early,
        retry_workflows_for_ever,
        start_successors_twice,
        admit_updates_again,
        tell_another_outcome,
        lose_signals_of_a_reset,
        forget_pauses,
        meet_runs_of_batches_again,
        leave_runs_of_batches_out,
        give_back_at_once,
        count_attempts_given_back,
        take_plain_answers_of_any_attempt,
        retry_plain_activities_at_once,
        start_plain_activities_again,
        hand_pinned_activities_to_anybody,
        pin_in_name_only,
        ramp_by_chance,
        drain_too_soon,
    )
}
