"""StartChildWorkflowExecution: a command becomes an Initiated event and an owed start.

Source: the server's command attribute validator, in its order, with the words of 1.31.2. What is
left out is filled as there: the parent's namespace and task queue, timeouts, the retry policy, the
close policy (terminate) and the reuse policy (allow duplicate). Whether the id is free is judged
when the start is delivered (`core.decide.child`), after all commands of the completion.
"""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import Command, StartChildWorkflowExecutionCommandAttributes
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import ParentClosePolicy, WorkflowIdReusePolicy
from temporalio.api.enums.v1 import WorkflowTaskFailedCause as Cause
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.enums.v1 import task_queue_pb2 as queue_kinds
from temporalio.api.history.v1 import (
    HistoryEvent,
    StartChildWorkflowExecutionInitiatedEventAttributes,
)

from polyrhythm.api import notes
from polyrhythm.base.errors import Unimplemented
from polyrhythm.base.limits import Limits
from polyrhythm.core import tables
from polyrhythm.core.context import NamespaceInfo
from polyrhythm.core.decide.attributes import (
    encode_types,
    names_problem,
    size_problem,
    unknown_problem,
)
from polyrhythm.core.decide.child import start_of
from polyrhythm.core.decide.commands.external import CROSSING, crosses_namespace
from polyrhythm.core.decide.commands.record import CommandRefused, Completion
from polyrhythm.core.decide.commands.routing import priority_problem, queue_problem
from polyrhythm.core.decide.cron import cron_problem
from polyrhythm.core.decide.retry_policy import fill_policy, policy_problem
from polyrhythm.core.decide.start import check_built
from polyrhythm.core.decision import Decision
from polyrhythm.core.durations import set_span, span_ns, span_problem

_COMMAND = "StartChildWorkflowExecutionCommand"
_BAD = Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_CHILD_EXECUTION_ATTRIBUTES
_BAD_SEARCH = Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES
_TOO_MANY = Cause.WORKFLOW_TASK_FAILED_CAUSE_PENDING_CHILD_WORKFLOWS_LIMIT_EXCEEDED

_Attributes = StartChildWorkflowExecutionCommandAttributes
_Initiated = StartChildWorkflowExecutionInitiatedEventAttributes


def decide_start_child(completion: Completion, command: Command) -> None:
    """Ask for a child. Raises NamespaceNotFound for an unknown namespace, Unimplemented for
    options that are not built."""
    if not command.HasField("start_child_workflow_execution_command_attributes"):
        raise CommandRefused(_BAD, f"{_COMMAND}Attributes is not set on {_COMMAND}.")
    attributes = command.start_child_workflow_execution_command_attributes
    decision = completion.decision
    namespace = decision.context.namespace
    crossing = crosses_namespace(attributes.namespace, decision.context)
    event = completion.new_event(
        event_types.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED, command
    )
    initiated = event.start_child_workflow_execution_initiated_event_attributes
    initiated.namespace = attributes.namespace or namespace.name
    initiated.namespace_id = namespace.namespace_id
    # Names that nobody has defined come before everything else, even before missing ids.
    problem = unknown_problem(attributes.search_attributes, namespace)
    if problem:
        raise CommandRefused(_BAD_SEARCH, problem)
    if crossing:
        raise CommandRefused(_BAD, CROSSING)
    problem = _ids_problem(attributes, initiated.namespace, decision.context.limits)
    problem = problem or _write_terms(attributes, initiated, decision)
    if problem:
        raise CommandRefused(_BAD, problem)
    _check_search_attributes(attributes, namespace)
    _write_queue(attributes, initiated, decision)
    _check_state(attributes, decision)
    _copy_attributes(attributes, initiated, namespace)
    initiated.workflow_task_completed_event_id = completion.completed_event_id
    _append(completion, event)


def _append(completion: Completion, event: HistoryEvent) -> None:
    decision = completion.decision
    event.event_id = decision.state.next_event_id
    asked = event.start_child_workflow_execution_initiated_event_attributes
    if asked.HasField("versioning_override"):
        raise Unimplemented("versioning_override of a child is not implemented")
    check_built(start_of(decision.state, event))
    decision.append(event)
    initiated = event.start_child_workflow_execution_initiated_event_attributes
    completion.started_children.add(initiated.workflow_id)
    message = notes.Message(workflow_id=initiated.workflow_id, sender_event_id=event.event_id)
    message.start_child.SetInParent()
    decision.owe(message)


def _ids_problem(attributes: _Attributes, namespace: str, limits: Limits) -> str:
    workflow_id, name = attributes.workflow_id, attributes.workflow_type.name
    limit = limits.id_bytes_max
    if not workflow_id:
        return (
            f"Required field WorkflowId is not set on {_COMMAND}."
            f" WorkflowType={name} Namespace={namespace}"
        )
    if not name:
        return (
            f"Required field WorkflowType is not set on {_COMMAND}."
            f" WorkflowId={workflow_id} Namespace={namespace}"
        )
    size = len(workflow_id.encode())
    if size > limit:
        return (
            f"WorkflowId on {_COMMAND} exceeds length limit. WorkflowId={workflow_id}"
            f" Length={size} Limit={limit} WorkflowType={name} Namespace={namespace}"
        )
    size = len(name.encode())
    if size > limit:
        return (
            f"WorkflowType on {_COMMAND} exceeds length limit. WorkflowId={workflow_id}"
            f" WorkflowType={name} Length={size} Limit={limit} Namespace={namespace}"
        )
    return ""


def _write_terms(attributes: _Attributes, initiated: _Initiated, decision: Decision) -> str:
    # Timeouts and retry policy: written with their defaults, checked on the way.
    limits = decision.context.limits
    tail = _tail(attributes, initiated.namespace)
    execution_ns, problem = _span(attributes.workflow_execution_timeout, limits)
    if problem:
        return f"Invalid WorkflowExecutionTimeout on {_COMMAND}: {problem}. {tail}"
    run_ns, problem = _span(attributes.workflow_run_timeout, limits)
    if problem:
        return f"Invalid WorkflowRunTimeout on {_COMMAND}: {problem}. {tail}"
    task_ns, problem = _span(attributes.workflow_task_timeout, limits)
    if problem:
        return f"Invalid WorkflowTaskTimeout on {_COMMAND}: {problem}. {tail}"
    if attributes.HasField("workflow_execution_timeout"):
        set_span(initiated.workflow_execution_timeout, execution_ns)
    run_ns = min(run_ns or execution_ns, execution_ns or run_ns)
    set_span(initiated.workflow_run_timeout, run_ns)
    task_ns = min(task_ns or limits.task_timeout_ns, limits.task_timeout_ns_max)
    set_span(initiated.workflow_task_timeout, min(task_ns, run_ns or task_ns))
    if attributes.HasField("retry_policy"):
        initiated.retry_policy.CopyFrom(attributes.retry_policy)
        fill_policy(initiated.retry_policy, limits)
        problem = policy_problem(initiated.retry_policy, limits)
        if problem:
            return f"invalid WorkflowRetryPolicy on {_COMMAND}: {problem}. {tail}"
    problem = cron_problem(attributes.cron_schedule, decision.context.now_ns)
    return f"invalid CronSchedule on {_COMMAND}: {problem}. {tail}" if problem else ""


def _span(duration: Duration, limits: Limits) -> tuple[int, str]:
    return min(span_ns(duration), limits.duration_ns_max), span_problem(duration)


def _check_search_attributes(attributes: _Attributes, namespace: NamespaceInfo) -> None:
    problem = names_problem(attributes.search_attributes, namespace)
    if problem:
        raise CommandRefused(
            _BAD_SEARCH,
            "invalid SearchAttributes on StartChildWorkflowCommand:"
            f" {problem}. {_tail(attributes, namespace.name)}",
        )


def _write_queue(attributes: _Attributes, initiated: _Initiated, decision: Decision) -> None:
    if attributes.HasField("priority"):
        problem = priority_problem(attributes.priority)
        if problem:
            raise CommandRefused(_BAD, problem)
    state = decision.state
    queue = initiated.task_queue
    queue.CopyFrom(attributes.task_queue)
    queue.kind = queue.kind or queue_kinds.TASK_QUEUE_KIND_NORMAL
    queue.name = queue.name or state.task_queue
    problem = queue_problem(queue, state, decision.context.limits)
    if problem:
        kind = queue_kinds.TaskQueueKind.Name(queue.kind)
        tail = f'{_tail(attributes, initiated.namespace)} TaskQueue=name:"{queue.name}" kind:{kind}'
        raise CommandRefused(_BAD, f"invalid TaskQueue on {_COMMAND}: {problem}. {tail}")


def _check_state(attributes: _Attributes, decision: Decision) -> None:
    state, limits = decision.state, decision.context.limits
    queue = attributes.task_queue.name
    if attributes.inherit_build_id and queue and queue != state.task_queue:
        raise CommandRefused(
            _BAD,
            "StartChildWorkflowExecution with UseCompatibleVersion cannot run on different task"
            " queue.",
        )
    name = "StartChildWorkflowExecutionCommandAttributes"
    problem = size_problem(attributes.search_attributes)
    if attributes.memo.ByteSize() > limits.memo_bytes_max:
        problem = f"{name}.Memo exceeds size limit."
    if attributes.input.ByteSize() > limits.blob_bytes_max:
        problem = f"{name}. Input exceeds size limit."
    if problem:
        raise CommandRefused(_BAD, problem, terminates=True)
    pending = len(state.children)
    if pending >= limits.pending_children_max:
        raise CommandRefused(
            _TOO_MANY,
            f"the number of pending child workflow executions, {pending}, has reached the"
            f" per-workflow limit of {limits.pending_children_max}",
        )


def _copy_attributes(
    attributes: _Attributes, initiated: _Initiated, namespace: NamespaceInfo
) -> None:
    initiated.workflow_id = attributes.workflow_id
    initiated.workflow_type.name = attributes.workflow_type.name
    initiated.control = attributes.control
    initiated.cron_schedule = attributes.cron_schedule
    initiated.parent_close_policy = (
        attributes.parent_close_policy or ParentClosePolicy.PARENT_CLOSE_POLICY_TERMINATE
    )
    initiated.workflow_id_reuse_policy = (
        attributes.workflow_id_reuse_policy
        or WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
    )
    initiated.inherit_build_id = attributes.inherit_build_id
    for field in ("header", "input", "priority", "versioning_override"):
        if attributes.HasField(field):
            getattr(initiated, field).CopyFrom(getattr(attributes, field))
    for key, payload in attributes.memo.fields.items():
        if _says_something(payload):
            initiated.memo.fields[key].CopyFrom(payload)
    for key, payload in attributes.search_attributes.indexed_fields.items():
        if _says_something(payload):
            initiated.search_attributes.indexed_fields[key].CopyFrom(payload)
    if initiated.HasField("search_attributes"):
        encode_types(initiated.search_attributes, namespace)


def _says_something(payload: Payload) -> bool:
    return payload.data not in tables.NULL_DATA


def _tail(attributes: _Attributes, namespace: str) -> str:
    workflow_id, name = attributes.workflow_id, attributes.workflow_type.name
    return f"WorkflowId={workflow_id} WorkflowType={name} Namespace={namespace}"
