"""Decides a reset: a new run that shares its past with another up to the end of a batch.

Source: resetworkflow and the workflow resetter of the server.
1. The base run's events up to the point are copied, bytes and all, so that the new run's log
   stands alone; they are folded anew under the new run's id and time.
2. The workflow task that was pending there fails for the reset, activities that a worker had
   fail, others are offered again.
3. The current run, if it is open, is terminated.
4. What came to the base run after the point, to the runs it continued as, and to the current run
   by its end, comes again (`core.decide.reapply`).
5. Options that the request changes are changed, and a workflow task is scheduled.
Everything that can be refused is refused before any state is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.enums.v1 import RetryState, WorkflowTaskFailedCause
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    ResetWorkflowExecutionRequest,
    ResetWorkflowExecutionResponse,
)

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.core.apply import apply_event
from polyrhythm.core.batches import RunHistory, encode_batch, parse_events
from polyrhythm.core.closing import RESETTER_IDENTITY, SERVICE_IDENTITY
from polyrhythm.core.context import Context
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.activity_attempt import activity_offer
from polyrhythm.core.decide.reapply import excluded_types, reapply
from polyrhythm.core.decide.resend import owe_again
from polyrhythm.core.decide.terminate import terminate_run
from polyrhythm.core.decide.versioning import check_override
from polyrhythm.core.decide.workflow_options import check_together, write_options
from polyrhythm.core.decision import Decision
from polyrhythm.core.durations import span_ns
from polyrhythm.core.masks import masked_fields, wrong_path
from polyrhythm.core.state import RunState

_RESET = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
_STARTED = event_types.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
# What the server writes as the request of a poll that never was.
_NO_POLL = "emptyUuid"


@dataclass(slots=True)
class ResetSource:
    """A run that a reset reads from: its id and its whole history."""

    run_id: str
    history: RunHistory


@dataclass(slots=True)
class Reset:
    """What a reset does: to the base run, to the current run if that is another and is open, and
    the new run, whose reply answers the request."""

    base: Decision
    current: Decision | None
    created: Decision


def check_reset(base: RunState, request: ResetWorkflowExecutionRequest, context: Context) -> None:
    """Refuse what needs no history to be refused. Raises InvalidArgument, or FailedPrecondition
    for a version that the new run could not be pinned to."""
    if not 1 < request.workflow_task_finish_event_id < base.next_event_id:
        raise InvalidArgument("Workflow task finish ID must be > 1 && <= workflow last event ID.")
    for operation in request.post_reset_operations:
        if operation.HasField("update_workflow_options"):
            changed = operation.update_workflow_options
            _check_mask(changed.update_mask)
            fields = masked_fields(changed.update_mask)
            given = changed.workflow_execution_options
            if given.HasField("versioning_override"):
                check_override(given.versioning_override, base.task_queue, context)
            check_together(fields)
            continue
        # The words are those of the server's language.
        signal = operation.HasField("signal_workflow")
        kind = "*workflow.PostResetOperation_SignalWorkflow_" if signal else "<nil>"
        raise InvalidArgument(f"unsupported post reset operation: {kind}")


def _check_mask(mask: FieldMask) -> None:
    path = wrong_path(mask, WorkflowExecutionOptions.DESCRIPTOR)
    if path is not None:
        # The blank after the colon is a non-breaking one, as the recorded server writes it.
        raise InvalidArgument(
            f'error applying update_options: proto:\xa0invalid path "{path}" for message'
            ' "temporal.api.workflow.v1.WorkflowExecutionOptions"'
        )


def is_repeated(current: RunState, request: ResetWorkflowExecutionRequest) -> bool:
    """Whether the current run was created by this very request.

    A reset run carries the request id of the first run's start, as the server's does since 1.31:
    a reset that is sent twice is done twice.
    """
    return current.create_request_id == request.request_id


def decide_reset(
    request: ResetWorkflowExecutionRequest,
    base: RunState,
    sources: Sequence[ResetSource],
    current: RunState,
    context: Context,
) -> Reset:
    """Decide a reset that `check_reset` let through. `sources` are the base run and the runs it
    continued as, in order; `current` is the newest run of the id, perhaps the base itself.

    Raises InvalidArgument for a point where no workflow task could fail.
    """
    last_id = request.workflow_task_finish_event_id - 1
    history = sources[0].history
    created = _fork(request, base, history, context)
    on_base = Decision(base, context)
    note = on_base.new_note()
    note.reset_to.run_id = created.state.run_id
    on_base.append_note(note)
    on_current = None
    ending = on_base if current.run_id == base.run_id else Decision(current, context)
    if current.running:
        terminate_run(ending, request.reason, None, RESETTER_IDENTITY)
        on_current = ending if ending is not on_base else None
    excluded = excluded_types(request)
    reapply(created, history.frames[last_id:], excluded)
    for source in sources[1:]:
        reapply(created, source.history.frames, excluded)
    if sources[-1].run_id == current.run_id:
        reapply(created, ending.event_frames, excluded)
    for operation in request.post_reset_operations:
        changed = operation.update_workflow_options
        fields = masked_fields(changed.update_mask)
        write_options(created, "", changed.workflow_execution_options, fields)
    _resume(created)
    created.reply = ResetWorkflowExecutionResponse(run_id=created.state.run_id)
    return Reset(on_base, on_current, created)


def _fork(
    request: ResetWorkflowExecutionRequest, base: RunState, history: RunHistory, context: Context
) -> Decision:
    last_id = request.workflow_task_finish_event_id - 1
    if not history.ends_batch(last_id):
        raise InvalidArgument(
            f"StateRebuilder unable to Rebuild mutable state to event ID: {last_id}, version: 0,"
            " this event must be at the boundary"
        )
    decision = Decision(RunState(), context)
    events = parse_events(history.frames[:last_id])
    _write_created(decision, base, events[0])
    for event in events:
        apply_event(decision.state, event, event.SerializeToString())
    decision.event_frames.extend(history.frames[:last_id])
    decision.event_count += last_id
    for first_id in sorted(history.first_event_ids):
        if 1 < first_id <= last_id:
            decision.note_frames.append(encode_batch(first_id))
    # An attempt past the first has no events yet.
    retried = decision.state.workflow_task is None and decision.state.next_attempt > 1
    if decision.state.workflow_task is None and not retried:
        raise InvalidArgument(
            "Can only reset workflow to event ID in range"
            f" [WorkflowTaskScheduled +1, WorkflowTaskStarted + 1]: {last_id + 1}"
        )
    decision.note_frames.append(encode_batch(last_id + 1))
    note = decision.new_note()
    note.forked.base_run_id = base.run_id
    decision.append_note(note)
    _fail_task(decision, base.run_id, request.reason)
    _fail_activities(decision, events, request.reason)
    return decision


def _write_created(decision: Decision, base: RunState, start: HistoryEvent) -> None:
    context = decision.context
    backoff_ns = span_ns(
        start.workflow_execution_started_event_attributes.first_workflow_task_backoff
    )
    note = decision.new_note()
    created = note.run_created
    created.namespace_key = base.namespace_key
    created.workflow_id = base.workflow_id
    created.run_id = context.ids.run_id()
    created.request_id = _start_request(base)
    if backoff_ns > 0:
        created.first_task_due_ns = span_ns(start.event_time) + backoff_ns
    if base.watcher:
        created.watcher.MergeFromString(base.watcher)
    decision.append_note(note)


def _start_request(base: RunState) -> str:
    for request_id, became in base.request_events.items():
        if became.event_type == _STARTED:
            return request_id
    return base.create_request_id


def _fail_task(decision: Decision, base_run_id: str, reason: str) -> None:
    state = decision.state
    if state.workflow_task is None:
        tasks.schedule_task(decision, offered=False)
    if not state.task_started:
        tasks.start_task(decision, _NO_POLL, SERVICE_IDENTITY)
    task = state.workflow_task
    assert task is not None
    event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_TASK_FAILED)
    failed = event.workflow_task_failed_event_attributes
    failed.scheduled_event_id = task.scheduled_event_id
    failed.started_event_id = task.started_event_id
    failed.cause = _RESET
    failed.failure.CopyFrom(_failure(reason))
    failed.identity = SERVICE_IDENTITY
    failed.base_run_id = base_run_id
    failed.new_run_id = state.run_id
    decision.append(event)


def _fail_activities(decision: Decision, events: Sequence[HistoryEvent], reason: str) -> None:
    # Only a history from elsewhere has such an event without its end: here, and on the server
    # since activities always have a retry policy, the two are written together.
    for started in events:
        if started.event_type != event_types.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            continue
        attributes = started.activity_task_started_event_attributes
        if attributes.scheduled_event_id not in decision.state.activities:
            continue
        event = decision.new_event(event_types.EVENT_TYPE_ACTIVITY_TASK_FAILED)
        failed = event.activity_task_failed_event_attributes
        failed.scheduled_event_id = attributes.scheduled_event_id
        failed.started_event_id = started.event_id
        failed.failure.CopyFrom(_failure(reason))
        failed.retry_state = RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE
        failed.identity = attributes.identity
        decision.append(event)


def _failure(reason: str) -> Failure:
    failure = Failure(message=reason)
    failure.reset_workflow_failure_info.SetInParent()
    return failure


def _resume(decision: Decision) -> None:
    owe_again(decision)
    tasks.schedule_task(decision)
    state, now_ns = decision.state, decision.context.now_ns
    for scheduled_event_id in sorted(state.activities):
        offer = activity_offer(state, scheduled_event_id, now_ns)
        if offer is not None:
            decision.effect(offer)
