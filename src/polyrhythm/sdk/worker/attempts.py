"""Runs attempts of tasks: coroutines on the loop, functions in threads or in processes.

Knows nothing of polls: whoever has a task calls `begin`, and the attempt's answer is a call of its
own. A worker takes on at most `tasks_max` at once, in all. An attempt that runs past its timeout is
told to stop and its slot is given to another; a thread that does not stop is left behind, counted
and named in the log, since no thread can be ended from outside.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message
from temporalio.api.workflowservice.v1 import PollActivityTaskQueueResponse

from polyrhythm.sdk.definitions import Signature, TaskDefinition, TaskKind
from polyrhythm.sdk.errors import Failure, Permanent
from polyrhythm.sdk.values import Codec, Converter, decode_message, encode_message
from polyrhythm.sdk.worker.answers import LOG, Answers
from polyrhythm.sdk.worker.attempt import ATTEMPT, Attempt, StopReason, info_of
from polyrhythm.sdk.worker.heartbeats import Heartbeats
from polyrhythm.sdk.worker.processes import Processes
from polyrhythm.sdk.worker.settings import WorkerSettings
from polyrhythm.sdk.worker.threads import Threads
from polyrhythm.sdk.worker.verdicts import (
    Verdict,
    verdict_on_error,
    verdict_on_failure,
    verdict_on_result,
)

# Beyond the timeout, for the answer of a function that has just ended.
TIMEOUT_MARGIN_S = 0.05
NAMES_SHOWN = 10


class Attempts:
    """The attempts in hand of one worker; used on one running loop."""

    def __init__(
        self,
        definitions: Mapping[str, TaskDefinition],
        answers: Answers,
        settings: WorkerSettings,
        converter: Converter,
        codec: Codec | None = None,
    ) -> None:
        self._definitions = definitions
        self._answers = answers
        self._settings = settings
        self._converter = converter
        self._codec = codec
        self._threads = Threads("polyrhythm-task", settings.tasks_max)
        self._processes = Processes(settings.processes_max)
        self._running: dict[asyncio.Task[None], Attempt] = {}
        self._reserved = 0
        self._stopping = False
        # Set while there is room for another attempt; cleared when there is none.
        self.has_room = asyncio.Event()
        self.has_room.set()
        # Called, on the loop, when room has come free.
        self.on_room: Callable[[], None] = _nobody

    @property
    def room(self) -> int:
        """How many more attempts are taken now."""
        if self._stopping:
            return 0
        # Past a few, threads that never ended hold their slots: the machine has an end too.
        stuck = max(0, self._threads.abandoned - self._settings.abandoned_max)
        return self._settings.tasks_max - len(self._running) - self._reserved - stuck

    def reserve(self) -> None:
        """Keep a slot for a task that is being asked for."""
        self._reserved += 1
        self._look()

    def release(self) -> None:
        """Give a slot back that was kept: no task came, or it is begun now."""
        self._reserved -= 1
        self._look()

    def begin(self, task: PollActivityTaskQueueResponse, queue: str) -> None:
        """Start an attempt; it answers for itself."""
        running = asyncio.get_running_loop().create_task(self._perform(task, queue))
        definition = self._definitions.get(task.activity_type.name) or _unknown(task)
        attempt = Attempt(info_of(task, queue), definition, self._converter)
        attempt.previous.CopyFrom(task.heartbeat_details)
        self._running[running] = attempt
        running.add_done_callback(self._end)
        self._look()

    async def stop(self) -> None:
        """Take nothing more; let what is in hand finish, then ask it to, then leave it."""
        self._stopping = True
        settings = self._settings
        if self._running:
            await asyncio.wait(self._running, timeout=settings.stop_s)
        for attempt in self._running.values():
            attempt.stop(StopReason.STOPPING)
        if self._running:
            await asyncio.wait(self._running, timeout=settings.cleanup_s)
        left = list(self._running)
        for running, attempt in self._running.items():
            LOG.warning(
                "%s (attempt %d) did not stop; it is tried again after its timeout",
                attempt.info.task,
                attempt.info.attempt,
            )
            running.cancel()
        if left:
            await asyncio.wait(left)
        self._threads.close()
        await self._processes.close()

    def _end(self, running: asyncio.Task[None]) -> None:
        self._running.pop(running)
        if not running.cancelled() and (error := running.exception()) is not None:
            LOG.error("a fault while an attempt was answered", exc_info=error)
        self._look()

    def _look(self) -> None:
        if self.room > 0:
            if not self.has_room.is_set():
                self.has_room.set()
            self.on_room()
        else:
            self.has_room.clear()

    async def _perform(self, task: PollActivityTaskQueueResponse, queue: str) -> None:
        current = asyncio.current_task()
        assert current is not None
        attempt = self._running[current]
        heartbeats = Heartbeats(attempt, self._answers, self._settings, self._codec)
        try:
            verdict = await self._verdict(attempt, task)
        finally:
            heartbeats.end()
        if verdict is not None:
            await self._answer(verdict)

    async def _verdict(
        self, attempt: Attempt, task: PollActivityTaskQueueResponse
    ) -> Verdict | None:
        identity = self._settings.identity
        if attempt.info.task not in self._definitions:
            return verdict_on_error(attempt, self._not_here(attempt), identity)
        if self._codec is not None:
            await decode_message(self._codec, task)
            attempt.previous.CopyFrom(task.heartbeat_details)
        try:
            if attempt.definition.kind is TaskKind.PROCESS:
                return await self._in_process(attempt, task)
            arguments = self._converter.decode_all(task.input, attempt.definition.signature)
            if attempt.definition.kind is TaskKind.LOOP:
                value = await self._on_loop(attempt, arguments)
            else:
                value = await self._in_thread(attempt, arguments)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and attempt.stop_reason is None:
                current = asyncio.current_task()
                if current is not None and current.cancelling():
                    raise
            _log_end(attempt, error)
            return verdict_on_error(attempt, error, identity)
        return verdict_on_result(attempt, value, identity)

    async def _on_loop(self, attempt: Attempt, arguments: list[Any]) -> Any:
        context = contextvars.copy_context()
        context.run(ATTEMPT.set, attempt)
        loop = asyncio.get_running_loop()
        work = loop.create_task(attempt.definition.function(*arguments), context=context)

        def tell() -> None:
            work.cancel()

        attempt.stop_listener = tell
        try:
            await self._in_time(attempt, work)
        finally:
            if not work.done():
                work.cancel()
        if not work.done():
            await asyncio.wait([work], timeout=self._settings.cleanup_s)
        if not work.done():
            LOG.warning("%s: the coroutine goes on after it was cancelled", _name(attempt))
            raise asyncio.CancelledError
        return work.result()

    async def _in_thread(self, attempt: Attempt, arguments: list[Any]) -> Any:
        context = contextvars.copy_context()
        context.run(ATTEMPT.set, attempt)
        function = attempt.definition.function
        job = self._threads.start(lambda: context.run(function, *arguments))
        try:
            await self._in_time(attempt, job.future)
        except asyncio.CancelledError:
            self._threads.abandon(job)
            raise
        if not job.future.done() and self._threads.abandon(job):
            LOG.warning(
                "%s ran past its timeout of %g s; its thread is left to end by itself (%d such "
                "threads). Ask task.is_cancelled in long loops, or use process=True. It is at:\n%s",
                _name(attempt),
                attempt.info.timeout_s,
                self._threads.abandoned,
                job.stack(),
            )
            raise asyncio.CancelledError
        return await job.future

    async def _in_process(
        self, attempt: Attempt, task: PollActivityTaskQueueResponse
    ) -> Verdict | None:
        identity = self._settings.identity
        work = asyncio.ensure_future(self._processes.run(attempt, task.input))
        try:
            await self._in_time(attempt, work)
        finally:
            # The child process is killed with its attempt.
            if not work.done():
                work.cancel()
        if work.cancelled() or not work.done():
            return verdict_on_error(attempt, asyncio.CancelledError(), identity)
        outcome = work.result()
        if outcome.later:
            return None
        if outcome.cancelled:
            return verdict_on_error(attempt, asyncio.CancelledError(), identity)
        if outcome.failure is None:
            return verdict_on_result(attempt, outcome.result, identity)
        return verdict_on_failure(attempt, outcome.failure, identity)

    async def _in_time(self, attempt: Attempt, work: asyncio.Future[Any]) -> None:
        """Wait for work until its attempt's time is over, then ask it to stop."""
        timeout_s = attempt.info.timeout_s
        await asyncio.wait([work], timeout=timeout_s + TIMEOUT_MARGIN_S if timeout_s else None)
        if not work.done():
            attempt.stop(StopReason.TIMED_OUT)
            await asyncio.wait([work], timeout=self._settings.cleanup_s)

    def _not_here(self, attempt: Attempt) -> Failure:
        names = sorted(self._definitions)
        shown = ", ".join(names[:NAMES_SHOWN]) + (" ..." if len(names) > NAMES_SHOWN else "")
        return Failure(
            f"this worker has no task {attempt.info.task!r}; it has: {shown or 'none'}. Is a "
            "worker with other code on the same queue?",
            type="TaskNotFound",
        )

    async def _answer(self, verdict: Verdict) -> None:
        request: Message = verdict.request
        if self._codec is not None:
            await encode_message(self._codec, request)
        await self._answers.send_or_log(verdict.method, request)


def _name(attempt: Attempt) -> str:
    return f"task {attempt.info.task} {attempt.info.task_id} (attempt {attempt.info.attempt})"


def _log_end(attempt: Attempt, error: BaseException) -> None:
    if isinstance(error, Exception):
        quiet = isinstance(error, Permanent | Failure)
        LOG.info("%s failed: %r", _name(attempt), error, exc_info=None if quiet else error)


def _unknown(task: PollActivityTaskQueueResponse) -> TaskDefinition:
    """Stand in for a task that is not here, so that its attempt can be refused like any other."""
    return TaskDefinition(task.activity_type.name, _nobody, TaskKind.LOOP, Signature())


def _nobody() -> None:
    return None
