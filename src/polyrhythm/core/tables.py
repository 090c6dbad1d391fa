"""Literal tables of the protocol: how each event type behaves in a history.

Source: the server's history builder (event store) and the protobuf descriptors. Tables only; the
code that reads them is in `decision`, `apply` and `deadlines`.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import EventType
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.enums.v1 import workflow_pb2 as statuses
from temporalio.api.history.v1 import HistoryEvent

# Events that close a run, and the status they leave.
CLOSES: dict[int, int] = {
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: (
        statuses.WORKFLOW_EXECUTION_STATUS_COMPLETED
    ),
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: (statuses.WORKFLOW_EXECUTION_STATUS_FAILED),
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: (
        statuses.WORKFLOW_EXECUTION_STATUS_CANCELED
    ),
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: (
        statuses.WORKFLOW_EXECUTION_STATUS_TERMINATED
    ),
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: (
        statuses.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW
    ),
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: (
        statuses.WORKFLOW_EXECUTION_STATUS_TIMED_OUT
    ),
}

# Events that are written with an id even while a worker holds the workflow task.
UNBUFFERED: frozenset[int] = frozenset(
    {
        *CLOSES,
        event_types.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
        event_types.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
        event_types.EVENT_TYPE_WORKFLOW_TASK_STARTED,
        event_types.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
        event_types.EVENT_TYPE_WORKFLOW_TASK_FAILED,
        event_types.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
        event_types.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
        event_types.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED,
        event_types.EVENT_TYPE_TIMER_STARTED,
        event_types.EVENT_TYPE_TIMER_CANCELED,
        event_types.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
        event_types.EVENT_TYPE_MARKER_RECORDED,
        event_types.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
        event_types.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
        event_types.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
        event_types.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED,
        event_types.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED,
        event_types.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED,
        event_types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        event_types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
    }
)

# Events that say that something started; they share their subject with its end below.
STARTS: dict[int, str] = {
    event_types.EVENT_TYPE_ACTIVITY_TASK_STARTED: "scheduled_event_id",
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED: "initiated_event_id",
}

# Events that leave a speculative workflow task what it is; all others make it a normal one first.
KEEP_SPECULATIVE: frozenset[int] = frozenset(
    {
        *CLOSES,
        event_types.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
        event_types.EVENT_TYPE_WORKFLOW_TASK_STARTED,
        event_types.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
        event_types.EVENT_TYPE_WORKFLOW_TASK_FAILED,
        event_types.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
    }
)

# Buffered events that move behind all others when the buffer gets its ids (stable otherwise),
# each with the field that names what has ended.
MOVED_LAST: dict[int, str] = {
    event_types.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: "scheduled_event_id",
    event_types.EVENT_TYPE_ACTIVITY_TASK_FAILED: "scheduled_event_id",
    event_types.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: "scheduled_event_id",
    event_types.EVENT_TYPE_ACTIVITY_TASK_CANCELED: "scheduled_event_id",
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED: "initiated_event_id",
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED: "initiated_event_id",
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT: "initiated_event_id",
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED: "initiated_event_id",
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED: "initiated_event_id",
}

# The attributes field of each event type.
ATTRIBUTES: dict[int, str] = {
    number: name.removeprefix("EVENT_TYPE_").lower() + "_event_attributes"
    for name, number in EventType.items()
    if name.removeprefix("EVENT_TYPE_").lower() + "_event_attributes"
    in HistoryEvent.DESCRIPTOR.fields_by_name
}

# A history read in pages of this many events, as the server does.
HISTORY_PAGE_EVENTS = 256

# Data of a payload that says nothing: in a memo or search attribute it removes the field.
NULL_DATA: frozenset[bytes] = frozenset({b"", b"null", b"[]"})
