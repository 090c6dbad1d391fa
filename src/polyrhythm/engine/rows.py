"""Projects a run's state to its row: what lists show and what recovery looks for.

Every commit of a run writes this row whole, in the same transaction as its log, so the row is
never behind and a restart needs no state to know what is due, owed or waiting for workers.
"""

from __future__ import annotations

from polyrhythm.core import deadlines
from polyrhythm.core.decide.activity_attempt import activity_offer, backs_off
from polyrhythm.core.decide.task import task_offer
from polyrhythm.core.effects import ActivityOffer, WorkflowTaskOffer
from polyrhythm.core.state import RunState
from polyrhythm.engine.cache import LoadedRun
from polyrhythm.stores.port import EntityKind, RunRow, WorkKind


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
    state = run.state
    row = RunRow(
        run_key=run.key,
        namespace_key=state.namespace_key,
        kind=EntityKind.WORKFLOW,
        workflow_id=state.workflow_id,
        run_id=state.run_id,
        first_run_id=state.first_run_id,
        workflow_type=state.workflow_type,
        task_queue=state.task_queue,
        start_ns=state.start_ns,
        execution_ns=state.first_task_due_ns or (run.row.execution_ns if run.row else 0),
        status=state.status,
        close_ns=state.close_ns,
        due_ns=_due_ns(state, now_ns),
        owes=len(state.owed),
        history_events=state.next_event_id - 1,
        history_bytes=state.history_bytes,
        transitions=state.transitions,
        memo=state.memo,
        search_attributes=state.search_attributes,
        parent_workflow_id=state.parent_workflow_id,
        parent_run_id=state.parent_run_id,
        root_workflow_id=state.root_workflow_id,
        root_run_id=state.root_run_id,
    )
    if not row.execution_ns:
        row.execution_ns = state.start_ns
    for offer in open_offers(state, now_ns):
        _add_work(row, state, offer)
    return row


def _due_ns(state: RunState, now_ns: int) -> int:
    due_ns = deadlines.next_due(state)
    if not state.running:
        return due_ns
    # A clock that was set back makes a back-off wait again whose deadline has been taken already.
    for activity in state.activities.values():
        if backs_off(activity, now_ns):
            due_ns = min(due_ns or activity.available_ns, activity.available_ns)
    return due_ns


def _add_work(row: RunRow, state: RunState, offer: WorkflowTaskOffer | ActivityOffer) -> None:
    if isinstance(offer, WorkflowTaskOffer):
        kind, task = WorkKind.WORKFLOW_TASK, state.workflow_task
        order = task.scheduled_ns if task is not None else 0
    else:
        kind = WorkKind.ACTIVITY
        order = state.activities[offer.scheduled_event_id].available_ns
    if row.work_kind == WorkKind.NONE:
        row.work_kind, row.work_queue = kind, offer.queue
        row.work_priority, row.work_order = offer.priority, order
    elif (row.work_kind, row.work_queue) != (kind, offer.queue):
        row.work_kind, row.work_queue = WorkKind.MANY, ""
        row.work_order = min(row.work_order, order)
