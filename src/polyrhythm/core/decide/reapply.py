"""Writes events of an old run again in the run that a reset made of it.

Signals come again, updates that were accepted come again as admitted, changed options too, and
what was heard of children that the new run still waits for. Cancel requests and terminations do
not; neither does what belongs to the workflow's own commands.
Source: reapplyEvents of the server's workflow resetter, one function an event type.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from temporalio.api.enums.v1 import (
    EventType,
    ResetReapplyExcludeType,
    ResetReapplyType,
    UpdateAdmittedEventOrigin,
)
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from polyrhythm.core import tables
from polyrhythm.core.batches import parse_events
from polyrhythm.core.decision import Decision

_SIGNAL = ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL
_UPDATE = ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE
_UNSPECIFIED = ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UNSPECIFIED
_ALL = frozenset(ResetReapplyExcludeType.values()) - {_UNSPECIFIED}
_ADMITTED = event_types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED

# What the deprecated field leaves out; it says what to take.
_LEFT_OUT: dict[int, frozenset[int]] = {
    ResetReapplyType.RESET_REAPPLY_TYPE_SIGNAL: frozenset({_UPDATE}),
    ResetReapplyType.RESET_REAPPLY_TYPE_NONE: frozenset({_SIGNAL, _UPDATE}),
}


def excluded_types(request: ResetWorkflowExecutionRequest) -> frozenset[int]:
    """Return the types of events that a reset leaves behind."""
    deprecated = _LEFT_OUT.get(request.reset_reapply_type, frozenset())
    return deprecated.union(request.reset_reapply_exclude_types)


def reapply(decision: Decision, frames: Iterable[bytes], excluded: Collection[int]) -> None:
    """Write again what is worth it among framed events of another run."""
    if not _ALL.difference(excluded):
        return
    for event in parse_events(frames):
        kind, write = _REAPPLY.get(event.event_type, (_UNSPECIFIED, None))
        if write is not None and kind not in excluded:
            write(decision, event)


def _signal(decision: Decision, event: HistoryEvent) -> None:
    # Who sent it from another workflow, and under which request id, is not known any more.
    old = event.workflow_execution_signaled_event_attributes
    again = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
    signaled = again.workflow_execution_signaled_event_attributes
    signaled.signal_name = old.signal_name
    signaled.identity = old.identity
    if old.HasField("input"):
        signaled.input.CopyFrom(old.input)
    if old.HasField("header"):
        signaled.header.CopyFrom(old.header)
    again.links.extend(event.links)
    decision.append(again)


def _update_admitted(decision: Decision, event: HistoryEvent) -> None:
    decision.append(_copy(decision, event))


def _update_accepted(decision: Decision, event: HistoryEvent) -> None:
    accepted = event.workflow_execution_update_accepted_event_attributes
    # Without its request it was admitted by an event of its own, which comes again itself.
    if not accepted.HasField("accepted_request"):
        return
    again = decision.new_event(_ADMITTED)
    admitted = again.workflow_execution_update_admitted_event_attributes
    admitted.request.CopyFrom(accepted.accepted_request)
    admitted.origin = UpdateAdmittedEventOrigin.UPDATE_ADMITTED_EVENT_ORIGIN_REAPPLY
    decision.append(again)


def _options_updated(decision: Decision, event: HistoryEvent) -> None:
    updated = event.workflow_execution_options_updated_event_attributes
    known = updated.attached_request_id in decision.state.request_events
    if known and updated.attached_completion_callbacks:
        return
    again = _copy(decision, event)
    again.worker_may_ignore = True
    again.links.extend(event.links)
    decision.append(again)


def _child_started(decision: Decision, event: HistoryEvent) -> None:
    started = event.child_workflow_execution_started_event_attributes
    child = decision.state.children.get(started.initiated_event_id)
    if child is not None and not child.started_event_id:
        decision.append(_copy(decision, event))


def _child_not_started(decision: Decision, event: HistoryEvent) -> None:
    failed = event.start_child_workflow_execution_failed_event_attributes
    child = decision.state.children.get(failed.initiated_event_id)
    if child is not None and not child.started_event_id:
        decision.append(_copy(decision, event))


def _child_ended(decision: Decision, event: HistoryEvent) -> None:
    name = tables.ATTRIBUTES[event.event_type]
    child = decision.state.children.get(getattr(event, name).initiated_event_id)
    if child is not None:
        again = _copy(decision, event)
        getattr(again, name).started_event_id = child.started_event_id
        decision.append(again)


def _copy(decision: Decision, event: HistoryEvent) -> HistoryEvent:
    again = decision.new_event(EventType.ValueType(event.event_type))
    name = tables.ATTRIBUTES[event.event_type]
    getattr(again, name).CopyFrom(getattr(event, name))
    return again


_Row = tuple[int, Callable[[Decision, HistoryEvent], None] | None]

# Event type -> the exclude type that leaves it behind, and what writes it again.
_REAPPLY: dict[int, _Row] = {
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: (_SIGNAL, _signal),
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED: (_UPDATE, _update_admitted),
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: (_UPDATE, _update_accepted),
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED: (0, _options_updated),
    event_types.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED: (0, _child_not_started),
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED: (0, _child_started),
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED: (0, _child_ended),
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED: (0, _child_ended),
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED: (0, _child_ended),
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT: (0, _child_ended),
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED: (0, _child_ended),
}
