"""Decides ends that need nothing from a worker: termination, replacement, the run's timeouts.

Source: TerminateWorkflow and TimeoutWorkflow of the server. A task that a worker holds fails
first, so that the events buffered behind it keep their place before the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from temporalio.api.common.v1 import Link, Payloads
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.workflowservice.v1 import (
    TerminateWorkflowExecutionRequest,
    TerminateWorkflowExecutionResponse,
)

from polyrhythm.base.errors import NotFound
from polyrhythm.core.closing import SERVICE_IDENTITY
from polyrhythm.core.context import Context
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.cancel import check_chain
from polyrhythm.core.decide.chain import after_timeout, request_again
from polyrhythm.core.decision import Decision
from polyrhythm.core.state import RunState

_FORCE_CLOSE = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND


def decide_terminate(
    state: RunState, request: TerminateWorkflowExecutionRequest, context: Context
) -> Decision:
    """Decide a termination.

    Raises NotFound for a closed run, and for one of another chain than the request names.
    """
    if not state.running:
        raise NotFound("workflow execution already completed")
    check_chain(state, request.first_execution_run_id)
    decision = Decision(state, context)
    details = request.details if request.HasField("details") else None
    terminate_run(decision, request.reason, details, request.identity, request.links)
    decision.reply = TerminateWorkflowExecutionResponse()
    return decision


def decide_replaced(state: RunState, new_run_id: str, context: Context) -> Decision:
    """Terminate a running workflow because a start replaces it by `new_run_id`."""
    assert state.running
    decision = Decision(state, context)
    details = Payloads()
    payload = details.payloads.add()
    payload.metadata["encoding"] = b"json/plain"
    payload.data = json.dumps(f"terminated by new runID: {new_run_id}").encode()
    terminate_run(decision, "TerminateIfRunning WorkflowIdReusePolicy", details, SERVICE_IDENTITY)
    return decision


def terminate_run(
    decision: Decision,
    reason: str,
    details: Payloads | None,
    identity: str,
    links: Iterable[Link] = (),
) -> None:
    """Close the run as terminated."""
    _end_task(decision)
    event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED)
    event.links.extend(links)
    terminated = event.workflow_execution_terminated_event_attributes
    terminated.reason = reason
    terminated.identity = identity
    if details is not None:
        terminated.details.CopyFrom(details)
    decision.append(event)


def time_out_run(decision: Decision) -> None:
    """Close the run as timed out, its run or execution timeout having passed; within the
    execution's time another may follow by its retry policy, else by its cron schedule."""
    retry_state, successor = after_timeout(decision)
    _end_task(decision)
    event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT)
    timed_out = event.workflow_execution_timed_out_event_attributes
    timed_out.retry_state = retry_state
    timed_out.new_execution_run_id = request_again(decision, successor)
    decision.append(event)


def _end_task(decision: Decision) -> None:
    if decision.state.task_started:
        tasks.fail_task(decision, _FORCE_CLOSE, None, SERVICE_IDENTITY)
        decision.flush()
