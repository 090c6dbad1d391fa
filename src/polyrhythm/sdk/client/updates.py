"""Updates: made, waited for, and picked up again by their id.

An update is done when the service says that it is completed; until then it is asked again, since
the service answers early when the worker is slow. The id makes a second try the same update.
"""

from __future__ import annotations

from typing import Any

from temporalio.api.update.v1 import Outcome
from temporalio.api.workflowservice.v1 import (
    PollWorkflowExecutionUpdateRequest,
    PollWorkflowExecutionUpdateResponse,
    UpdateWorkflowExecutionRequest,
    UpdateWorkflowExecutionResponse,
)

from polyrhythm.base.errors import DeadlineExceeded
from polyrhythm.sdk import errors
from polyrhythm.sdk.client.session import LONG_POLL_S, Session
from polyrhythm.sdk.definitions import Signature
from polyrhythm.sdk.failures import from_failure
from polyrhythm.sdk.intercept.calls import Outbound
from polyrhythm.sdk.messages import UpdateCall

ACCEPTED = 2
COMPLETED = 3


def update_request(
    session: Session,
    target: tuple[str, str],
    call: UpdateCall[Any],
    update_id: str,
    sent: Outbound | None = None,
) -> UpdateWorkflowExecutionRequest:
    """Return the request of an update for a run (workflow id, run id). Raises PayloadError."""
    request = UpdateWorkflowExecutionRequest(namespace=session.namespace)
    request.workflow_execution.workflow_id, request.workflow_execution.run_id = target
    request.wait_policy.lifecycle_stage = ACCEPTED  # type: ignore[assignment]
    request.request.meta.update_id = update_id
    request.request.meta.identity = session.identity
    request.request.input.name = call.name
    payloads = session.converter.encode_all(call.args, call.signature)
    request.request.input.args.CopyFrom(payloads)
    session.fill_header(request.request.input.header, sent)
    return request


async def make_update(
    session: Session, request: UpdateWorkflowExecutionRequest
) -> UpdateWorkflowExecutionResponse:
    """Make an update and wait until a worker has accepted or refused it."""
    while True:
        sent = UpdateWorkflowExecutionRequest()
        sent.CopyFrom(request)
        try:
            response = await session.call(
                "UpdateWorkflowExecution", sent, UpdateWorkflowExecutionResponse, LONG_POLL_S
            )
        except DeadlineExceeded:
            continue
        if response.stage >= ACCEPTED or response.HasField("outcome"):
            return response


async def wait_outcome(session: Session, target: tuple[str, str], update_id: str) -> Outcome:
    """Return what became of an update, once it is known."""
    while True:
        request = PollWorkflowExecutionUpdateRequest(
            namespace=session.namespace, identity=session.identity
        )
        execution = request.update_ref.workflow_execution
        execution.workflow_id, execution.run_id = target
        request.update_ref.update_id = update_id
        request.wait_policy.lifecycle_stage = COMPLETED  # type: ignore[assignment]
        try:
            response = await session.call(
                "PollWorkflowExecutionUpdate",
                request,
                PollWorkflowExecutionUpdateResponse,
                LONG_POLL_S,
            )
        except DeadlineExceeded:
            continue
        if response.HasField("outcome"):
            return response.outcome


def read_outcome(session: Session, outcome: Outcome, name: str, signature: Signature) -> Any:
    """Return the value of an outcome. Raises UpdateFailed."""
    if outcome.HasField("failure"):
        cause = from_failure(outcome.failure, session.converter)
        raise errors.UpdateFailed(f"update {name!r} failed: {cause}") from cause
    return session.converter.decode_result(outcome.success, signature.result)
