"""Applies what happens to a run as a whole: start, close, signals, cancel requests, memo.

Nothing of a closed run fires, is offered or is buffered. The activities, the children and the
unstarted workflow task that it left are kept all the same: describe still lists them, as the server
this follows does. What it still owes to other runs stays.
"""

from __future__ import annotations

from temporalio.api.common.v1 import Memo, Priority, SearchAttributes
from temporalio.api.enums.v1 import workflow_pb2 as statuses
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.api import notes
from polyrhythm.core import deadlines, tables
from polyrhythm.core.apply import update, versions
from polyrhythm.core.durations import span_ns
from polyrhythm.core.state import RequestEvent, RunState


def apply_run_created(state: RunState, note: notes.Note) -> None:
    """Apply the identity of the run, before its first event."""
    created = note.run_created
    state.namespace_key = created.namespace_key
    state.workflow_id = created.workflow_id
    state.run_id = created.run_id
    state.create_request_id = created.request_id
    state.first_task_due_ns = created.first_task_due_ns
    if created.HasField("watcher"):
        state.watcher = created.watcher.SerializeToString(deterministic=True)


def apply_started(state: RunState, event: HistoryEvent) -> None:
    """Apply the start: the run is open and has its timeouts."""
    started = event.workflow_execution_started_event_attributes
    state.status = statuses.WORKFLOW_EXECUTION_STATUS_RUNNING
    state.start_event = event.SerializeToString(deterministic=True)
    state.start_ns = span_ns(event.event_time)
    state.workflow_type = started.workflow_type.name
    state.task_queue = started.task_queue.name
    state.first_run_id = started.first_execution_run_id
    state.original_run_id = started.original_execution_run_id
    state.task_timeout_ns = span_ns(started.workflow_task_timeout)
    state.run_timeout_ns = span_ns(started.workflow_run_timeout)
    state.execution_timeout_ns = span_ns(started.workflow_execution_timeout)
    if started.HasField("parent_workflow_execution"):
        state.parent_workflow_id = started.parent_workflow_execution.workflow_id
        state.parent_run_id = started.parent_workflow_execution.run_id
        state.parent_initiated_id = started.parent_initiated_event_id
    if started.HasField("root_workflow_execution"):
        state.root_workflow_id = started.root_workflow_execution.workflow_id
        state.root_run_id = started.root_workflow_execution.run_id
    first = state.first_task_due_ns or state.start_ns
    if state.run_timeout_ns:
        state.run_deadline_ns = first + state.run_timeout_ns
    if started.HasField("workflow_execution_expiration_time"):
        state.execution_deadline_ns = span_ns(started.workflow_execution_expiration_time)
        if state.run_deadline_ns:
            state.run_deadline_ns = min(state.run_deadline_ns, state.execution_deadline_ns)
    if started.HasField("priority"):
        _set_priority(state, started.priority)
    if started.HasField("memo"):
        state.memo = started.memo.SerializeToString(deterministic=True)
    if started.HasField("search_attributes"):
        state.search_attributes = started.search_attributes.SerializeToString(deterministic=True)
    versions.apply_started(state, started)
    if state.create_request_id:
        state.request_events[state.create_request_id] = RequestEvent(event.event_type, 1)
    deadlines.push_run(state)


def apply_closed(state: RunState, event: HistoryEvent) -> None:
    """Apply a close event: nothing of the run happens any more."""
    state.status = tables.CLOSES[event.event_type]
    state.close_ns = span_ns(event.event_time)
    state.close_event_id = event.event_id
    if state.parent_run_id or state.watcher:
        state.close_event = event.SerializeToString(deterministic=True)
    # A started task has been ended by now; an unwritten speculative one has never been.
    if state.workflow_task is not None and state.workflow_task.speculative:
        state.workflow_task = None
    state.sticky_queue = ""
    state.first_task_due_ns = 0
    state.timers.clear()
    state.external_signals.clear()
    state.external_cancels.clear()
    if state.updates:
        update.abort(state, event)
    state.buffered.clear()
    state.buffered_bytes = 0
    state.deadlines.clear()


def apply_signaled(state: RunState, _event: HistoryEvent) -> None:
    """Apply a signal: only its number counts here."""
    state.signal_count += 1


def apply_signal_requested(state: RunState, note: notes.Note) -> None:
    """Apply a signal's request id, so that the same request is not taken twice."""
    state.signal_request_ids.add(note.signal_requested.request_id)


def apply_cancel_requested(state: RunState, _event: HistoryEvent) -> None:
    """Apply a cancel request."""
    state.cancel_requested = True


def apply_cancel_request_id(state: RunState, note: notes.Note) -> None:
    """Apply the cancel request's id."""
    state.cancel_request_id = note.cancel_requested.request_id


def apply_options_updated(state: RunState, event: HistoryEvent) -> None:
    """Apply a request attached to a running workflow, and its new priority.

    An event without a priority leaves the one there is: that cannot be unset.
    """
    apply_attached_request(state, event)
    updated = event.workflow_execution_options_updated_event_attributes
    if updated.unset_versioning_override or updated.HasField("versioning_override"):
        versions.apply_override(state, updated)
    if updated.HasField("priority"):
        _set_priority(state, updated.priority)


def apply_attached_request(state: RunState, event: HistoryEvent) -> None:
    """Apply which event an attached request became."""
    request_id = event.workflow_execution_options_updated_event_attributes.attached_request_id
    if request_id:
        state.request_events[request_id] = RequestEvent(event.event_type, event.event_id)


def apply_properties_modified(state: RunState, event: HistoryEvent) -> None:
    """Merge the upserted memo; an empty payload removes its field."""
    modified = event.workflow_properties_modified_event_attributes
    memo = Memo.FromString(state.memo)
    for key, payload in modified.upserted_memo.fields.items():
        if payload.data not in tables.NULL_DATA:
            memo.fields[key].CopyFrom(payload)
        else:
            memo.fields.pop(key, None)
    state.memo = memo.SerializeToString(deterministic=True)


def apply_search_attributes(state: RunState, event: HistoryEvent) -> None:
    """Merge upserted search attributes; an empty payload removes its field."""
    upserted = event.upsert_workflow_search_attributes_event_attributes.search_attributes
    merged = SearchAttributes.FromString(state.search_attributes)
    for key, payload in upserted.indexed_fields.items():
        if payload.data not in tables.NULL_DATA:
            merged.indexed_fields[key].CopyFrom(payload)
        else:
            merged.indexed_fields.pop(key, None)
    if versions.BUILD_IDS in upserted.indexed_fields:
        # The next completion sets the list right.
        state.last_checksum = None
    state.search_attributes = merged.SerializeToString(deterministic=True)


def apply_buffer_flushed(state: RunState, note: notes.Note) -> None:
    """The buffer is empty: its events follow with their ids."""
    state.skip_events = note.buffer_flushed.count
    state.buffered = []
    state.buffered_bytes = 0


def apply_buffer_dropped(state: RunState, note: notes.Note) -> None:
    """Take one buffered event back."""
    state.buffered_bytes -= len(state.buffered.pop(note.buffer_dropped.index))


def apply_nothing(_state: RunState, _event: HistoryEvent) -> None:
    """An event that history alone keeps."""


def _set_priority(state: RunState, priority: Priority) -> None:
    state.priority = priority.SerializeToString(deterministic=True)
    state.priority_key = priority.priority_key
    state.fairness_key = priority.fairness_key
    state.fairness_weight = priority.fairness_weight
