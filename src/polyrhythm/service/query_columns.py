"""The columns that a query may name: which attribute a name means in a namespace, and its type.

A name is first one of the namespace's own, then a field of those by its number (`Keyword01`), then
one of the server's, with the prefix `Temporal` or without. Source: the server's resolution of
search attribute aliases.
"""

from __future__ import annotations

from dataclasses import dataclass

from polyrhythm.base.conditions import search_key
from polyrhythm.core.context import NamespaceInfo
from polyrhythm.core.search_types import FIELDS, OWN, RESERVED_PREFIX
from polyrhythm.service.query_words import refusal

# Attributes that are read from the run itself.
_ROW = {
    "WorkflowId": "workflow_id",
    "RunId": "run_id",
    "WorkflowType": "workflow_type",
    "TaskQueue": "task_queue",
    "StartTime": "start_ns",
    "ExecutionTime": "execution_ns",
    "CloseTime": "close_ns",
    "ExecutionStatus": "status",
    "HistoryLength": "history_events",
    "HistorySizeBytes": "history_bytes",
    "StateTransitionCount": "transitions",
    "ExecutionDuration": "duration_ns",
    "ParentWorkflowId": "parent_workflow_id",
    "ParentRunId": "parent_run_id",
    "RootWorkflowId": "root_workflow_id",
    "RootRunId": "root_run_id",
}
SCHEDULE_ID = "ScheduleId"
# What the server puts before a schedule's id to name the workflow that runs it.
SCHEDULE_PREFIX = "temporal-sys-scheduler:"


@dataclass(slots=True)
class Column:
    """A name as the user wrote it, the attribute it means, and what conditions call that."""

    alias: str
    attribute: str
    kind: str
    field: str
    # Put before every value.
    prefix: str = ""

    @property
    def compared(self) -> str:
        """The field whose values are compared: a run that is open closes later than any time."""
        return "list_ns" if self.alias == "CloseTime" else self.field


def find_column(alias: str, namespace: NamespaceInfo) -> Column:
    """Return the column that a name means. Raises InvalidArgument."""
    own = namespace.search_types.get(alias)
    if alias not in OWN and own is not None:
        return Column(alias, alias, own, search_key(alias))
    if alias == SCHEDULE_ID:
        return Column(alias, "WorkflowId", "Keyword", "workflow_id", SCHEDULE_PREFIX)
    if alias in FIELDS:
        name = namespace.search_fields.get(alias, alias)
        return Column(alias, name, FIELDS[alias], search_key(name))
    for spelling in (alias, RESERVED_PREFIX + alias, alias.removeprefix(RESERVED_PREFIX)):
        if spelling in OWN:
            field = _ROW.get(spelling) or search_key(spelling)
            return Column(alias, spelling, OWN[spelling], field)
    raise refusal(f"invalid expression: column name '{alias}' is not a valid search attribute")
