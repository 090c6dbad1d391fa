"""Decides the start of a run: the start event with everything filled in, then its first task.

Source: StartWorkflowExecution of the server. Timeouts are completed and capped here (run by
execution, task by run and by 120 s), and so are the retry policy's defaults: the event is what a
run lives by. Requests come here validated; `core.decide.resolve` has said that a run may start.
"""

from __future__ import annotations

from temporalio.api.common.v1 import Link, RetryPolicy
from temporalio.api.enums.v1 import ContinueAsNewInitiator
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.enums.v1 import task_queue_pb2 as queue_kinds
from temporalio.api.enums.v1 import workflow_pb2 as statuses
from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes
from temporalio.api.workflowservice.v1 import (
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)

from polyrhythm.api import notes
from polyrhythm.base.errors import Unimplemented
from polyrhythm.base.limits import Limits
from polyrhythm.core import tables
from polyrhythm.core.context import Context
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.attributes import encode_types
from polyrhythm.core.decide.cron import cron_wait_ns
from polyrhythm.core.decide.versioning import check_override, encode_override
from polyrhythm.core.decision import Decision
from polyrhythm.core.durations import set_span, span_ns
from polyrhythm.core.state import RunState

_MILLISECOND_NS = 1_000_000
# Bound once: an enum's attribute costs 0.6 us and a start looked up seven.
STARTED = event_types.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
_NORMAL = queue_kinds.TASK_QUEUE_KIND_NORMAL
_CRON = ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE
_RUNNING = statuses.WORKFLOW_EXECUTION_STATUS_RUNNING


def decide_start(
    request: StartWorkflowExecutionRequest,
    context: Context,
    origin: WorkflowExecutionStartedEventAttributes | None = None,
    watcher: notes.Watcher | None = None,
) -> Decision:
    """Decide a fresh run. The reply is a StartWorkflowExecutionResponse; for an eager start the
    decision leaves the first task started (`state.task_started`) and the caller adds it.
    `origin` is what the start event says of where the run comes from (its parent); `watcher` is
    told of the end of its chain.

    Raises Unimplemented for options that are not built.
    """
    decision = begin_start(request, context, origin, watcher)
    schedule_first(decision, request)
    return decision


def begin_start(
    request: StartWorkflowExecutionRequest,
    context: Context,
    origin: WorkflowExecutionStartedEventAttributes | None = None,
    watcher: notes.Watcher | None = None,
) -> Decision:
    """Write the start event alone: signal-with-start puts its signal before the first task."""
    check_built(request)
    override = None
    if request.HasField("versioning_override"):
        queue = request.task_queue.name
        override = encode_override(*check_override(request.versioning_override, queue, context))
    wait_ns = _first_wait_ns(request, context)
    decision = open_run(context, request.workflow_id, request.request_id, wait_ns, watcher)
    run_id = decision.state.run_id
    event = decision.new_event(STARTED)
    if request.HasField("user_metadata"):
        event.user_metadata.CopyFrom(request.user_metadata)
    if request.links:
        event.links.extend(request.links)
    started = event.workflow_execution_started_event_attributes
    _fill_identity(started, request, run_id)
    if origin is not None:
        started.MergeFrom(origin)
    _fill_timeouts(started, request, context)
    set_span(started.first_workflow_task_backoff, wait_ns)
    started.eager_execution_accepted = request.request_eager_execution and not wait_ns
    _fill_payloads(started, request, context)
    if override is not None:
        started.versioning_override.CopyFrom(override)
    decision.append(event)
    reply = StartWorkflowExecutionResponse()
    reply.run_id = run_id
    reply.started = True
    reply.status = _RUNNING
    _link_started(reply.link, context, request.workflow_id, run_id)
    decision.reply = reply
    return decision


def open_run(
    context: Context,
    workflow_id: str,
    request_id: str,
    wait_ns: int,
    watcher: notes.Watcher | None = None,
) -> Decision:
    """Begin the log of a new run by its identity; its first task is due after the wait."""
    decision = Decision(RunState(), context)
    note = decision.new_note()
    created = note.run_created
    created.namespace_key = context.namespace.key
    created.workflow_id = workflow_id
    created.run_id = context.ids.run_id()
    created.request_id = request_id
    created.first_task_due_ns = context.now_ns + wait_ns if wait_ns > 0 else 0
    if watcher is not None:
        created.watcher.CopyFrom(watcher)
    decision.append_note(note)
    return decision


def schedule_first(decision: Decision, request: StartWorkflowExecutionRequest) -> None:
    """Schedule the first task, unless the run is delayed; start it for an eager caller."""
    if decision.state.waits_for_first_task:
        return
    eager = request.request_eager_execution
    tasks.schedule_task(decision, offered=not eager)
    if eager:
        tasks.start_task(decision, request.request_id, request.identity)


def first_task_due(decision: Decision) -> None:
    """The start delay is over: schedule the first task, if nothing did so before."""
    state = decision.state
    if state.running and state.waits_for_first_task:
        if state.workflow_task is None:
            tasks.schedule_task(decision)
        # An update has come before the time: what it asked for is the first task.
        decision.write_speculative()


def started_link(context: Context, workflow_id: str, run_id: str) -> Link:
    """Return the link to a run's start event."""
    link = Link()
    _link_started(link, context, workflow_id, run_id)
    return link


def attached_link(context: Context, workflow_id: str, run_id: str, request_id: str) -> Link:
    """Return the link to the event by which a request was attached to a running workflow."""
    link = Link()
    _link_event(link, context, workflow_id, run_id)
    reference = link.workflow_event.request_id_ref
    reference.request_id = request_id
    reference.event_type = event_types.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED
    return link


def _link_started(link: Link, context: Context, workflow_id: str, run_id: str) -> None:
    _link_event(link, context, workflow_id, run_id)
    reference = link.workflow_event.event_ref
    reference.event_id = 1
    reference.event_type = STARTED


def _link_event(link: Link, context: Context, workflow_id: str, run_id: str) -> None:
    event = link.workflow_event
    event.namespace = context.namespace.name
    event.workflow_id = workflow_id
    event.run_id = run_id


def check_built(request: StartWorkflowExecutionRequest) -> None:
    """Raise Unimplemented for what is asked for and not built: better refused than dropped."""
    if request.completion_callbacks:
        raise Unimplemented("completion_callbacks are not implemented")
    if request.HasField("time_skipping_config"):
        raise Unimplemented("time_skipping_config is not implemented")


def _first_wait_ns(request: StartWorkflowExecutionRequest, context: Context) -> int:
    delay_ns = span_ns(request.workflow_start_delay)
    if delay_ns > 0:
        return delay_ns
    # The first run of a cron schedule waits for its turn as all others do.
    return cron_wait_ns(request.cron_schedule, context.now_ns, context.now_ns) or 0


def _fill_identity(
    started: WorkflowExecutionStartedEventAttributes,
    request: StartWorkflowExecutionRequest,
    run_id: str,
) -> None:
    started.workflow_type.name = request.workflow_type.name
    started.workflow_id = request.workflow_id
    started.task_queue.name = request.task_queue.name
    started.task_queue.kind = _NORMAL
    started.identity = request.identity
    started.first_execution_run_id = run_id
    started.original_execution_run_id = run_id
    started.attempt = 1
    if request.cron_schedule:
        started.cron_schedule = request.cron_schedule
        started.initiator = _CRON


def _fill_timeouts(
    started: WorkflowExecutionStartedEventAttributes,
    request: StartWorkflowExecutionRequest,
    context: Context,
) -> None:
    limits = context.limits
    execution_ns = run_ns = 0
    # To read a message that is not there costs five times as much as to ask for it.
    if request.HasField("workflow_execution_timeout"):
        execution_ns = min(span_ns(request.workflow_execution_timeout), limits.duration_ns_max)
    if request.HasField("workflow_run_timeout"):
        run_ns = min(span_ns(request.workflow_run_timeout), limits.duration_ns_max)
    if execution_ns:
        set_span(started.workflow_execution_timeout, execution_ns)
        deadline = context.now_ns + execution_ns + _MILLISECOND_NS // 2
        set_span(started.workflow_execution_expiration_time, deadline - deadline % _MILLISECOND_NS)
        run_ns = min(run_ns, execution_ns) if run_ns else execution_ns
    elif request.HasField("workflow_execution_timeout"):
        started.workflow_execution_timeout.SetInParent()
    if run_ns:
        set_span(started.workflow_run_timeout, run_ns)
    elif request.HasField("workflow_run_timeout"):
        started.workflow_run_timeout.SetInParent()
    task_ns = span_ns(request.workflow_task_timeout) or limits.task_timeout_ns
    task_ns = min(task_ns, limits.task_timeout_ns_max, run_ns or task_ns)
    set_span(started.workflow_task_timeout, task_ns)


def _fill_payloads(
    started: WorkflowExecutionStartedEventAttributes,
    request: StartWorkflowExecutionRequest,
    context: Context,
) -> None:
    if request.HasField("input"):
        started.input.CopyFrom(request.input)
    if request.HasField("header"):
        started.header.CopyFrom(request.header)
    if request.HasField("priority"):
        started.priority.CopyFrom(request.priority)
    if request.HasField("continued_failure"):
        started.continued_failure.CopyFrom(request.continued_failure)
    if request.HasField("last_completion_result"):
        started.last_completion_result.CopyFrom(request.last_completion_result)
    if request.HasField("retry_policy"):
        started.retry_policy.CopyFrom(request.retry_policy)
        _complete_policy(started.retry_policy, context.limits)
    if request.HasField("memo"):
        for key, payload in request.memo.fields.items():
            if payload.data not in tables.NULL_DATA:
                started.memo.fields[key].CopyFrom(payload)
    if request.HasField("search_attributes"):
        for key, payload in request.search_attributes.indexed_fields.items():
            if payload.data not in tables.NULL_DATA:
                started.search_attributes.indexed_fields[key].CopyFrom(payload)
        if started.HasField("search_attributes"):
            encode_types(started.search_attributes, context.namespace)


def _complete_policy(policy: RetryPolicy, limits: Limits) -> None:
    if not span_ns(policy.initial_interval):
        set_span(policy.initial_interval, limits.retry_initial_ns)
    if not span_ns(policy.maximum_interval):
        initial_ns = span_ns(policy.initial_interval)
        set_span(policy.maximum_interval, int(limits.retry_max_intervals) * initial_ns)
    if not policy.backoff_coefficient:
        policy.backoff_coefficient = limits.retry_coefficient
