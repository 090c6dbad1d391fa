"""Takes a workflow task from where it came from to its answer.

Fetches the history that is missing, runs the code in a thread, keeps local tasks going and the
workflow task alive meanwhile, sends the answer, and goes on with what comes back with it: the next
workflow task of the run, and attempts that the service hands over at once. Tasks of one run wait
for each other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from google.protobuf.message import Message
from temporalio.api.enums.v1 import CommandType, TaskQueueKind
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueResponse,
    RespondQueryTaskCompletedRequest,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailedRequest,
)

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.sdk.loop import HistoryNeeded, LocalResult
from polyrhythm.sdk.values import decode_message, encode_message
from polyrhythm.sdk.worker.alarms import Alarms, run_failure
from polyrhythm.sdk.worker.answers import LOG, Answers
from polyrhythm.sdk.worker.attempts import Attempts
from polyrhythm.sdk.worker.histories import rest_of_history, whole_history
from polyrhythm.sdk.worker.local_tasks import LocalTasks, info_of_run
from polyrhythm.sdk.worker.settings import WorkerSettings
from polyrhythm.sdk.worker.threads import Threads
from polyrhythm.sdk.worker.workflow_tasks import Held, Step, WorkflowTasks

METHODS: dict[type[Message], str] = {
    RespondWorkflowTaskCompletedRequest: "RespondWorkflowTaskCompleted",
    RespondWorkflowTaskFailedRequest: "RespondWorkflowTaskFailed",
    RespondQueryTaskCompletedRequest: "RespondQueryTaskCompleted",
}
SCHEDULE = CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK
# Of a workflow task's timeout: then it is answered, and asked for again, while local tasks go on.
HEARTBEAT_SHARE = 0.8
# Code that a Python exception does not reach blocks in C: its thread is left to it.
STUCK_PERIODS = 3.0


@dataclass(slots=True)
class Place:
    """Where a worker works. `sticky` is empty when it keeps no live code for polls."""

    namespace: str
    queue: str
    sticky: str = ""


class WorkflowRunner:
    """Answers workflow tasks; used on one running loop."""

    def __init__(
        self,
        place: Place,
        tasks: WorkflowTasks,
        attempts: Attempts,
        answers: Answers,
        settings: WorkerSettings,
    ) -> None:
        self._place = place
        self._tasks = tasks
        self._attempts = attempts
        self._answers = answers
        self._settings = settings
        self._codec = settings.codec
        self._threads = Threads("polyrhythm-workflow", settings.workflow_threads_max)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._in_hand: set[asyncio.Task[None]] = set()
        # Told of runs that fail.
        self.alarms: Alarms | None = None

    def begin(
        self, task: PollWorkflowTaskQueueResponse, step: Step | None = None
    ) -> asyncio.Task[None]:
        """Take a task on; it answers for itself. `step`: what its code has come to already."""
        running = asyncio.ensure_future(self.handle(task, step))
        self._in_hand.add(running)
        running.add_done_callback(self._end)
        return running

    def alerts(self, task: PollWorkflowTaskQueueResponse, step: Step) -> bool:
        """Whether an answer has to wait for an alert: its run fails."""
        name = task.workflow_type.name
        if self.alarms is None or not self.alarms.watches(name):
            return False
        return run_failure(step.answer) is not None

    @property
    def busy(self) -> bool:
        """Whether any workflow task is in hand."""
        return bool(self._in_hand)

    def has(self, run_id: str) -> bool:
        """Whether a task of that run is in hand."""
        return run_id in self._locks

    async def stop(self, within_s: float) -> None:
        """Let what is in hand be answered, for a moment."""
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=within_s)
        for running in list(self._in_hand):
            running.cancel()
        self._threads.close()

    async def handle(self, task: PollWorkflowTaskQueueResponse, step: Step | None = None) -> None:
        """Answer a task and those that follow from it."""
        run_id = task.workflow_execution.run_id
        lock = self._locks.setdefault(run_id, asyncio.Lock())
        info = info_of_run(
            task.workflow_execution,
            task.workflow_type.name,
            self._place.namespace,
            self._place.queue,
        )
        local = LocalTasks(self._attempts.executor, self._settings.converter, info)
        following: PollWorkflowTaskQueueResponse | None = task
        async with lock:
            try:
                while following is not None:
                    following = await self._answer(following, local, step)
                    step = None
            except PolyrhythmError as error:
                LOG.warning("a task of run %s was given up: %s", run_id, error)
                self._tasks.forget(run_id)
            finally:
                local.drop()

    async def _answer(
        self, task: PollWorkflowTaskQueueResponse, local: LocalTasks, step: Step | None
    ) -> PollWorkflowTaskQueueResponse | None:
        began_s = time.monotonic()
        if step is None:
            if self._codec is not None:
                await decode_message(self._codec, task)
            step = await self._activate(task)
        while step.answer is None:
            if step.silent:
                return None
            local.begin(step.local_tasks, step.local_dropped)
            held = step.held
            assert held is not None
            left_s = HEARTBEAT_SHARE * held.task_timeout_s - (time.monotonic() - began_s)
            results = await local.results(left_s) if left_s > 0 else []
            step = await self._go_on(task, held, results)
        local.begin((), step.local_dropped)
        return await self._send(task, step)

    async def _activate(self, task: PollWorkflowTaskQueueResponse) -> Step:
        namespace = self._place.namespace
        events = await rest_of_history(self._answers, namespace, task, self._codec)
        try:
            return await self._in_thread(task, lambda: self._tasks.activate(task, events))
        except HistoryNeeded:
            events = await whole_history(self._answers, namespace, task, self._codec)
            return await self._in_thread(task, lambda: self._tasks.activate(task, events))

    async def _go_on(
        self,
        task: PollWorkflowTaskQueueResponse,
        held: Held,
        results: list[LocalResult],
    ) -> Step:
        if results:
            return await self._in_thread(task, lambda: self._tasks.resume(task, held, results))
        return await self._in_thread(task, lambda: self._tasks.heartbeat(task, held))

    async def _in_thread(
        self, task: PollWorkflowTaskQueueResponse, code: Callable[[], Step]
    ) -> Step:
        job = self._threads.start(code)
        limit_s = STUCK_PERIODS * self._settings.stuck_s
        while not job.future.done():
            await asyncio.wait([job.future], timeout=limit_s)
            # A job that waits for a thread has not begun; a long replay has come to rest lately.
            if self._tasks.watch.is_at_work(job.thread_id, self._settings.stuck_s):
                continue
            if job.thread_id and not job.future.done() and self._threads.abandon(job):
                return self._tasks.abandon(task, job.stack())
        return job.future.result()  # type: ignore[no-any-return]

    async def _send(
        self, task: PollWorkflowTaskQueueResponse, step: Step
    ) -> PollWorkflowTaskQueueResponse | None:
        answer, run_id = step.answer, task.workflow_execution.run_id
        assert answer is not None
        reserved = 0
        if isinstance(answer, RespondWorkflowTaskCompletedRequest):
            reserved = self._complete(answer, run_id)
        if self.alarms is not None and step.held is not None:
            await self.alarms.run_failed(task, answer, step.held.retry, step.held.attempt)
        if self._codec is not None:
            await encode_message(self._codec, answer)
        try:
            response = await self._answers.send(METHODS[type(answer)], answer)
        finally:
            for _ in range(reserved):
                self._attempts.release()
        if response is None:
            # The task has timed out: what the code did since is not in the history.
            self._tasks.forget(run_id)
        if not isinstance(response, RespondWorkflowTaskCompletedResponse):
            return None
        for attempt in response.activity_tasks:
            self._attempts.begin(attempt, self._place.queue)
        return response.workflow_task if response.workflow_task.task_token else None

    def _complete(self, answer: RespondWorkflowTaskCompletedRequest, run_id: str) -> int:
        """Say what the worker wants with its answer; return how many slots are kept for it."""
        place = self._place
        answer.return_new_workflow_task = True
        if place.sticky and self._tasks.keeps(run_id):
            sticky = answer.sticky_attributes
            sticky.worker_task_queue.CopyFrom(sticky_queue(place))
            sticky.schedule_to_start_timeout.FromMilliseconds(int(self._settings.sticky_s * 1000))
        reserved = 0
        for command in answer.commands:
            if command.command_type == SCHEDULE:
                attributes = command.schedule_activity_task_command_attributes
                wanted = attributes.task_queue.name == place.queue and self._attempts.room > 0
                attributes.request_eager_execution = wanted
                if wanted:
                    self._attempts.reserve()
                    reserved += 1
        return reserved

    def _end(self, running: asyncio.Task[None]) -> None:
        self._in_hand.discard(running)
        if not running.cancelled() and (error := running.exception()) is not None:
            LOG.error("a fault while a workflow task was answered", exc_info=error)


def sticky_queue(place: Place) -> TaskQueue:
    """Return the queue that only this worker polls."""
    return TaskQueue(
        name=place.sticky,
        kind=TaskQueueKind.TASK_QUEUE_KIND_STICKY,
        normal_name=place.queue,
    )
