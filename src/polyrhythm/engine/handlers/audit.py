"""The past of runs: the state after any commit, and the log of a namespace as a stream.

Both only read. A state of the past is folded from the run's rows alone, so it is what the engine
itself had at that moment; rows that are not committed yet are not part of it.
"""

from __future__ import annotations

from polyrhythm.api import service as api
from polyrhythm.base.errors import InvalidArgument, NotFound
from polyrhythm.core.decide.activity_describe import describe_pending
from polyrhythm.core.decide.describe import describe_run
from polyrhythm.core.fold import fold_row
from polyrhythm.core.state import RunState
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.lookup import find_named
from polyrhythm.stores.port import LogRow

# No snapshot has this version: the whole log is read.
NO_SNAPSHOT = -1


def get_run_at(desk: Desk, call: Call) -> None:
    """Rebuild a run as it was at a moment. Raises NotFound before its start."""
    request: api.GetRunAtRequest = call.request
    run = find_named(desk, call)
    stored = desk.memory.world.store.load_run(run.key, NO_SNAPSHOT)
    if stored is None:
        raise NotFound("the run's start is not committed yet")
    rows = _rows_until(stored.log, request)
    if not rows:
        raise NotFound("the run did not exist at that time")
    state = RunState()
    for row in rows:
        fold_row(state, row.events, row.notes)
    committed_ns = rows[-1].committed_ns
    description = describe_run(state, describe_pending(state, committed_ns))
    answer = api.GetRunAtResponse()
    answer.description = description.SerializeToString()
    answer.history = b"".join(row.events for row in rows)
    answer.committed_ns = committed_ns
    answer.last_event_id = state.next_event_id - 1
    desk.turn.answer(call.reply, answer)


def read_log(desk: Desk, call: Call) -> None:
    """Return the next commits of a namespace that wrote events."""
    request: api.ReadLogRequest = call.request
    store = desk.memory.world.store
    answer = api.ReadLogResponse()
    answer.last_position = store.position_last()
    entries = store.scan_log(call.namespace.key, request.after_position, request.limit)
    answer.next_position = entries[-1].position if entries else request.after_position
    for entry in entries:
        row = entry.row
        if not row.event_count:
            continue
        added = answer.entries.add()
        added.position = entry.position
        added.committed_ns = row.committed_ns
        added.workflow_id = entry.workflow_id
        added.run_id = entry.run_id
        added.workflow_type = entry.workflow_type
        added.first_event_id = row.first_event_id
        added.events = row.events
    desk.turn.answer(call.reply, answer)


def _rows_until(log: list[LogRow], request: api.GetRunAtRequest) -> list[LogRow]:
    if request.event_id:
        for place, row in enumerate(log):
            if row.first_event_id <= request.event_id < row.first_event_id + row.event_count:
                return log[: place + 1]
        raise InvalidArgument(f"the run has no event {request.event_id}")
    if request.time_ns:
        return [row for row in log if row.committed_ns <= request.time_ns]
    return log
