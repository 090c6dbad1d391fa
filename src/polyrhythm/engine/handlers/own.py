"""What a lane asks of itself: runs whose deadlines have passed, runs to take up again or to delete.

All are idempotent: a deadline that no longer counts, an offer that exists twice and a run that is
gone already do nothing.
"""

from __future__ import annotations

from typing import Any

from polyrhythm.api import notes
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import DataLoss, NotFound
from polyrhythm.core.decision import Decision
from polyrhythm.core.effects import Delivery
from polyrhythm.core.entity import EntityDecision
from polyrhythm.engine.cache import Loaded
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.routes import serve_versions
from polyrhythm.engine.matching import QueueKind
from polyrhythm.engine.natures import NATURES
from polyrhythm.engine.residents import process_mark


def fire_due(desk: Desk, call: Call) -> None:
    """Decide the deadlines of a run that have passed."""
    try:
        run = desk.turn.load_any(call.request.run_key)
    except (NotFound, DataLoss):
        # Deleted since, or damaged: a damaged run is left alone, and nothing else with it.
        return
    context = desk.context_of(run.state.namespace_key)
    decision = NATURES[run.kind].fire(run.state, context)
    _stage(desk, run, decision)
    if run.kind != EntityKind.WORKFLOW:
        # Its next deadline has to be armed, whether or not something was written.
        desk.turn.touch(run)


def expire(desk: Desk, call: Call) -> None:
    """Delete a run that has been closed for longer than its namespace keeps runs.

    NOTE: the rows said so at the beginning of this turn, and a closed run never opens again.
    """
    desk.turn.delete_key(call.request.run_key)


def restore(desk: Desk, call: Call) -> None:
    """Offer and owe again what a run has: its commit failed, or it was found at start. Work that
    went down with another process is given out again."""
    try:
        run = desk.turn.load_any(call.request.run_key)
    except (NotFound, DataLoss):
        return
    context = desk.context_of(run.state.namespace_key)
    _stage(desk, run, NATURES[run.kind].lose(run.state, context, process_mark()))
    for offer in NATURES[run.kind].offers(run.state, desk.now_ns):
        desk.turn.causes.append((run.key, offer))
    for sequence, message in run.state.owed.items():
        delivery = Delivery(sequence, notes.Message.FromString(message))
        desk.turn.causes.append((run.key, delivery))
    desk.turn.touch(run)


def _stage(desk: Desk, run: Loaded[Any], decision: Decision | EntityDecision | None) -> None:
    if isinstance(decision, Decision):
        desk.turn.stage(run, decision)
    elif decision is not None:
        desk.turn.stage_entity(run, decision)


def serve_queue(desk: Desk, call: Call) -> None:
    """Give what waits in a queue to who waits there; a worker of this process is served last in
    every turn."""
    request = call.request
    kind = QueueKind(request.kind)
    serve_versions(desk, desk.memory.matching.queue(request.namespace_key, request.queue, kind))
