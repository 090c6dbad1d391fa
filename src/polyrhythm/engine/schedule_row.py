"""The row of a schedule: what lists filter by, and when it is due.

Its attributes are those of its user and whether it is paused; its type is that of the workflows it
starts. What else lists show of a schedule is made from its state.
"""

from __future__ import annotations

from temporalio.api.common.v1 import SearchAttributes

from polyrhythm.base.entities import EntityKind
from polyrhythm.core.schedule.state import ScheduleState
from polyrhythm.core.search_values import encode_search_values
from polyrhythm.engine.cache import Loaded
from polyrhythm.stores.port import RunRow

PAUSED_ATTRIBUTE = "TemporalSchedulePaused"


def project_schedule(entity: Loaded[ScheduleState], _now_ns: int) -> RunRow:
    """Return the row of a schedule as its state stands."""
    state = entity.state
    attributes = SearchAttributes.FromString(state.search_attributes)
    paused = attributes.indexed_fields[PAUSED_ATTRIBUTE]
    paused.metadata["encoding"], paused.metadata["type"] = b"json/plain", b"Bool"
    paused.data = b"true" if state.paused else b"false"
    return RunRow(
        run_key=entity.key,
        namespace_key=state.namespace_key,
        kind=EntityKind.SCHEDULE,
        workflow_id=state.workflow_id,
        run_id=state.run_id,
        first_run_id=state.run_id,
        workflow_type=state.workflow_type,
        task_queue="",
        start_ns=state.create_ns,
        execution_ns=state.create_ns,
        status=state.status,
        close_ns=state.close_ns,
        due_ns=state.due_ns,
        owes=len(state.owed),
        transitions=state.transitions,
        memo=state.memo,
        search_attributes=attributes.SerializeToString(deterministic=True),
        search_values=encode_search_values(attributes),
    )
