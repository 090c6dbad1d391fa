"""Reads lines of offers back from the rows when memory has run out of them.

A bounded stretch of one line at a time, the oldest first: the rows are the queue, memory is the
head of each of its lines.
"""

from __future__ import annotations

from typing import Any

from polyrhythm.base.errors import DataLoss, NotFound
from polyrhythm.base.work import LineName, line_priority
from polyrhythm.core.effects import ActivityOffer
from polyrhythm.engine.cache import Loaded
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.lines import LineState
from polyrhythm.engine.matching import Offer, QueueKind, QueueState
from polyrhythm.engine.natures import NATURES

# Runs loaded at a time: at 54 us a fold this stays within a turn's stretch. Where memory is full
# of other lines a line still gets a few.
RUNS_PER_REFILL = 200
RUNS_PER_REFILL_MIN = 8
LINES_PER_READ = 1000
START = (0, "")


def read_lines(desk: Desk, queue: QueueState) -> None:
    """Learn which lines of a queue the rows hold, from where reading stood to where memory takes
    no more, or to the end.

    NOTE: rows are as of the last commit and may tell of lines that this turn has emptied. Reading
    goes on behind them, and begins anew only for a line that was left out since it began: so it
    comes to an end within the turn.
    """
    backlog, store = queue.backlog, desk.memory.world.store
    backlog.unknown = False
    if backlog.lines_after == START:
        backlog.left = False
    while True:
        found = store.scan_lines(
            queue.namespace_key, int(queue.kind), queue.name, backlog.lines_after, LINES_PER_READ
        )
        for name in found:
            if not backlog.spill(*name):
                backlog.more = True
                return
            backlog.lines_after = name
        if len(found) < LINES_PER_READ:
            break
    # What this turn has left to the rows is in none yet.
    for run in list(desk.turn.touched.values()):
        if run.state.namespace_key == queue.namespace_key:
            for what in NATURES[run.kind].offers(run.state, desk.now_ns):
                if _is_of_queue(what, queue):
                    backlog.spill(line_priority(what.priority), what.fairness_key, force=True)
    backlog.lines_after = START
    backlog.more, backlog.left = backlog.left, False


def refill(desk: Desk, queue: QueueState, line: LineState) -> None:
    """Offer again what waits in the rows for a line that is empty in memory.

    Rows are as of the last commit: a run that this turn has touched says itself what it offers.
    """
    store, priority, key = desk.memory.world.store, line.priority, line.fairness_key
    name = LineName(queue.namespace_key, int(queue.kind), queue.name, priority, key)
    limit = min(RUNS_PER_REFILL, max(RUNS_PER_REFILL_MIN, queue.backlog.room))
    rows = store.scan_work(name, line.read_to, limit)
    for row in rows:
        line.read_to = row
        try:
            run = desk.turn.load_any(row[1])
        except (NotFound, DataLoss):
            continue
        _offer_again(desk, queue, line, run)
    if len(rows) < limit:
        # What this turn offered and memory had no room for is in no row yet.
        for run in list(desk.turn.touched.values()):
            if run.state.namespace_key == queue.namespace_key:
                _offer_again(desk, queue, line, run)
        queue.backlog.finish(line)


def _offer_again(desk: Desk, queue: QueueState, line: LineState, run: Loaded[Any]) -> None:
    for what in NATURES[run.kind].offers(run.state, desk.now_ns):
        mine = (line_priority(what.priority), what.fairness_key)
        if _is_of_queue(what, queue) and mine == (line.priority, line.fairness_key):
            queue.backlog.put(line, (what.since_ns, run.key), Offer(run.key, what))


def _is_of_queue(what: Any, queue: QueueState) -> bool:
    is_activity = isinstance(what, ActivityOffer)
    wanted = queue.kind == QueueKind.ACTIVITY
    return bool(what.queue == queue.name) and is_activity == wanted
