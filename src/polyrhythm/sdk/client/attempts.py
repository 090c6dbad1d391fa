"""Attempts that somebody else ends: a person, a webhook, another program with the token.

The task said `task.complete_later()` and handed on `task.info().token`; until the attempt is ended
here its timeouts go on.
"""

from __future__ import annotations

from typing import Any

from temporalio.api.workflowservice.v1 import (
    RecordActivityTaskHeartbeatRequest,
    RecordActivityTaskHeartbeatResponse,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCanceledResponse,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskCompletedResponse,
    RespondActivityTaskFailedRequest,
    RespondActivityTaskFailedResponse,
)

from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.failures import to_failure


class AttemptHandle:
    """One attempt. Every verb raises NotFound when nobody waits for it any more."""

    __slots__ = ("_session", "_token")

    def __init__(self, session: Session, token: bytes) -> None:
        self._session = session
        self._token = token

    async def complete(self, value: Any = None) -> None:
        """End the attempt with a result."""
        request = RespondActivityTaskCompletedRequest(
            namespace=self._session.namespace,
            identity=self._session.identity,
            task_token=self._token,
        )
        request.result.CopyFrom(self._session.converter.encode_values([value]))
        await self._session.call(
            "RespondActivityTaskCompleted", request, RespondActivityTaskCompletedResponse
        )

    async def fail(self, error: BaseException) -> None:
        """End the attempt with an error; it is retried unless it is Permanent."""
        request = RespondActivityTaskFailedRequest(
            namespace=self._session.namespace,
            identity=self._session.identity,
            task_token=self._token,
            failure=to_failure(error, self._session.converter),
        )
        await self._session.call(
            "RespondActivityTaskFailed", request, RespondActivityTaskFailedResponse
        )

    async def heartbeat(self, *details: Any) -> bool:
        """Say that it is alive; returns whether it should stop."""
        request = RecordActivityTaskHeartbeatRequest(
            namespace=self._session.namespace,
            identity=self._session.identity,
            task_token=self._token,
        )
        request.details.CopyFrom(self._session.converter.encode_values(details))
        response = await self._session.call(
            "RecordActivityTaskHeartbeat", request, RecordActivityTaskHeartbeatResponse
        )
        return response.cancel_requested

    async def cancelled(self, *details: Any) -> None:
        """End the attempt as cancelled, after a cancellation was asked for."""
        request = RespondActivityTaskCanceledRequest(
            namespace=self._session.namespace,
            identity=self._session.identity,
            task_token=self._token,
        )
        request.details.CopyFrom(self._session.converter.encode_values(details))
        await self._session.call(
            "RespondActivityTaskCanceled", request, RespondActivityTaskCanceledResponse
        )
