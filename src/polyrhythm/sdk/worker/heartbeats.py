"""Sends what an attempt reports, not more often than is useful, and brings back what it should do.

The first report goes out at once; those that follow within the interval replace each other and the
newest goes out at its end. The service answers a heartbeat with what it wants of the attempt:
end, pause, start over. A worker inside its service is told so without a heartbeat as well.
"""

from __future__ import annotations

import asyncio

from temporalio.api.workflowservice.v1 import (
    RecordActivityTaskHeartbeatRequest,
    RecordActivityTaskHeartbeatResponse,
)

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.sdk.values import encode_message
from polyrhythm.sdk.worker.answers import LOG, Answers
from polyrhythm.sdk.worker.attempt import Attempt, StopReason
from polyrhythm.sdk.worker.settings import WorkerSettings

# The rest of the heartbeat timeout is for the way.
SHARE = 0.8


class Heartbeats:
    """The heartbeats of one attempt."""

    def __init__(
        self,
        attempt: Attempt,
        answers: Answers,
        settings: WorkerSettings,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._attempt = attempt
        self._answers = answers
        self._identity = settings.identity
        self._codec = settings.codec
        timeout_s = attempt.info.heartbeat_s
        self._interval_s = settings.heartbeat_s
        if timeout_s:
            self._interval_s = min(settings.heartbeat_s, SHARE * timeout_s)
        self._loop = loop
        # Made with the task: most attempts end without a heartbeat.
        self._wake: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None
        attempt.notify = self.notify

    def notify(self) -> None:
        """Note, from any thread, that there is something to send."""
        try:
            self._loop.call_soon_threadsafe(self._begin)
        except RuntimeError:
            # The loop has ended; the function has not noticed yet.
            self._attempt.stop_reason = StopReason.STOPPING

    def end(self) -> None:
        """Send nothing more."""
        self._attempt.notify = _nothing
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        if self._wake is not None:
            self._wake.set()
        elif self._attempt.notify == self.notify:
            self._wake = asyncio.Event()
            self._wake.set()
            self._task = self._loop.create_task(self._send(self._wake))

    async def _send(self, wake: asyncio.Event) -> None:
        attempt = self._attempt
        while attempt.stop_reason is not StopReason.GONE:
            await wake.wait()
            wake.clear()
            if attempt.unsent is not None:
                await self._send_one(attempt)
            await asyncio.sleep(self._interval_s)

    async def _send_one(self, attempt: Attempt) -> None:
        details, attempt.unsent = attempt.unsent, None
        request = RecordActivityTaskHeartbeatRequest(
            namespace=attempt.info.namespace,
            task_token=attempt.info.token,
            identity=self._identity,
        )
        if details is not None:
            request.details.CopyFrom(details)
        if self._codec is not None:
            await encode_message(self._codec, request)
        try:
            response = await self._answers.send("RecordActivityTaskHeartbeat", request)
        except PolyrhythmError as error:
            LOG.warning("heartbeat of %s was not taken: %s", attempt.info.task, error)
            return
        if response is None:
            attempt.stop(StopReason.GONE)
            return
        assert isinstance(response, RecordActivityTaskHeartbeatResponse)
        if response.cancel_requested:
            attempt.stop(StopReason.CANCELLED)
        elif response.activity_reset:
            attempt.stop(StopReason.RESET)
        elif response.activity_paused:
            attempt.stop(StopReason.PAUSED)


def _nothing() -> None:
    return None
