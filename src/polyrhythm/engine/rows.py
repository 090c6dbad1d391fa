"""Projects a run's state to its row: what lists show and what recovery looks for.

Every commit of a run writes this row whole, in the same transaction as its log, so the row is
never behind and a restart needs no state to know what is due, owed or waiting for workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from temporalio.api.common.v1 import SearchAttributes
from temporalio.api.enums.v1 import WorkflowExecutionStatus

from polyrhythm.base.conditions import UNREAD
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.work import WorkKind, WorkLine, encode_work, line_priority
from polyrhythm.core import deadlines, standalone
from polyrhythm.core.decide.activity_attempt import activity_offer, backs_off
from polyrhythm.core.decide.attributes import encode_own_types
from polyrhythm.core.decide.task import task_offer
from polyrhythm.core.effects import ActivityOffer, WorkflowTaskOffer
from polyrhythm.core.held import INSIDE, is_held_inside
from polyrhythm.core.search_values import search_values_of
from polyrhythm.core.standalone import StandaloneState
from polyrhythm.core.state import RunState
from polyrhythm.engine.cache import Loaded, LoadedRun
from polyrhythm.stores.port import RunRow

# Values that a row may have although there are attributes: those of a release before.
_UNREAD = ("", UNREAD)
# Bound once: a member read from its class takes as long as a call.
_WORKFLOW = EntityKind.WORKFLOW
_ACTIVITY = EntityKind.ACTIVITY
_TASK_WORK, _ACTIVITY_WORK = WorkKind.WORKFLOW_TASK, WorkKind.ACTIVITY
_RUN_TIMED_OUT = int(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT)
# The others have the same numbers.
_ROW_STATUS = {int(standalone.TIMED_OUT): _RUN_TIMED_OUT}


def open_offers(state: RunState, now_ns: int) -> list[WorkflowTaskOffer | ActivityOffer]:
    """Return everything of a run that waits for a worker now."""
    offers: list[WorkflowTaskOffer | ActivityOffer] = []
    if not state.running:
        return offers
    task = task_offer(state)
    if task is not None:
        offers.append(task)
    for scheduled_event_id in state.activities:
        offer = activity_offer(state, scheduled_event_id, now_ns)
        if offer is not None:
            offers.append(offer)
    return offers


def project_row(run: LoadedRun, now_ns: int) -> RunRow:
    """Return the row of a run as its state stands."""
    state, before = run.state, run.row
    # By position, in the order of RunRow: by keyword it takes three times as long, and a workflow
    # of one activity gets seven rows.
    return RunRow(
        run.key,
        state.namespace_key,
        _WORKFLOW,
        state.workflow_id,
        state.run_id,
        state.first_run_id,
        state.workflow_type,
        state.task_queue,
        state.start_ns,
        state.first_task_due_ns or (before.execution_ns if before else 0) or state.start_ns,
        state.status,
        state.close_ns,
        _due_ns(state, now_ns),
        # One more while work is in hand inside a process: it may have to be given out again.
        len(state.owed) + is_held_inside(state),
        project_work(open_offers(state, now_ns)),
        state.next_event_id - 1,
        state.history_bytes,
        state.transitions,
        state.memo,
        state.search_attributes,
        state.parent_workflow_id,
        state.parent_run_id,
        state.root_workflow_id,
        state.root_run_id,
        _search_values(state, before),
    )


def project_standalone(entity: Loaded[StandaloneState], now_ns: int) -> RunRow:
    """Return the row of an activity without a workflow. Rows of all kinds say their status by the
    numbers of workflows, so that one word means the same in every query."""
    state, attempt = entity.state, entity.state.attempt
    row = RunRow(
        entity.key,
        state.namespace_key,
        _ACTIVITY,
        state.workflow_id,
        state.run_id,
        state.run_id,
        state.activity_type,
        attempt.task_queue,
        attempt.scheduled_ns,
        attempt.scheduled_ns,
        _ROW_STATUS.get(state.status, state.status),
        state.close_ns,
        standalone.due_ns(state, now_ns),
    )
    row.transitions = state.changes
    # While it is in hand inside a process it may have to be given out again.
    row.owes = int(state.running and bool(attempt.started_ns) and INSIDE in attempt.identity)
    row.search_attributes = _typed(state.search_attributes)
    if row.search_attributes:
        row.search_values = search_values_of(row.search_attributes)
    row.work = project_work(standalone.standalone_offers(state, now_ns))
    return row


def standalone_status(row: RunRow) -> int:
    """Return an activity's status by the numbers of activities."""
    timed_out = row.status == _RUN_TIMED_OUT
    return standalone.TIMED_OUT if timed_out else row.status


def _typed(search_attributes: bytes) -> bytes:
    if not search_attributes:
        return b""
    attributes = SearchAttributes.FromString(search_attributes)
    encode_own_types(attributes)
    return attributes.SerializeToString(deterministic=True)


def _search_values(state: RunState, before: RunRow | None) -> str:
    if not state.search_attributes:
        return ""
    # Attributes hardly ever change, and every commit projects the row.
    if (
        before
        and before.search_values not in _UNREAD
        and before.search_attributes == state.search_attributes
    ):
        return before.search_values
    return search_values_of(state.search_attributes)


def entity_row(entity: Loaded[Any], start_ns: int, status: int) -> RunRow:
    """Return the row of an entity that is no run, with what all of them have."""
    state = entity.state
    return RunRow(
        entity.key,
        state.namespace_key,
        entity.kind,
        state.workflow_id,
        state.run_id,
        state.run_id,
        "",
        "",
        start_ns,
        start_ns,
        status,
        owes=len(state.owed),
        transitions=state.transitions,
    )


def _due_ns(state: RunState, now_ns: int) -> int:
    due_ns = deadlines.next_due(state)
    if not state.running:
        return due_ns
    # A clock that was set back makes a back-off wait again whose deadline has been taken already.
    for activity in state.activities.values():
        if not activity.pause and backs_off(activity, now_ns):
            due_ns = min(due_ns or activity.available_ns, activity.available_ns)
    return due_ns


def project_work(offers: Sequence[WorkflowTaskOffer | ActivityOffer]) -> str:
    """Return a row's `work`: the lines in which what an entity offers stands."""
    if not offers:
        return ""
    lines: dict[tuple[int, str, int, str], WorkLine] = {}
    for offer in offers:
        kind = _ACTIVITY_WORK if isinstance(offer, ActivityOffer) else _TASK_WORK
        name = (int(kind), offer.queue, line_priority(offer.priority), offer.fairness_key)
        line = lines.get(name)
        if line is None:
            lines[name] = WorkLine(*name, offer.since_ns, 1)
        else:
            line.count += 1
            line.since_ns = min(line.since_ns, offer.since_ns)
    return encode_work(list(lines.values()))
