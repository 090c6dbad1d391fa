"""The attempts in hand of one worker: slots, answers, the end.

Knows nothing of polls: whoever has a task calls `begin`, and the attempt's answer is a call of its
own. A worker takes on at most `tasks_max` at once. At the end nothing new is begun, what is in hand
may finish, then it is asked to, then it is left: the service gives it out again after its timeout.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from temporalio.api.common.v1 import Payloads
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueResponse,
    RespondActivityTaskFailedRequest,
)

from polyrhythm.sdk.definitions import Signature, TaskDefinition, TaskKind
from polyrhythm.sdk.errors import Failure, FailureError
from polyrhythm.sdk.retry_wire import read_strategy
from polyrhythm.sdk.values import decode_message, encode_message
from polyrhythm.sdk.worker.alarms import Alarms
from polyrhythm.sdk.worker.answers import LOG, Answers
from polyrhythm.sdk.worker.attempt import Attempt, StopReason, info_of
from polyrhythm.sdk.worker.executor import Executor
from polyrhythm.sdk.worker.heartbeats import Heartbeats
from polyrhythm.sdk.worker.permits import Mark, Permits, Postponed, take_mark, wants_permits
from polyrhythm.sdk.worker.progress import Progress
from polyrhythm.sdk.worker.settings import WorkerSettings
from polyrhythm.sdk.worker.verdicts import Verdict, verdict_on_error, verdict_on_result

NAMES_SHOWN = 10


class Attempts:
    """Begins attempts and answers them; used on one running loop."""

    def __init__(
        self,
        definitions: Mapping[str, TaskDefinition],
        answers: Answers,
        settings: WorkerSettings,
        namespace: str = "default",
    ) -> None:
        self._definitions = definitions
        self._permits = Permits(answers, namespace)
        # Told of failures that nothing follows.
        self.alarms: Alarms | None = None
        self._answers = answers
        self._settings = settings
        self._converter = settings.converter
        self._codec = settings.codec
        self.executor = Executor(settings)
        self._running: dict[asyncio.Task[None], Attempt] = {}
        # The newest attempt of each task, by run id and task id.
        self._in_hand: dict[tuple[str, str], Attempt] = {}
        self._reserved = 0
        self._completed = 0
        self._failed = 0
        self._stopping = False
        # Set while there is room for another attempt.
        self.has_room = asyncio.Event()
        self.has_room.set()
        # Called, on the loop, when room has come free.
        self.on_room: Callable[[], None] = _nobody
        if settings.slots is not None:
            settings.slots.join(self)

    @property
    def room(self) -> int:
        """How many more attempts are taken now."""
        if self._stopping:
            return 0
        # Past a few, threads that never ended hold their slots: the machine has an end too.
        stuck = max(0, self.executor.abandoned - self._settings.abandoned_max)
        room = self._settings.tasks_max - self.held - stuck
        slots = self._settings.slots
        return room if slots is None else min(room, slots.free)

    @property
    def held(self) -> int:
        """Slots that attempts and polls hold."""
        return len(self._running) + self._reserved

    @property
    def at_work(self) -> int:
        """Slots that attempts hold."""
        return len(self._running)

    @property
    def progress(self) -> Progress:
        """What was done and what is at work."""
        running = self._running.values()
        said = [f"{one.info.task} {one.said}" for one in running if one.said]
        return Progress(self._completed, self._failed, len(self._running), said)

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
        definition = self._definitions.get(task.activity_type.name) or _unknown(task)
        attempt = Attempt(info_of(task, queue), definition, self._converter)
        running = self.executor.loop.create_task(self._perform(attempt, task))
        self._running[running] = attempt
        self._in_hand[attempt.info.run_id, attempt.info.task_id] = attempt
        running.add_done_callback(self._end)
        self._look()

    def ask_to_stop(self, run_id: str, task_id: str, reason: StopReason) -> None:
        """Ask an attempt to end, if it is in hand."""
        attempt = self._in_hand.get((run_id, task_id))
        if attempt is not None:
            attempt.stop(reason)

    async def stop(self) -> None:
        """Take nothing more; let what is in hand finish, then ask it to, then leave it."""
        self._stopping = True
        if self._running:
            await asyncio.wait(self._running, timeout=self._settings.stop_s)
        for attempt in self._running.values():
            attempt.stop(StopReason.STOPPING)
        if self._running:
            # A moment more than the executor gives: it answers for what has not stopped.
            await asyncio.wait(self._running, timeout=self._settings.cleanup_s + 1.0)
        left = list(self._running)
        for running, attempt in self._running.items():
            LOG.warning("%s did not stop; it is tried again after its timeout", attempt.info)
            running.cancel()
        if left:
            await asyncio.wait(left)
        await self.executor.close()

    def _end(self, running: asyncio.Task[None]) -> None:
        ended = self._running.pop(running)
        key = (ended.info.run_id, ended.info.task_id)
        if self._in_hand.get(key) is ended:
            del self._in_hand[key]
        if not running.cancelled() and (error := running.exception()) is not None:
            LOG.error("a fault while an attempt was answered", exc_info=error)
        self._look()

    def _look(self) -> None:
        if self._settings.slots is not None:
            self._settings.slots.look()
        else:
            self.look()

    def look(self) -> None:
        """Note whether there is room."""
        if self.room > 0:
            self.has_room.set()
            self.on_room()
        else:
            self.has_room.clear()

    async def _perform(self, attempt: Attempt, task: PollActivityTaskQueueResponse) -> None:
        mark = take_mark(task.heartbeat_details)
        details = Payloads(payloads=task.heartbeat_details.payloads)
        if self._codec is not None:
            await decode_message(self._codec, task)
        if task.HasField("heartbeat_details"):
            attempt.previous.CopyFrom(task.heartbeat_details)
        attempt.strategy = read_strategy(task.header.fields, self._converter)
        if self._settings.chain.tasks:
            attempt.fields = task.header.fields
        heartbeats = Heartbeats(attempt, self._answers, self._settings, self.executor.loop)
        try:
            if wants_permits(attempt):
                verdict = await self._admit(attempt, task, mark, details)
            else:
                verdict = await self._verdict(attempt, task)
        finally:
            heartbeats.end()
        if verdict is None:
            return
        failed = verdict.request
        if self.alarms is not None and isinstance(failed, RespondActivityTaskFailedRequest):
            await self.alarms.task_failed(attempt.info, failed.failure, task.retry_policy)
        if self._codec is not None:
            await encode_message(self._codec, verdict.request)
        await self._answers.send_or_log(verdict.method, verdict.request)

    async def _admit(
        self,
        attempt: Attempt,
        task: PollActivityTaskQueueResponse,
        mark: Mark | None,
        details: Payloads,
    ) -> Verdict | None:
        """Come to a verdict once the task's rate and concurrency let the attempt begin."""
        try:
            async with self._permits.admitted(attempt, mark, details):
                return await self._verdict(attempt, task)
        except Postponed:
            return None
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            return verdict_on_error(attempt, error, self._settings.identity)

    async def _verdict(
        self, attempt: Attempt, task: PollActivityTaskQueueResponse
    ) -> Verdict | None:
        identity = self._settings.identity
        if attempt.info.task not in self._definitions:
            return verdict_on_error(attempt, self._not_here(attempt), identity)
        try:
            payload = await self.executor.run(attempt, task.input)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            if isinstance(error, Exception):
                quiet = isinstance(error, FailureError)
                LOG.info("%s: %r", attempt.info, error, exc_info=None if quiet else error)
            self._failed += 1
            verdict = verdict_on_error(attempt, error, identity)
            if verdict is not None:
                await self._permits.delay_retry(attempt, error, verdict.request)
            return verdict
        self._completed += 1
        return verdict_on_result(attempt, payload, identity)

    def _not_here(self, attempt: Attempt) -> Failure:
        names = sorted(self._definitions)
        shown = ", ".join(names[:NAMES_SHOWN]) + (" ..." if len(names) > NAMES_SHOWN else "")
        return Failure(
            f"this worker has no task {attempt.info.task!r}; it has: {shown or 'none'}. Is a "
            "worker with other code on the same queue?",
            type="TaskNotFound",
        )


def _is_cancelled() -> bool:
    """Whether this coroutine itself is cancelled, and not what it waits for."""
    current = asyncio.current_task()
    return current is not None and current.cancelling() > 0


def _unknown(task: PollActivityTaskQueueResponse) -> TaskDefinition:
    """Stand in for a task that is not here, so that its attempt can be refused like any other."""
    return TaskDefinition(task.activity_type.name, _nobody, TaskKind.LOOP, Signature())


def _nobody() -> None:
    return None
