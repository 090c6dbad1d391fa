"""Whether each run's row is what its log says, and rows written anew where it is not.

A row is a projection of the state, and the state is the fold of the log: so a row needs no checksum
to be checked, and none could repair it. The check only reads, as of one instant, while an owner may
be at work; a repair claims the lane. It leaves out runs whose log is damaged, and those whose row
counts more than the log holds: there it is the log that may have lost its end.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field, replace

from temporalio.api.common.v1 import SearchAttributes
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.app.compose import LANE
from polyrhythm.base.conditions import UNREAD
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import DataLoss
from polyrhythm.base.limits import ANSWER_GRACE_NS
from polyrhythm.core import deadlines
from polyrhythm.core.apply.versions import BUILD_IDS
from polyrhythm.core.durations import span_ns
from polyrhythm.core.fold import fold_row
from polyrhythm.core.search_values import encode_search_values
from polyrhythm.core.standalone import StandaloneState
from polyrhythm.core.state import RunState
from polyrhythm.engine.cache import Loaded, LoadedRun
from polyrhythm.engine.natures import NATURES
from polyrhythm.engine.rows import project_row
from polyrhythm.stores.port import LogRow, RunRow
from polyrhythm.stores.sqlite import FileReader, SqliteSettings, SqliteStore


@dataclass(slots=True)
class RowReport:
    """What a check of rows found, as run keys. `short_logs`: the row counts more than the log
    holds; `unreadable`: the log is damaged, has gaps or is missing, so nothing is known."""

    runs: int = 0
    differing: list[int] = field(default_factory=list)
    short_logs: list[int] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)
    # What the differing rows should be.
    wanted: list[RunRow] = field(default_factory=list)

    def is_sound(self) -> bool:
        """Return whether every row is what its log says."""
        return not (self.differing or self.short_logs or self.unreadable)


def check_rows(path: str) -> RowReport:
    """Fold every run of a file and compare its row. Raises StoreError when it cannot be read."""
    report = RowReport()
    with FileReader(path) as reader:
        for run_key in reader.run_keys():
            report.runs += 1
            try:
                log = reader.log(run_key)
            except DataLoss:
                log = []
            if not log or [row.sequence for row in log] != list(range(1, len(log) + 1)):
                report.unreadable.append(run_key)
            else:
                _compare(report, reader.row(run_key), log)
    return report


def repair_rows(path: str) -> RowReport:
    """Do the same and write the rows that differ anew; returns what was found.

    Raises LaneHeld while a server has the file.
    """
    if not os.path.exists(path):
        return check_rows(path)
    store = SqliteStore(path, SqliteSettings())
    owner = store.claim_lane(LANE, f"{socket.gethostname()}/{os.getpid()}", "")
    try:
        report = check_rows(path)
        store.replace_rows(owner, report.wanted)
        return report
    finally:
        store.close()


def _compare_entity(report: RowReport, row: RunRow, log: list[LogRow]) -> None:
    nature = NATURES[row.kind]
    state = nature.new()
    for entry in log:
        nature.fold(state, entry.events, entry.notes)
    entity = Loaded(row.run_key, state, None, kind=row.kind)
    times = [log[-1].committed_ns]
    if isinstance(state, StandaloneState):
        # Written last when a back-off ended, which leaves no note.
        times.append(state.attempt.available_ns)
    wanted = [nature.project(entity, at_ns) for at_ns in times]
    if row.transitions > wanted[0].transitions:
        report.short_logs.append(row.run_key)
    elif row not in wanted:
        report.differing.append(row.run_key)
        report.wanted.append(wanted[0])


def _compare(report: RowReport, row: RunRow | None, log: list[LogRow]) -> None:
    run_key = log[0].run_key
    if not any(entry.events for entry in log):
        # No run of a workflow: which kind of entity it is stands in its row alone.
        if row is None or row.kind == EntityKind.WORKFLOW or row.kind not in NATURES:
            report.unreadable.append(run_key)
        else:
            _compare_entity(report, row, log)
        return
    state, execution_ns = RunState(), 0
    for entry in log:
        fold_row(state, entry.events, entry.notes)
        execution_ns = state.first_task_due_ns or execution_ns or state.start_ns
    wanted = _project(run_key, state, execution_ns, log[-1].committed_ns)
    if row is None:
        report.differing.append(run_key)
        report.wanted.append(wanted)
        return
    known = (row.history_events, row.history_bytes, row.transitions)
    held = (wanted.history_events, wanted.history_bytes, wanted.transitions)
    if any(told > there for told, there in zip(known, held, strict=True)):
        report.short_logs.append(run_key)
        return
    # An imported history was never delayed here: its start event alone says that it was.
    if row.execution_ns == _delayed_ns(state):
        execution_ns = row.execution_ns
    # A row is as of a commit, of this run or of the turn in which a back-off ended.
    times = {log[-1].committed_ns, 0}
    times.update(activity.available_ns for activity in state.activities.values())
    if not any(_same(row, _project(run_key, state, execution_ns, at_ns)) for at_ns in times):
        report.differing.append(run_key)
        report.wanted.append(wanted)


def _same(row: RunRow, wanted: RunRow) -> bool:
    if row == wanted:
        return True
    # As earlier releases wrote it. Before answers were waited for a run was woken that much
    # earlier, which does no harm; before builds were remembered no row named them; what queries
    # compare was in no row, and the next start puts it there.
    due_ns = {wanted.due_ns, wanted.due_ns - ANSWER_GRACE_NS}
    attributes = SearchAttributes.FromString(wanted.search_attributes)
    attributes.indexed_fields.pop(BUILD_IDS, None)
    unbuilt = replace(
        wanted,
        search_attributes=attributes.SerializeToString(deterministic=True),
        search_values=encode_search_values(attributes),
    )
    return row.due_ns in due_ns and any(
        row == replace(one, due_ns=row.due_ns)
        or (
            row.search_values == UNREAD
            and row == replace(one, due_ns=row.due_ns, search_values=UNREAD)
        )
        for one in (wanted, unbuilt)
    )


def _project(run_key: int, state: RunState, execution_ns: int, now_ns: int) -> RunRow:
    deadlines.rebuild(state, now_ns)
    row = project_row(LoadedRun(run_key, state, None), now_ns)
    return replace(row, execution_ns=execution_ns)


def _delayed_ns(state: RunState) -> int:
    start = HistoryEvent.FromString(state.start_event)
    attributes = start.workflow_execution_started_event_attributes
    return state.start_ns + span_ns(attributes.first_workflow_task_backoff)
