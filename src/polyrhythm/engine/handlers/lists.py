"""Lists and counts of runs: the rows themselves, read through the store's index.

Every row is written with its run's commit, so a list shows what any answered call has done.
"""

from __future__ import annotations

from temporalio.api.activity.v1 import ActivityExecutionListInfo
from temporalio.api.common.v1 import Memo, SearchAttributes
from temporalio.api.workflow.v1 import WorkflowExecutionInfo

from polyrhythm.base.entities import EntityKind
from polyrhythm.core.context import NamespaceInfo
from polyrhythm.core.durations import set_span
from polyrhythm.core.search_types import PREDEFINED
from polyrhythm.engine.calls import Call, CountRuns, ListRuns, RunPage
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.rows import standalone_status
from polyrhythm.stores.port import RunRow


def list_runs(desk: Desk, call: Call) -> None:
    """Answer with a page of runs."""
    wanted: ListRuns = call.request
    rows = desk.memory.world.store.list_runs(wanted.filter)
    after = None
    if len(rows) == wanted.filter.limit:
        last = rows[-1]
        after = (last.close_ns, last.start_ns, last.run_key)
    if wanted.filter.kind == EntityKind.ACTIVITY:
        page = RunPage([encode_activity(row, call.namespace) for row in rows], after)
    else:
        page = RunPage([encode_info(row, call.namespace) for row in rows], after)
    desk.turn.answer(call.reply, page)


def count_runs(desk: Desk, call: Call) -> None:
    """Answer with how many runs match."""
    wanted: CountRuns = call.request
    store = desk.memory.world.store
    count = store.count_by_status if wanted.by_status else store.count_runs
    desk.turn.answer(call.reply, count(wanted.filter))


def encode_info(row: RunRow, namespace: NamespaceInfo) -> WorkflowExecutionInfo:
    """Return a row as lists show it; attributes without a name in the namespace stay hidden."""
    info = WorkflowExecutionInfo()
    info.execution.workflow_id = row.workflow_id
    info.execution.run_id = row.run_id
    info.type.name = row.workflow_type
    set_span(info.start_time, row.start_ns)
    set_span(info.execution_time, row.execution_ns or row.start_ns)
    info.status = row.status  # type: ignore[assignment]
    info.task_queue = row.task_queue
    info.root_execution.workflow_id = row.root_workflow_id or row.workflow_id
    info.root_execution.run_id = row.root_run_id or row.run_id
    if row.parent_run_id:
        info.parent_execution.workflow_id = row.parent_workflow_id
        info.parent_execution.run_id = row.parent_run_id
    info.memo.CopyFrom(Memo.FromString(row.memo))
    _show_attributes(info, row, namespace)
    if row.close_ns:
        set_span(info.close_time, row.close_ns)
        info.execution_duration.FromNanoseconds(max(0, row.close_ns - _work_start_ns(row)))
        info.history_length = row.history_events
        info.history_size_bytes = row.history_bytes
        info.state_transition_count = row.transitions
    return info


def encode_activity(row: RunRow, namespace: NamespaceInfo) -> ActivityExecutionListInfo:
    """Return the row of an activity without a workflow as lists show it."""
    info = ActivityExecutionListInfo()
    info.activity_id = row.workflow_id
    info.run_id = row.run_id
    info.activity_type.name = row.workflow_type
    info.task_queue = row.task_queue
    info.status = standalone_status(row)  # type: ignore[assignment]
    set_span(info.schedule_time, row.start_ns)
    _show_attributes(info, row, namespace)
    if row.close_ns:
        set_span(info.close_time, row.close_ns)
        set_span(info.execution_duration, max(0, row.close_ns - row.start_ns))
        info.state_transition_count = row.transitions
    return info


def _show_attributes(
    info: WorkflowExecutionInfo | ActivityExecutionListInfo, row: RunRow, namespace: NamespaceInfo
) -> None:
    shown = info.search_attributes
    shown.SetInParent()
    for name, payload in SearchAttributes.FromString(row.search_attributes).indexed_fields.items():
        if name in PREDEFINED or name in namespace.search_types:
            shown.indexed_fields[name].CopyFrom(payload)


def _work_start_ns(row: RunRow) -> int:
    # Work begins after the start delay.
    return row.execution_ns or row.start_ns
