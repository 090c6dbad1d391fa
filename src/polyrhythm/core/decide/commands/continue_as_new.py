"""ContinueAsNewWorkflowExecution: the run closes and the next one of its chain begins.

Source: the server's command attribute validator, in its order, with the words of 1.31.2. What the
command leaves out is taken from the run: type, task queue and timeouts; the execution timeout, the
priority and the parent always are. Everything else (memo, search attributes, retry policy, cron
schedule, header) is the command's own or nothing.
"""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import Command, ContinueAsNewWorkflowExecutionCommandAttributes
from temporalio.api.common.v1 import Priority
from temporalio.api.enums.v1 import ContinueAsNewInitiator as Initiator
from temporalio.api.enums.v1 import WorkflowTaskFailedCause as Cause
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.enums.v1 import task_queue_pb2 as queue_kinds
from temporalio.api.history.v1 import (
    WorkflowExecutionContinuedAsNewEventAttributes,
    WorkflowExecutionStartedEventAttributes,
)

from polyrhythm.base.limits import Limits
from polyrhythm.core import tables
from polyrhythm.core.context import NamespaceInfo
from polyrhythm.core.decide.attributes import (
    encode_types,
    names_problem,
    size_problem,
    unknown_problem,
)
from polyrhythm.core.decide.chain import request_run, started_of
from polyrhythm.core.decide.commands.record import CommandRefused, Completion
from polyrhythm.core.decide.commands.routing import queue_problem, too_long
from polyrhythm.core.decide.retry_policy import fill_policy, policy_problem
from polyrhythm.core.decide.versioning import inherit_version
from polyrhythm.core.decision import Decision
from polyrhythm.core.durations import set_span, span_ns, span_problem
from polyrhythm.core.lineage import carry_parent

_COMMAND = "ContinueAsNewWorkflowExecutionCommand"
_BAD = Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_CONTINUE_AS_NEW_ATTRIBUTES
_BAD_SEARCH = Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES

_Attributes = ContinueAsNewWorkflowExecutionCommandAttributes
_Continued = WorkflowExecutionContinuedAsNewEventAttributes
_Started = WorkflowExecutionStartedEventAttributes


def decide_continue_as_new(completion: Completion, command: Command) -> None:
    """Close the run and ask for the next one."""
    completion.check_unhandled()
    decision = completion.decision
    given = command.continue_as_new_workflow_execution_command_attributes
    namespace = decision.context.namespace
    problem = unknown_problem(given.search_attributes, namespace)
    if problem:
        raise CommandRefused(_BAD_SEARCH, problem)
    if not command.HasField("continue_as_new_workflow_execution_command_attributes"):
        raise CommandRefused(_BAD, f"{_COMMAND}Attributes is not set on {_COMMAND}.")
    # Filled in and cut below; the request stays as the worker sent it.
    attributes = _Attributes()
    attributes.CopyFrom(given)
    problem = _fill_target(attributes, decision) or _fill_terms(attributes, decision)
    if problem:
        raise CommandRefused(_BAD, problem)
    problem = names_problem(attributes.search_attributes, namespace)
    if problem:
        tail = _tail(attributes)
        raise CommandRefused(
            _BAD_SEARCH, f"invalid SearchAttributes on {_COMMAND}: {problem}. {tail}"
        )
    _check_build_id(attributes, decision)
    _check_sizes(attributes, decision.context.limits)
    event = completion.new_event(
        event_types.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, command
    )
    continued = event.workflow_execution_continued_as_new_event_attributes
    _fill_closing(continued, attributes, namespace)
    continued.workflow_task_completed_event_id = completion.completed_event_id
    continued.new_execution_run_id = _request_next(decision, attributes, continued)
    decision.append(event)


def _fill_target(attributes: _Attributes, decision: Decision) -> str:
    state, limits = decision.state, decision.context.limits
    name = attributes.workflow_type.name or state.workflow_type
    attributes.workflow_type.name = name
    if too_long(name, limits):
        return (
            f"WorkflowType on {_COMMAND} exceeds length limit. WorkflowType={name}"
            f" Length={len(name.encode())} Limit={limits.id_bytes_max}"
        )
    queue = attributes.task_queue
    queue.kind = queue.kind or queue_kinds.TASK_QUEUE_KIND_NORMAL
    queue.name = queue.name or state.task_queue
    problem = queue_problem(queue, state, limits)
    if problem:
        return f"error validating {_COMMAND} TaskQueue: {problem}. {_tail(attributes)}"
    return ""


def _fill_terms(attributes: _Attributes, decision: Decision) -> str:
    state, limits = decision.state, decision.context.limits
    run, task = attributes.workflow_run_timeout, attributes.workflow_task_timeout
    spans = (
        ("WorkflowRunTimeout", run),
        ("WorkflowTaskTimeout", task),
        ("BackoffStartInterval", attributes.backoff_start_interval),
    )
    for name, span in spans:
        problem = span_problem(span)
        if problem:
            return f"Invalid {name} on {_COMMAND}: {problem}. {_tail(attributes)}"
    run_ns = _cut_ns(run, limits) or state.run_timeout_ns
    execution_ns = state.execution_timeout_ns
    run_ns = min(run_ns or execution_ns, execution_ns or run_ns)
    set_span(run, run_ns)
    task_ns = _cut_ns(task, limits) or state.task_timeout_ns
    task_ns = min(task_ns, limits.task_timeout_ns_max)
    set_span(task, min(task_ns, run_ns or task_ns))
    if attributes.HasField("backoff_start_interval"):
        wait = attributes.backoff_start_interval
        set_span(wait, _cut_ns(wait, limits))
    if attributes.HasField("retry_policy"):
        fill_policy(attributes.retry_policy, limits)
        problem = policy_problem(attributes.retry_policy, limits)
        if problem:
            return f"invalid WorkflowRetryPolicy on {_COMMAND}: {problem}. {_tail(attributes)}"
    return ""


def _cut_ns(span: Duration, limits: Limits) -> int:
    return min(span_ns(span), limits.duration_ns_max)


def _check_build_id(attributes: _Attributes, decision: Decision) -> None:
    if attributes.inherit_build_id and attributes.task_queue.name != decision.state.task_queue:
        raise CommandRefused(
            _BAD, "ContinueAsNew with UseCompatibleVersion cannot run on different task queue."
        )


def _check_sizes(attributes: _Attributes, limits: Limits) -> None:
    problem = size_problem(attributes.search_attributes)
    if attributes.memo.ByteSize() > limits.memo_bytes_max:
        problem = f"{_COMMAND}Attributes. Memo exceeds size limit."
    if attributes.input.ByteSize() > limits.blob_bytes_max:
        problem = f"{_COMMAND}Attributes. Input exceeds size limit."
    if problem:
        raise CommandRefused(_BAD, problem, terminates=True)


def _fill_closing(continued: _Continued, attributes: _Attributes, namespace: NamespaceInfo) -> None:
    continued.initiator = attributes.initiator
    continued.inherit_build_id = attributes.inherit_build_id
    for field in (
        "workflow_type",
        "task_queue",
        "workflow_run_timeout",
        "workflow_task_timeout",
        "backoff_start_interval",
        "header",
        "input",
        "failure",
        "last_completion_result",
    ):
        if attributes.HasField(field):
            getattr(continued, field).CopyFrom(getattr(attributes, field))
    for key, payload in attributes.memo.fields.items():
        if payload.data not in tables.NULL_DATA:
            continued.memo.fields[key].CopyFrom(payload)
    for key, payload in attributes.search_attributes.indexed_fields.items():
        if payload.data not in tables.NULL_DATA:
            continued.search_attributes.indexed_fields[key].CopyFrom(payload)
    if continued.HasField("search_attributes"):
        encode_types(continued.search_attributes, namespace)


def _request_next(decision: Decision, attributes: _Attributes, continued: _Continued) -> str:
    before = started_of(decision)
    started = _Started()
    started.workflow_type.name = attributes.workflow_type.name
    started.task_queue.name = attributes.task_queue.name
    started.task_queue.kind = queue_kinds.TASK_QUEUE_KIND_NORMAL
    initiator = attributes.initiator or Initiator.CONTINUE_AS_NEW_INITIATOR_WORKFLOW
    retried = initiator == Initiator.CONTINUE_AS_NEW_INITIATOR_RETRY
    started.initiator = initiator
    started.attempt = before.attempt + 1 if retried else 1
    started.cron_schedule = attributes.cron_schedule
    if attributes.HasField("failure"):
        started.continued_failure.CopyFrom(attributes.failure)
    if attributes.HasField("retry_policy"):
        started.retry_policy.CopyFrom(attributes.retry_policy)
    for field in (
        "workflow_run_timeout",
        "workflow_task_timeout",
        "header",
        "input",
        "last_completion_result",
        "memo",
        "search_attributes",
    ):
        if continued.HasField(field):
            getattr(started, field).CopyFrom(getattr(continued, field))
    for field in ("workflow_execution_timeout", "workflow_execution_expiration_time"):
        if before.HasField(field):  # type: ignore[arg-type]
            getattr(started, field).CopyFrom(getattr(before, field))
    if decision.state.priority is not None:
        started.priority.CopyFrom(Priority.FromString(decision.state.priority))
    carry_parent(started, decision.state)
    behavior = attributes.initial_versioning_behavior
    inherit_version(started, decision.state, decision.context, behavior)
    asked = attributes.HasField("backoff_start_interval")
    return request_run(
        decision, started, span_ns(attributes.backoff_start_interval) if asked else None
    )


def _tail(attributes: _Attributes) -> str:
    queue = attributes.task_queue
    kind = queue_kinds.TaskQueueKind.Name(queue.kind)
    return f'WorkflowType={attributes.workflow_type.name} TaskQueue=name:"{queue.name}" kind:{kind}'
