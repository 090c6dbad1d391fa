"""Reads offers back from the rows when a queue's memory has run out of them.

A bounded stretch at a time, in order of `work_order`: the rows are the queue, memory is its head.
"""

from __future__ import annotations

from typing import Any

from polyrhythm.base.errors import DataLoss, NotFound
from polyrhythm.core.effects import ActivityOffer
from polyrhythm.engine.cache import Loaded
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.matching import Offer, QueueKind, QueueState
from polyrhythm.engine.natures import NATURES

# Runs loaded at a time: at 54 us a fold this stays within a turn's stretch.
RUNS_PER_REFILL = 200


def refill(desk: Desk, queue: QueueState) -> None:
    """Offer again what waits in the rows for a queue that is empty in memory.

    Rows are as of the last commit: a run that this turn has touched says itself what it offers.
    """
    rows = desk.memory.world.store.scan_work(
        queue.namespace_key, int(queue.kind), queue.name, queue.read_to, RUNS_PER_REFILL
    )
    for order, run_key in rows:
        queue.read_to = (order, run_key)
        try:
            run = desk.turn.load_any(run_key)
        except (NotFound, DataLoss):
            continue
        _offer_again(desk, queue, run)
    if len(rows) < RUNS_PER_REFILL:
        # What this turn offered and memory had no room for is in no row yet.
        for run in list(desk.turn.touched.values()):
            if run.state.namespace_key == queue.namespace_key:
                _offer_again(desk, queue, run)
        # NOTE: a row keeps its place when it gets more work, so an offer dropped while the rows
        # were read may be behind us: then they are read once more.
        queue.spilled = queue.dropped
        queue.dropped = False
        queue.read_to = (0, 0)


def _offer_again(desk: Desk, queue: QueueState, run: Loaded[Any]) -> None:
    for what in NATURES[run.kind].offers(run.state, desk.now_ns):
        is_activity = isinstance(what, ActivityOffer)
        wanted = queue.kind == QueueKind.ACTIVITY
        if what.queue == queue.name and is_activity == wanted:
            desk.memory.matching.offer(queue, Offer(run.key, what))
