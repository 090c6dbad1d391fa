"""Runs local tasks: attempts inside a workflow task, with short waits between them.

A wait that is too long for a workflow task goes back to the workflow, which makes a durable timer
of it. Nothing is written before the workflow task is answered: a worker that dies runs them again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import replace

from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.failure.v1 import Failure as FailureMessage

from polyrhythm.sdk.definitions import TaskDefinition
from polyrhythm.sdk.errors import TimedOut, TimeoutKind
from polyrhythm.sdk.failures import from_failure, to_failure
from polyrhythm.sdk.loop import LocalResult, LocalTask
from polyrhythm.sdk.retry import Retry, next_delay_s
from polyrhythm.sdk.values import Converter
from polyrhythm.sdk.worker.attempt import Attempt, FailedElsewhere, StopReason, TaskInfo
from polyrhythm.sdk.worker.executor import Executor

# Longer waits between attempts are durable timers.
WAIT_S_MAX = 5.0


class LocalTasks:
    """The local tasks of one run that are at work."""

    def __init__(self, executor: Executor, converter: Converter, info: TaskInfo) -> None:
        self._executor = executor
        self._converter = converter
        self._info = info
        self._running: dict[int, asyncio.Task[LocalResult]] = {}

    def begin(self, tasks: Sequence[LocalTask], dropped: Sequence[int]) -> None:
        """Start some; end those that nobody waits for any more."""
        for task in tasks:
            self._running[task.seq] = asyncio.ensure_future(self._run(task))
        for seq in dropped:
            running = self._running.pop(seq, None)
            if running is not None:
                running.cancel()

    async def results(self, within_s: float) -> list[LocalResult]:
        """Return what has come to an end, waiting for the first; [] when the time is over."""
        if not self._running:
            await asyncio.sleep(within_s)
            return []
        waited = self._running.values()
        await asyncio.wait(waited, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        ended = [seq for seq, running in self._running.items() if running.done()]
        return [self._running.pop(seq).result() for seq in ended]

    def drop(self) -> None:
        """End all."""
        self.begin((), list(self._running))

    async def _run(self, task: LocalTask) -> LocalResult:
        definition = replace(task.definition, options=task.options)
        number, began_s = task.attempt, time.monotonic()
        attempt = None
        while True:
            attempt = self._next(task, definition, number, attempt)
            try:
                payload = await self._attempt(task, attempt)
            except Exception as error:  # noqa: BLE001 - whatever it is belongs to the workflow
                delay_s = self._delay_s(definition, number, error)
                failure = self._failure(error)
                deadline_s = task.options.deadline_s
                late = deadline_s and time.monotonic() - began_s + (delay_s or 0) > deadline_s
                if delay_s is None or late:
                    return LocalResult(task.seq, failure=failure, attempt=number)
                if delay_s > WAIT_S_MAX:
                    return LocalResult(task.seq, None, failure, number, delay_s)
                await asyncio.sleep(delay_s)
                number += 1
            else:
                return LocalResult(task.seq, Payloads(payloads=[payload]), attempt=number)

    def _next(
        self, task: LocalTask, definition: TaskDefinition, number: int, before: Attempt | None
    ) -> Attempt:
        info = replace(
            self._info,
            task=definition.name,
            task_id=str(task.seq),
            attempt=number,
            timeout_s=definition.options.timeout_s,
        )
        attempt = Attempt(info, definition, self._converter)
        attempt.fields = task.fields
        if before is not None:
            # Heartbeats go nowhere; the next attempt is told what the one before said last.
            attempt.previous = before.unsent or before.previous
        return attempt

    async def _attempt(self, task: LocalTask, attempt: Attempt) -> Payload:
        info = attempt.info
        try:
            return await self._executor.run(attempt, task.input)
        except asyncio.CancelledError:
            if attempt.stop_reason is StopReason.TIMED_OUT:
                text = f"local {info} took longer than {info.timeout_s:g} s"
                raise TimedOut(text, TimeoutKind.START_TO_CLOSE) from None
            raise

    def _delay_s(self, definition: TaskDefinition, number: int, error: Exception) -> float | None:
        if isinstance(error, FailedElsewhere):
            error = from_failure(error.failure, self._converter)
        return next_delay_s(definition.options.retry or Retry(), number, error, random.random)

    def _failure(self, error: Exception) -> FailureMessage:
        if isinstance(error, FailedElsewhere):
            return error.failure
        return to_failure(error, self._converter)


def info_of_run(
    execution: WorkflowExecution, workflow: str, namespace: str, queue: str
) -> TaskInfo:
    """Return what all local tasks of a run know of themselves."""
    return TaskInfo(
        task="",
        task_id="",
        attempt=1,
        namespace=namespace,
        queue=queue,
        workflow=workflow,
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
        token=b"",
        timeout_s=0.0,
        heartbeat_s=0.0,
        scheduled=None,
        started=None,
    )
