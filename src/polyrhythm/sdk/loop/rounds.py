"""Cuts a history into rounds: one for every workflow task that a worker has completed.

A round is what the workflow was told (news), the start that told it, and the events its commands
became. Attempts that failed or timed out are no rounds: their news is told again. Which events are
made by commands is a table, since buffered events may stand between them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from temporalio.api.enums.v1 import event_type_pb2 as types
from temporalio.api.history.v1 import HistoryEvent

COMMAND_EVENTS = frozenset(
    (
        types.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
        types.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED,
        types.EVENT_TYPE_TIMER_STARTED,
        types.EVENT_TYPE_TIMER_CANCELED,
        types.EVENT_TYPE_MARKER_RECORDED,
        types.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
        types.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
        types.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
        types.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
        types.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED,
        types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
        types.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        types.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
        types.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
        types.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
        types.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED,
        types.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED,
    )
)
_STARTED = types.EVENT_TYPE_WORKFLOW_TASK_STARTED
_COMPLETED = types.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
_TIMED_OUT = types.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT
_FAILED = types.EVENT_TYPE_WORKFLOW_TASK_FAILED
_SCHEDULED = types.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED


@dataclass(slots=True)
class Round:
    """One workflow task: `started` is None where the live code has run it already; `completed`
    is None for the one that has to be answered now.
    """

    news: list[HistoryEvent]
    started: HistoryEvent | None
    completed: HistoryEvent | None = None
    commands: list[HistoryEvent] = field(default_factory=list)


def cut_rounds(events: Iterable[HistoryEvent]) -> tuple[list[Round], Round]:
    """Return the rounds that are completed, and the open one behind them.

    The open round has no `started` when nobody has to answer, as at the end of a closed run.
    """
    rounds: list[Round] = []
    news: list[HistoryEvent] = []
    started: HistoryEvent | None = None
    for event in events:
        kind = event.event_type
        if kind in COMMAND_EVENTS:
            if rounds:
                rounds[-1].commands.append(event)
        elif kind == _STARTED:
            started = event
        elif kind == _COMPLETED:
            rounds.append(Round(news, started, event))
            news, started = [], None
        elif kind == _TIMED_OUT:
            started = None
        elif kind == _FAILED:
            # A reset leaves one that carries the new run's id: the random numbers change there.
            started = None
            news.append(event)
        elif kind != _SCHEDULED:
            news.append(event)
    return rounds, Round(news, started)
