"""Runs the function of one attempt where it belongs: on the loop, in a thread, in a child process.

Returns its result as a payload, or raises what it raised. Time that runs out, and whoever asks the
attempt to stop, reach a coroutine as a cancellation, a thread as a flag, a process as a message and
then as its end. A thread that does not stop is left behind, counted and named in the log, since no
thread can be ended from outside.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

from temporalio.api.common.v1 import Payload, Payloads

from polyrhythm.base.limits import Limits
from polyrhythm.sdk.definitions import TaskKind
from polyrhythm.sdk.errors import Permanent
from polyrhythm.sdk.intercept.calls import CallKind, Headers, Inbound
from polyrhythm.sdk.intercept.chain import go_through
from polyrhythm.sdk.worker.answers import LOG
from polyrhythm.sdk.worker.attempt import (
    ATTEMPT,
    Attempt,
    CompletesLater,
    FailedElsewhere,
    StopReason,
)
from polyrhythm.sdk.worker.processes import Processes
from polyrhythm.sdk.worker.settings import WorkerSettings
from polyrhythm.sdk.worker.threads import Threads

# Beyond the timeout, for the answer of a function that has just ended.
TIMEOUT_MARGIN_S = 0.05
RESULT_BYTES_MAX = Limits().blob_bytes_max


class Executor:
    """Threads and processes of one worker; used on one running loop."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._threads = Threads("polyrhythm-task", settings.tasks_max)
        self._processes = Processes(settings.processes_max)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The one it is used on, which runs."""
        # Looked for once: up to Python 3.11 asyncio asks the system for its process each time.
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    @property
    def abandoned(self) -> int:
        """How many threads were left behind and have not ended."""
        return self._threads.abandoned

    async def run(self, attempt: Attempt, arguments: Payloads) -> Payload:
        """Run an attempt's function. Raises what it raises; CancelledError when it was stopped."""
        definition = attempt.definition
        if definition.kind is TaskKind.PROCESS and not self._settings.chain.tasks:
            return await self._in_process(attempt, arguments)
        values = attempt.converter.decode_all(arguments, definition.signature)
        if self._settings.chain.tasks:
            result = await self._intercepted(attempt, values)
        elif definition.kind is TaskKind.LOOP:
            result = await self._on_loop(attempt, values)
        else:
            result = await self._in_thread(attempt, values)
        return _kept(attempt, attempt.converter.encode(result))

    async def _intercepted(self, attempt: Attempt, values: list[Any]) -> Any:
        """Run an attempt with everything that is around it."""
        converter, definition = attempt.converter, attempt.definition
        headers = Headers(converter, attempt.fields)
        kind = CallKind.TASK if attempt.info.token else CallKind.LOCAL_TASK
        call = Inbound(kind, definition.name, values, headers, attempt.info)

        async def work() -> Any:
            if definition.kind is TaskKind.LOOP:
                return await self._on_loop(attempt, call.args)
            if definition.kind is TaskKind.THREAD:
                return await self._in_thread(attempt, call.args)
            arguments = converter.encode_all(call.args, definition.signature)
            result = await self._in_process(attempt, arguments)
            return converter.decode(result, definition.signature.result)

        return await go_through(self._settings.chain.tasks, call, work)

    async def close(self) -> None:
        """Let idle threads and processes end."""
        self._threads.close()
        await self._processes.close()

    async def _on_loop(self, attempt: Attempt, values: list[Any]) -> Any:
        context = contextvars.copy_context()
        context.run(ATTEMPT.set, attempt)
        work = self.loop.create_task(attempt.definition.function(*values), context=context)

        def tell() -> None:
            work.cancel()

        attempt.stop_listener = tell
        if attempt.stop_reason is not None:
            tell()
        try:
            await self._in_time(attempt, work)
        finally:
            attempt.stop_listener = _nobody
            if not work.done():
                work.cancel()
        if not work.done():
            LOG.warning("%s goes on after it was cancelled", attempt.info)
            raise asyncio.CancelledError
        return work.result()

    async def _in_thread(self, attempt: Attempt, values: list[Any]) -> Any:
        context = contextvars.copy_context()
        context.run(ATTEMPT.set, attempt)
        function = attempt.definition.function
        job = self._threads.start(lambda: context.run(function, *values))
        try:
            await self._in_time(attempt, job.future)
        except asyncio.CancelledError:
            self._threads.abandon(job)
            raise
        if not job.future.done() and self._threads.abandon(job):
            LOG.warning(
                "%s does not stop: its thread is left to end by itself (%d such threads). Ask "
                "task.is_cancelled in long loops, or use process=True. It is at:\n%s",
                attempt.info,
                self._threads.abandoned,
                job.stack(),
            )
            raise asyncio.CancelledError
        return await job.future

    async def _in_process(self, attempt: Attempt, arguments: Payloads) -> Payload:
        work = asyncio.ensure_future(self._processes.run(attempt, arguments))
        try:
            await self._in_time(attempt, work)
        finally:
            # The child is killed with its attempt, and is gone before the slot is free again.
            if not work.done():
                work.cancel()
                await asyncio.wait([work])
        outcome = work.result()
        if outcome.later:
            raise CompletesLater
        if outcome.cancelled:
            raise asyncio.CancelledError
        if outcome.failure is not None:
            raise FailedElsewhere(outcome.failure, outcome.bucket)
        return _kept(attempt, outcome.result)

    async def _in_time(self, attempt: Attempt, work: asyncio.Future[Any]) -> None:
        """Wait for work until its attempt's time is over; then, and when it was asked to stop, only
        a moment longer.
        """
        timeout_s = attempt.info.timeout_s
        loop = self.loop
        # One future for the three ends: asyncio.wait with a task for each takes 60 us more.
        settled = loop.create_future()

        def settle(_: object = None) -> None:
            if not settled.done():
                settled.set_result(None)

        work.add_done_callback(settle)
        attempt.asked_listener = settle
        timer = loop.call_later(timeout_s + TIMEOUT_MARGIN_S, settle) if timeout_s else None
        try:
            if attempt.stop_reason is None:
                await settled
        finally:
            attempt.asked_listener = _nobody
            work.remove_done_callback(settle)
            if timer is not None:
                timer.cancel()
        if not work.done():
            attempt.stop(StopReason.TIMED_OUT)
            await asyncio.wait([work], timeout=self._grace_s(attempt))

    def _grace_s(self, attempt: Attempt) -> float | None:
        """A cancelled attempt may clean up for as long as its time lasts; the others may not."""
        if attempt.stop_reason in (StopReason.TIMED_OUT, StopReason.STOPPING):
            return self._settings.cleanup_s
        return attempt.info.timeout_s or None


def _kept(attempt: Attempt, payload: Payload) -> Payload:
    size = payload.ByteSize()
    if size > RESULT_BYTES_MAX:
        raise Permanent(
            f"the result of {attempt.info.task} has {size:,} bytes, at most {RESULT_BYTES_MAX:,} "
            "are kept: store it elsewhere and return where it is",
            type="ResultTooLarge",
        )
    return payload


def _nobody() -> None:
    return None
