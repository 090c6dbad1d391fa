"""What becomes of a start when the workflow id has a run already: literal policy tables.

Source: ResolveDuplicateWorkflowID of the server. A request id seen before answers as it did then;
a running workflow is judged by the conflict policy, a closed one by the reuse policy. The lane
does what the verdict says; nothing here writes but `decide_attach`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from temporalio.api.enums.v1 import (
    WorkflowExecutionStatus,
    WorkflowIdConflictPolicy,
    WorkflowIdReusePolicy,
)
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.enums.v1 import workflow_pb2 as statuses
from temporalio.api.workflowservice.v1 import (
    SignalWithStartWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)

from polyrhythm.base.errors import AlreadyStarted, Unimplemented
from polyrhythm.core.context import Context
from polyrhythm.core.decide.start import attached_link, started_link
from polyrhythm.core.decision import Decision
from polyrhythm.core.state import RequestEvent, RunState


@dataclass(slots=True)
class CurrentRun:
    """What a verdict needs of the newest run of a workflow id."""

    workflow_id: str
    run_id: str
    first_run_id: str
    status: int
    create_request_id: str
    request_events: dict[str, RequestEvent]
    start_ns: int


class Resolution(Enum):
    """What the lane does with a start."""

    CREATE = "create a run"
    ANSWER = "answer with the reply, write nothing"
    ATTACH = "decide_attach on the current run"
    SIGNAL = "decide_signal_existing on the current run"
    REPLACE = "decide_replaced on the current run, then create"


@dataclass(slots=True)
class Verdict:
    """A resolution; `reply` is there for ANSWER only."""

    resolution: Resolution
    reply: StartWorkflowExecutionResponse | None = None


_RUNNING = statuses.WORKFLOW_EXECUTION_STATUS_RUNNING
_CLEAN = frozenset(
    {
        statuses.WORKFLOW_EXECUTION_STATUS_COMPLETED,
        statuses.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW,
    }
)
_FAILED = frozenset(
    {
        statuses.WORKFLOW_EXECUTION_STATUS_FAILED,
        statuses.WORKFLOW_EXECUTION_STATUS_CANCELED,
        statuses.WORKFLOW_EXECUTION_STATUS_TERMINATED,
        statuses.WORKFLOW_EXECUTION_STATUS_TIMED_OUT,
    }
)

# Conflict policy -> what happens to a start over a running workflow; None refuses.
CONFLICT: dict[int, Resolution | None] = {
    WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_UNSPECIFIED: None,
    WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL: None,
    WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING: Resolution.ANSWER,
    WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING: Resolution.REPLACE,
}

# The same for signal-with-start, which uses the existing run unless it is told otherwise.
SIGNAL_CONFLICT: dict[int, Resolution | None] = {
    **CONFLICT,
    WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_UNSPECIFIED: Resolution.SIGNAL,
    WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING: Resolution.SIGNAL,
}

# Reuse policy -> statuses of a closed run that another may follow.
REUSE: dict[int, frozenset[WorkflowExecutionStatus.ValueType]] = {
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_UNSPECIFIED: _CLEAN | _FAILED,
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE: _CLEAN | _FAILED,
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY: _FAILED,
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE: frozenset(),
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING: _CLEAN | _FAILED,
}

_IS_RUNNING = "Workflow execution is already running. WorkflowId: {}, RunId: {}."
_REFUSALS: dict[int, str] = {
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY: (
        "Workflow execution already finished successfully. WorkflowId: {}, RunId: {}."
        " Workflow Id reuse policy: allow duplicate workflow Id if last run failed."
    ),
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE: (
        "Workflow execution already finished. WorkflowId: {}, RunId: {}."
        " Workflow Id reuse policy: reject duplicate workflow Id."
    ),
}


def current_run(state: RunState) -> CurrentRun:
    """Return what a verdict needs of a loaded run."""
    return CurrentRun(
        workflow_id=state.workflow_id,
        run_id=state.run_id,
        first_run_id=state.first_run_id,
        status=state.status,
        create_request_id=state.create_request_id,
        request_events=state.request_events,
        start_ns=state.start_ns,
    )


def resolve_start(
    current: CurrentRun | None, request: StartWorkflowExecutionRequest, context: Context
) -> Verdict:
    """Say what a start does. Raises AlreadyStarted when the policies forbid it."""
    if current is None:
        return Verdict(Resolution.CREATE)
    seen = current.request_events.get(request.request_id)
    if seen is not None:
        return Verdict(Resolution.ANSWER, _repeat(current, request.request_id, seen, context))
    resolution = _resolve(current, request, CONFLICT)
    if resolution is not Resolution.ANSWER:
        return Verdict(resolution)
    if request.HasField("on_conflict_options"):
        return Verdict(Resolution.ATTACH)
    return Verdict(Resolution.ANSWER, _existing(current.workflow_id, current.run_id, context))


def resolve_signal_with_start(
    current: CurrentRun | None, request: SignalWithStartWorkflowExecutionRequest
) -> Verdict:
    """Say what a signal-with-start does. Raises AlreadyStarted when the policies forbid it."""
    if current is None:
        return Verdict(Resolution.CREATE)
    return Verdict(_resolve(current, request, SIGNAL_CONFLICT))


def decide_attach(
    state: RunState, request: StartWorkflowExecutionRequest, context: Context
) -> Decision:
    """Attach what `on_conflict_options` names to the running workflow; the reply is the start's.

    Raises Unimplemented for completion callbacks.
    """
    options = request.on_conflict_options
    if options.attach_completion_callbacks and request.completion_callbacks:
        raise Unimplemented("completion_callbacks are not implemented")
    decision = Decision(state, context)
    event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED)
    event.worker_may_ignore = True
    attributes = event.workflow_execution_options_updated_event_attributes
    attributes.SetInParent()
    reply = _existing(state.workflow_id, state.run_id, context)
    if options.attach_request_id:
        attributes.attached_request_id = request.request_id
        link = attached_link(context, state.workflow_id, state.run_id, request.request_id)
        reply.link.CopyFrom(link)
    if options.attach_links:
        event.links.extend(request.links)
    decision.append(event)
    decision.reply = reply
    return decision


def _resolve(
    current: CurrentRun,
    request: StartWorkflowExecutionRequest | SignalWithStartWorkflowExecutionRequest,
    conflict: dict[int, Resolution | None],
) -> Resolution:
    reuse = request.workflow_id_reuse_policy
    if current.status == _RUNNING:
        if reuse == WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING:
            return Resolution.REPLACE
        resolution = conflict[request.workflow_id_conflict_policy]
        if resolution is None:
            raise _already_started(_IS_RUNNING, current)
        return resolution
    if current.status not in REUSE[reuse]:
        raise _already_started(_REFUSALS[reuse], current)
    return Resolution.CREATE


def _repeat(
    current: CurrentRun, request_id: str, seen: RequestEvent, context: Context
) -> StartWorkflowExecutionResponse:
    created = seen.event_type == event_types.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
    if created:
        link = started_link(context, current.workflow_id, current.run_id)
    else:
        link = attached_link(context, current.workflow_id, current.run_id, request_id)
    return StartWorkflowExecutionResponse(
        run_id=current.run_id,
        started=created,
        status=WorkflowExecutionStatus.ValueType(current.status),
        link=link,
    )


def _existing(workflow_id: str, run_id: str, context: Context) -> StartWorkflowExecutionResponse:
    return StartWorkflowExecutionResponse(
        run_id=run_id, status=_RUNNING, link=started_link(context, workflow_id, run_id)
    )


def _already_started(message: str, current: CurrentRun) -> AlreadyStarted:
    # Release 1.31 leaves the first run's id out of the details.
    text = message.format(current.workflow_id, current.run_id)
    return AlreadyStarted(text, current.create_request_id, current.run_id, "")
