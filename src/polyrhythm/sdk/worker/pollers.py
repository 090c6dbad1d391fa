"""Asks a service for tasks, no more than the worker has room for.

A service that is away is asked again, with growing pauses; one that refuses the question (no such
namespace, no right) ends the worker, because asking again would not help.
"""

from __future__ import annotations

import asyncio

from temporalio.api.enums.v1 import TaskQueueKind
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueRequest,
    PollActivityTaskQueueResponse,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
)

from polyrhythm.sdk.link import WORKFLOW_SERVICE, Link
from polyrhythm.sdk.worker.answers import AWAY, LOG, pause_s
from polyrhythm.sdk.worker.attempts import Attempts
from polyrhythm.sdk.worker.runner import Place, WorkflowRunner, sticky_queue
from polyrhythm.sdk.worker.settings import WorkerSettings

# Workflow tasks in hand at once: those with local tasks wait long, the others hardly at all.
WORKFLOW_TASKS_MAX = 100


class Pollers:
    """The polls of one worker."""

    def __init__(self, link: Link, place: Place, settings: WorkerSettings) -> None:
        self._link = link
        self._place = place
        self._settings = settings
        self._normal = TaskQueue(name=place.queue, kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL)
        self._slots = asyncio.Semaphore(WORKFLOW_TASKS_MAX)

    async def poll_workflows(self, runner: WorkflowRunner, sticky: bool) -> None:
        """Take workflow tasks of one queue until cancelled. Raises what makes asking useless."""
        queue = sticky_queue(self._place) if sticky else self._normal
        tries = 0
        while True:
            await self._slots.acquire()
            task = None
            try:
                request = PollWorkflowTaskQueueRequest(
                    namespace=self._place.namespace, identity=self._settings.identity
                )
                request.task_queue.CopyFrom(queue)
                task = await self._link.call(
                    WORKFLOW_SERVICE + "PollWorkflowTaskQueue", request, self._settings.poll_s
                )
                tries = 0
            except AWAY as error:
                await _pause("workflow tasks", error, tries)
                tries += 1
            finally:
                if not isinstance(task, PollWorkflowTaskQueueResponse) or not task.task_token:
                    self._slots.release()
            if isinstance(task, PollWorkflowTaskQueueResponse) and task.task_token:
                # The answer outlives a poll that is cancelled; it keeps the slot.
                runner.begin(task).add_done_callback(self._release)

    async def poll_tasks(self, attempts: Attempts) -> None:
        """Take attempts of tasks until cancelled. Raises what makes asking useless."""
        tries = 0
        while True:
            await attempts.has_room.wait()
            attempts.reserve()
            task = None
            try:
                request = PollActivityTaskQueueRequest(
                    namespace=self._place.namespace, identity=self._settings.identity
                )
                request.task_queue.CopyFrom(self._normal)
                task = await self._link.call(
                    WORKFLOW_SERVICE + "PollActivityTaskQueue", request, self._settings.poll_s
                )
                tries = 0
            except AWAY as error:
                await _pause("tasks", error, tries)
                tries += 1
            finally:
                attempts.release()
            if isinstance(task, PollActivityTaskQueueResponse) and task.task_token:
                attempts.begin(task, self._place.queue)

    def _release(self, _: asyncio.Task[None]) -> None:
        self._slots.release()


async def _pause(what: str, error: Exception, tries: int) -> None:
    # The first few are a restart of the service, or the end of a long poll.
    level = LOG.warning if tries in (5, 20, 100) else LOG.debug
    level("no %s from the service, asking again: %s", what, error)
    await asyncio.sleep(pause_s(tries))
