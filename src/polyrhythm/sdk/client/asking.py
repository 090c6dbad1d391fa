"""A question to a run: asked of its worker through the service, answered or refused.

What the handler raised comes back as the cause of the error, where the service passed it on.
"""

from __future__ import annotations

from typing import Any

from temporalio.api.failure.v1 import Failure as FailureMessage
from temporalio.api.workflowservice.v1 import QueryWorkflowRequest, QueryWorkflowResponse

from polyrhythm.base.errors import QueryFailed as RefusedQuery
from polyrhythm.sdk import errors
from polyrhythm.sdk.client.session import LONG_POLL_S, Session
from polyrhythm.sdk.client.views import read_status
from polyrhythm.sdk.definitions import Signature
from polyrhythm.sdk.failures import from_failure


async def ask(session: Session, request: QueryWorkflowRequest, signature: Signature) -> Any:
    """Return the answer. Raises QueryFailed."""
    name = request.query.query_type
    try:
        response = await session.call("QueryWorkflow", request, QueryWorkflowResponse, LONG_POLL_S)
    except RefusedQuery as error:
        failed = errors.QueryFailed(f"query {name!r} failed: {error}")
        raise failed from _cause(error, session)
    if response.HasField("query_rejected"):
        status = read_status(response.query_rejected.status).name.lower()
        raise errors.QueryFailed(f"query {name!r} was refused: the run is {status}")
    return session.converter.decode_result(response.query_result, signature.result)


def _cause(error: RefusedQuery, session: Session) -> BaseException:
    """What the handler raised, where the service passed it on."""
    if not error.failure:
        return error
    return from_failure(FailureMessage.FromString(error.failure), session.converter)
