"""A worker inside its service: workflow code runs in the engine's turn, attempts begin after it.

A thin side of WorkflowTasks and Attempts. What cannot be answered within a turn is answered by a
call later, as a polled worker does it: local tasks, failures with an alert, payloads behind a
codec, and code that has been slow before, which goes to a thread so that it holds up nobody else.
"""

from __future__ import annotations

from google.protobuf.message import Message
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueResponse,
    PollWorkflowTaskQueueResponse,
)

from polyrhythm.sdk.loop import HistoryNeeded
from polyrhythm.sdk.worker.attempt import StopReason
from polyrhythm.sdk.worker.attempts import Attempts
from polyrhythm.sdk.worker.runner import WorkflowRunner
from polyrhythm.sdk.worker.settings import WorkerSettings
from polyrhythm.sdk.worker.workflow_tasks import WorkflowTasks


class ResidentWorker:
    """The LocalWorker of `sdk/link.py`; used on the loop of the service's host."""

    def __init__(
        self,
        queue: str,
        tasks: WorkflowTasks,
        attempts: Attempts,
        runner: WorkflowRunner,
        settings: WorkerSettings,
    ) -> None:
        self._queue = queue
        self._tasks = tasks
        self._attempts = attempts
        self._runner = runner
        self._coded = settings.codec is not None
        self.identity = settings.identity

    @property
    def room(self) -> int:
        """How many more attempts are taken now."""
        return self._attempts.room

    def holds(self, run_id: str, started_event_id: int) -> bool:
        """Whether the run's live code is kept, as of that workflow task."""
        return self._tasks.holds(run_id, started_event_id)

    def activate(self, task: PollWorkflowTaskQueueResponse) -> Message | None:
        """Run workflow code; None when the answer comes by a call."""
        run_id = task.workflow_execution.run_id
        if self._coded or self._runner.has(run_id) or self._tasks.is_slow(run_id):
            self._runner.begin(task)
            return None
        try:
            step = self._tasks.activate(task, task.history.events)
        except HistoryNeeded:
            self._runner.begin(task)
            return None
        if step.silent:
            return None
        if step.answer is None or self._runner.alerts(task, step):
            self._runner.begin(task, step)
            return None
        return step.answer

    def perform(self, task: PollActivityTaskQueueResponse) -> None:
        """Begin an attempt."""
        self._attempts.begin(task, self._queue)

    def stop(self, run_id: str, task_id: str, why: str) -> None:
        """Ask an attempt to end, if it is in hand."""
        self._attempts.ask_to_stop(run_id, task_id, StopReason[why])

    def forget(self, run_id: str) -> None:
        """Drop the live code of a run."""
        self._tasks.forget(run_id)
