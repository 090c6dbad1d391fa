"""Decides the answer to a workflow task: its completion with commands, or its failure.

Source: RespondWorkflowTaskCompleted of the server, in its order: check the token, write the
completion, set or clear stickiness, run the commands, then say which task comes next.
Commands are run on a fork of the state: when one is refused, the fork is forgotten and the task
fails instead, so nothing of a refused completion is ever seen. A speculative task that changed
nothing is discarded without a trace.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import WorkerVersionStamp
from temporalio.api.enums.v1 import (
    CommandType,
    TimeoutType,
    WorkerVersioningMode,
    WorkflowTaskFailedCause,
)
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import WorkflowTaskCompletedEventAttributes
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Rejection
from temporalio.api.workflowservice.v1 import (
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskFailedRequest,
)

from polyrhythm.api import notes
from polyrhythm.base.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PolyrhythmError,
    Unimplemented,
)
from polyrhythm.core.closing import SERVICE_IDENTITY
from polyrhythm.core.context import Context
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide import update as updates
from polyrhythm.core.decide.commands import (
    activity,
    child,
    close,
    continue_as_new,
    external,
    properties,
    timer,
    update,
)
from polyrhythm.core.decide.commands.record import CommandRefused, Completed, Completion, spell
from polyrhythm.core.decide.terminate import terminate_run
from polyrhythm.core.decide.versioning import moved, offer_activities, tell_target
from polyrhythm.core.decision import Decision
from polyrhythm.core.durations import span_ns
from polyrhythm.core.state import RunState, Version, WorkflowTaskState
from polyrhythm.core.versions import effective_version, fill_version

_VERSIONED = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
INLINE_REQUEST_ID = "request-from-RespondWorkflowTaskCompleted"

_COMMANDS: dict[int, Callable[[Completion, Command], None]] = {
    CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK: activity.decide_schedule,
    CommandType.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK: activity.decide_request_cancel,
    CommandType.COMMAND_TYPE_START_TIMER: timer.decide_start_timer,
    CommandType.COMMAND_TYPE_CANCEL_TIMER: timer.decide_cancel_timer,
    CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION: close.decide_complete,
    CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION: close.decide_fail,
    CommandType.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION: close.decide_cancel,
    CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION: (
        continue_as_new.decide_continue_as_new
    ),
    CommandType.COMMAND_TYPE_RECORD_MARKER: properties.decide_record_marker,
    CommandType.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: (
        properties.decide_upsert_search_attributes
    ),
    CommandType.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES: properties.decide_modify_properties,
    CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION: child.decide_start_child,
    CommandType.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION: external.decide_signal_external,
    CommandType.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION: (
        external.decide_cancel_external
    ),
    CommandType.COMMAND_TYPE_PROTOCOL_MESSAGE: update.decide_protocol_message,
}

_KNOWN = frozenset(CommandType.values()) - {0}
_CLOSES = frozenset(
    {
        CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
        CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
        CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
        CommandType.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION,
    }
)


def decide_completed(
    state: RunState,
    token: notes.TaskToken,
    request: RespondWorkflowTaskCompletedRequest,
    context: Context,
) -> Decision:
    """Decide a completion. The reply of the decision is None, or an error to raise *after* the
    commit; a task started inline and eager activities are left to the caller, which finds them
    in the state (task started with INLINE_REQUEST_ID) and in `Decision.reply`.

    Raises NotFound for a task that is not this worker's (any more).
    """
    task = check_token(state, token)
    try:
        return _complete(state, task, request, context)
    except (InvalidArgument, FailedPrecondition) as error:
        # Of an answer that makes no sense nothing is written and a normal task stays with its
        # worker. What it was sent has to be sent again, and a speculative task is lost.
        if not task.speculative and not updates.sent_updates(state):
            raise
        return _withdraw(Decision(state, context), task, error)


def _complete(
    state: RunState,
    task: WorkflowTaskState,
    request: RespondWorkflowTaskCompletedRequest,
    context: Context,
) -> Decision:
    _check_sequence(request)
    _check_behavior(request)
    decision = Decision(state.fork(), context)
    beat = request.force_create_new_workflow_task and not request.commands and not request.messages
    if beat and _beats_too_long(task, context):
        return _end_heartbeat(decision)
    discarded = task.speculative and _is_void(state, request, context)
    if discarded:
        tasks.discard_task(decision)
    else:
        _write_completed(decision, request)
    _write_sticky(decision, request)
    completion = Completion(
        decision=decision,
        request=request,
        completed_event_id=decision.state.next_event_id - 1,
        unhandled=bool(decision.state.buffered),
        updates_before=state.updates,
    )
    try:
        for command in request.commands:
            _run(completion, command)
        if request.messages:
            update.take_remaining(completion)
    except CommandRefused as refusal:
        return _refuse(state, task, refusal, request, context)
    if state.updates and decision.state.running and not request.force_create_new_workflow_task:
        updates.drop_unprocessed(decision)
    outgoing = _decide_next(completion, task.original_scheduled_ns if beat else 0)
    decision.reply = Completed(completion.eager, outgoing, discarded)
    return decision


def decide_failed(
    state: RunState,
    token: notes.TaskToken,
    request: RespondWorkflowTaskFailedRequest,
    context: Context,
) -> Decision:
    """Decide a worker's report that it could not run the task."""
    if not state.running:
        raise NotFound("workflow execution already completed")
    check_token(state, token)
    decision = Decision(state, context)
    too_large = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_GRPC_MESSAGE_TOO_LARGE
    if request.cause == too_large:
        terminate_run(decision, spell("GRPC_MESSAGE_TOO_LARGE", ""), None, SERVICE_IDENTITY)
        return decision
    failure = request.failure if request.HasField("failure") else None
    tasks.fail_task(decision, request.cause, failure, request.identity)
    tasks.ensure_task(decision)
    return decision


def check_token(state: RunState, token: notes.TaskToken) -> WorkflowTaskState:
    """Return the started task the token belongs to. Raises NotFound otherwise."""
    task = state.workflow_task
    if (
        not state.running
        or task is None
        or not task.started_event_id
        or task.scheduled_event_id != token.scheduled_event_id
        or task.started_event_id != token.started_event_id
        or task.attempt != token.attempt
        or task.started_ns != token.started_ns
    ):
        raise NotFound("Workflow task not found.")
    return task


def _withdraw(decision: Decision, task: WorkflowTaskState, error: PolyrhythmError) -> Decision:
    updates.mark_sent(decision, updates.sent_updates(decision.state), withdrawn=True)
    if task.speculative:
        tasks.discard_task(decision)
        tasks.set_sticky(decision, "", 0)
        tasks.schedule_task(decision, speculative=True)
    decision.reply = error
    return decision


def _is_void(
    state: RunState, request: RespondWorkflowTaskCompletedRequest, context: Context
) -> bool:
    """Whether a speculative task changed nothing: no commands, and rejections at most."""
    if request.commands or request.force_create_new_workflow_task:
        return False
    # A worker that rolls back may be shown the same events again, but not for ever.
    again = request.capabilities.discard_speculative_workflow_task_with_events
    events_max = context.limits.speculative_events_max if again else 0
    if state.next_event_id > state.last_completed_started_id + 2 + events_max:
        return False
    return all(message.body.Is(Rejection.DESCRIPTOR) for message in request.messages)


def _check_sequence(request: RespondWorkflowTaskCompletedRequest) -> None:
    closing = None
    for command in request.commands:
        if closing is not None:
            names = ", ".join(_name(each) for each in request.commands)
            raise InvalidArgument(
                f"invalid command sequence: [{names}], command {_name(closing)} must be the last"
                " command."
            )
        if command.command_type not in _KNOWN:
            raise InvalidArgument(f"unknown command type: {_name(command)}")
        if command.command_type in _CLOSES:
            closing = command


def _run(completion: Completion, command: Command) -> None:
    decide = _COMMANDS.get(command.command_type)
    if decide is None:
        raise Unimplemented(f"command {_name(command)} is not implemented")
    decide(completion, command)


def _name(command: Command) -> str:
    if command.command_type in CommandType.values():
        return spell(CommandType.Name(command.command_type), "COMMAND_TYPE_")
    return str(command.command_type)


def _write_completed(decision: Decision, request: RespondWorkflowTaskCompletedRequest) -> None:
    stamp = _stamp(request)
    tasks.write_task(decision, request.identity, stamp)
    task = decision.state.workflow_task
    assert task is not None
    event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
    completed = event.workflow_task_completed_event_attributes
    completed.scheduled_event_id = task.scheduled_event_id
    completed.started_event_id = task.started_event_id
    completed.identity = request.identity
    completed.binary_checksum = request.binary_checksum
    if stamp is not None:
        completed.worker_version.CopyFrom(stamp)
    if request.HasField("deployment_options") or request.HasField("deployment"):
        _fill_version(completed, request)
    if request.HasField("sdk_metadata"):
        completed.sdk_metadata.CopyFrom(request.sdk_metadata)
    if request.HasField("metering_metadata"):
        completed.metering_metadata.CopyFrom(request.metering_metadata)
    before = decision.state.versioning
    decision.append(event)
    if moved(before, decision.state.versioning):
        offer_activities(decision)


def _fill_version(
    completed: WorkflowTaskCompletedEventAttributes, request: RespondWorkflowTaskCompletedRequest
) -> None:
    options = request.deployment_options
    completed.worker_deployment_name = options.deployment_name or request.deployment.series_name
    version = _version_of(request)
    if version is not None:
        fill_version(completed.deployment_version, version)
    # Workers that are not versioned may report their default behavior: it means nothing then.
    if not request.HasField("deployment_options") or options.worker_versioning_mode == _VERSIONED:
        completed.versioning_behavior = request.versioning_behavior


def _version_of(request: RespondWorkflowTaskCompletedRequest) -> Version | None:
    options = request.deployment_options
    if options.worker_versioning_mode == _VERSIONED:
        version = (options.deployment_name, options.build_id)
    else:
        version = (request.deployment.series_name, request.deployment.build_id)
    return version if all(version) else None


def _leaves(state: RunState, request: RespondWorkflowTaskCompletedRequest) -> bool:
    """Whether the run belongs to another version than that of the worker that answers: it moves
    there, or somebody has pinned it there while the worker was at it."""
    versioning = state.versioning
    if versioning is None:
        return False
    return versioning.in_transition or effective_version(versioning) != _version_of(request)


def _check_behavior(request: RespondWorkflowTaskCompletedRequest) -> None:
    if not request.versioning_behavior or request.HasField("deployment"):
        return
    if request.deployment_options.worker_versioning_mode != _VERSIONED:
        raise InvalidArgument(
            "versioning behavior cannot be specified without deployment options being set with"
            " versioned mode"
        )


def _stamp(request: RespondWorkflowTaskCompletedRequest) -> WorkerVersionStamp | None:
    return request.worker_version_stamp if request.HasField("worker_version_stamp") else None


def _write_sticky(decision: Decision, request: RespondWorkflowTaskCompletedRequest) -> None:
    sticky = request.sticky_attributes
    if _leaves(decision.state, request):
        return
    if sticky.HasField("worker_task_queue"):
        timeout_ns = span_ns(sticky.schedule_to_start_timeout)
        tasks.set_sticky(decision, sticky.worker_task_queue.name, timeout_ns)
    else:
        tasks.set_sticky(decision, "", 0)


def _decide_next(completion: Completion, original_ns: int) -> list[Message]:
    decision, request = completion.decision, completion.request
    state = decision.state
    if not state.running:
        return []
    beat, inline = request.force_create_new_workflow_task, request.return_new_workflow_task
    normal = beat or completion.cancelled_unstarted or bool(state.buffered)
    if state.versioning is not None and state.versioning.in_transition:
        # The next task is what completes the transition, and goes to another worker.
        normal = True
    inline = inline and not _leaves(state, request)
    if not normal and not (state.updates and updates.has_outgoing(state)):
        return []
    # A speculative task is only for a worker that takes it in this answer.
    tasks.schedule_task(decision, not inline, original_ns, speculative=inline and not normal)
    if inline:
        changed = tell_target(decision, None)
        stamp = _stamp(request)
        tasks.start_task(decision, INLINE_REQUEST_ID, request.identity, stamp, changed)
        return updates.send_updates(decision, heartbeat=beat)
    return []


def _refuse(
    state: RunState,
    task: WorkflowTaskState,
    refusal: CommandRefused,
    request: RespondWorkflowTaskCompletedRequest,
    context: Context,
) -> Decision:
    unhandled = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
    decision = Decision(state, context)
    decision.reply = InvalidArgument(refusal.message)
    updates.drop_failed(decision)
    if task.attempt > 1 and refusal.cause != unhandled:
        # A task that keeps failing is left to its timeout, which grows with the attempts.
        return decision
    failure = Failure(message=refusal.message)
    failure.server_failure_info.SetInParent()
    tasks.fail_task(decision, refusal.cause, failure, request.identity)
    if refusal.terminates:
        decision.flush()
        terminate_run(decision, refusal.message, None, SERVICE_IDENTITY)
    else:
        tasks.schedule_task(decision)
    return decision


def _beats_too_long(task: WorkflowTaskState, context: Context) -> bool:
    return context.now_ns > task.original_scheduled_ns + context.limits.task_heartbeat_total_ns


def _end_heartbeat(decision: Decision) -> Decision:
    tasks.time_out_task(decision, TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE)
    tasks.set_sticky(decision, "", 0)
    tasks.schedule_task(decision)
    decision.reply = NotFound("workflow task heartbeat timeout")
    return decision
