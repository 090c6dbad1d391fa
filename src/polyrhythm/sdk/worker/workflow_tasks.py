"""Runs workflow code for workflow tasks and keeps it alive between them.

Knows nothing of polls, links or loops: a task goes in, the request that answers it comes out. At
most `cached_runs_max` runs keep their live code, the one that was idle longest goes first; its next
task carries the whole history and replays it. Code that held its thread for too long is given up,
with its stack in the answer.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from google.protobuf.message import Message
from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.enums.v1 import QueryResultType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueResponse,
    RespondQueryTaskCompletedRequest,
    RespondWorkflowTaskFailedRequest,
)

from polyrhythm.sdk.definitions import WorkflowDefinition
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.failures import to_failure
from polyrhythm.sdk.loop import (
    Activation,
    HistoryNeeded,
    Instance,
    LocalResult,
    LocalTask,
    LoopSettings,
)
from polyrhythm.sdk.worker.answers import LOG
from polyrhythm.sdk.worker.settings import WorkerSettings
from polyrhythm.sdk.worker.watch import Watch

NAMES_SHOWN = 10
UNSAID_MAX = 1000
TASK_TIMEOUT_S = 10.0
# An activation that takes longer than this is not run on a service's own loop the next time.
SLOW_S = 0.1


class StuckError(MisuseError):
    """Workflow code did not come to rest: it loops without an await, or it blocks."""

    code = "workflow_stuck"


@dataclass(slots=True)
class Held:
    """The live code of one run. `slow`: it has held its thread for long, once."""

    instance: Instance
    run_id: str
    label: str
    task_timeout_s: float = TASK_TIMEOUT_S
    # Of the run itself: whether it is begun again when it fails.
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    attempt: int = 1
    slow: bool = False
    busy: bool = False


@dataclass(slots=True)
class Step:
    """What an activation came to: an answer, or local tasks that are waited for.

    `silent`: a workflow task that failed before has failed again. It is not answered: its timeout,
    which the service lets grow, keeps it from being tried again at once and for ever. It is said
    when the worker ends; of one that is killed inside its service the engine knows it.
    """

    answer: Message | None = None
    held: Held | None = None
    local_tasks: Sequence[LocalTask] = ()
    local_dropped: Sequence[int] = ()
    silent: bool = False


class WorkflowTasks:
    """The live code of one worker's runs. Two tasks of one run never run at once."""

    def __init__(
        self,
        definitions: Mapping[str, WorkflowDefinition],
        loop_settings: LoopSettings,
        settings: WorkerSettings,
    ) -> None:
        self._definitions = definitions
        self._loop_settings = loop_settings
        self._settings = settings
        # Several threads may run workflow code at once; those that are idle come first.
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._lock = threading.Lock()
        # By run id, what was kept silent about: said when the worker ends, so that the next one,
        # whose code may be right, gets the task at once.
        self.unsaid: dict[str, RespondWorkflowTaskFailedRequest] = {}
        self.watch = Watch(settings.stuck_s)
        loop_settings.rested = self.watch.rest

    def __len__(self) -> int:
        return len(self._held)

    def holds(self, run_id: str, started_event_id: int) -> bool:
        """Whether a run's live code is kept, as of the workflow task started by that event."""
        held = self._held.get(run_id)
        return held is not None and held.instance.last_started_id == started_event_id

    def keeps(self, run_id: str) -> bool:
        """Whether a run's live code is kept."""
        return run_id in self._held

    def is_slow(self, run_id: str) -> bool:
        """Whether a run should not be run where others wait for it."""
        held = self._held.get(run_id)
        return held is not None and held.slow

    def activate(self, task: PollWorkflowTaskQueueResponse, events: Sequence[HistoryEvent]) -> Step:
        """Answer a task. Raises HistoryNeeded when `events` has to be the whole history."""
        run_id = task.workflow_execution.run_id
        if self.unsaid:
            self.unsaid.pop(run_id, None)
        held = self._held.get(run_id)
        if held is None:
            definition = self._definitions.get(task.workflow_type.name)
            if definition is None:
                return self._refused(task, self._not_here(task))
            held = self._hold(task, events, definition)
        instance = held.instance
        return self._run(task, held, lambda: instance.activate(task, events))

    def resume(
        self, task: PollWorkflowTaskQueueResponse, held: Held, results: Sequence[LocalResult]
    ) -> Step:
        """Go on with results of local tasks."""
        instance = held.instance
        return self._run(task, held, lambda: instance.resume(results))

    def heartbeat(self, task: PollWorkflowTaskQueueResponse, held: Held) -> Step:
        """Answer with what there is; the next task follows at once."""
        return self._run(task, held, held.instance.heartbeat)

    def abandon(self, task: PollWorkflowTaskQueueResponse, stack: str) -> Step:
        """Give up code whose thread does not come back."""
        held = self._held.get(task.workflow_execution.run_id)
        label = held.label if held is not None else f"workflow {task.workflow_type.name}"
        if held is not None:
            self._held.pop(held.run_id, None)
        return self._refused(task, self._stuck(label, stack))

    def forget(self, run_id: str) -> None:
        """Drop the live code of a run."""
        with self._lock:
            held = self._held.pop(run_id, None)
        if held is not None and not held.busy:
            held.instance.close()

    def close(self) -> None:
        """Drop everything."""
        for run_id in list(self._held):
            self.forget(run_id)
        self.watch.close()

    def _hold(
        self,
        task: PollWorkflowTaskQueueResponse,
        events: Sequence[HistoryEvent],
        definition: WorkflowDefinition,
    ) -> Held:
        execution = task.workflow_execution
        if not events or events[0].event_id != 1:
            raise HistoryNeeded
        instance = Instance(definition, self._loop_settings)
        label = f"workflow {definition.name} {execution.workflow_id} (run {execution.run_id})"
        held = Held(instance, execution.run_id, label)
        started = events[0].workflow_execution_started_event_attributes
        if started.HasField("workflow_task_timeout"):
            timeout = started.workflow_task_timeout
            held.task_timeout_s = timeout.seconds + timeout.nanos / 1e9
        held.retry, held.attempt = started.retry_policy, max(started.attempt, 1)
        with self._lock:
            self._held[execution.run_id] = held
        return held

    def _rest(self, held: Held) -> None:
        """Note that a run waits for its next task, and make room."""
        held.busy = False
        evicted: list[Held] = []
        with self._lock:
            if held.run_id in self._held:
                self._held.move_to_end(held.run_id)
            excess = len(self._held) - self._settings.cached_runs_max
            if excess > 0:
                idle = (one for one in self._held.values() if not one.busy)
                evicted = list(islice(idle, excess))
                for one in evicted:
                    del self._held[one.run_id]
        for one in evicted:
            one.instance.close()

    def _run(
        self, task: PollWorkflowTaskQueueResponse, held: Held, code: Callable[[], Activation]
    ) -> Step:
        activation: Activation | None = None
        held.busy = True
        try:
            with self.watch.around(held.label) as activity:
                activation = code()
        except HistoryNeeded:
            held.busy = False
            self.forget(held.run_id)
            raise
        except Exception as error:  # noqa: BLE001 - our own fault must not end the worker
            LOG.exception("%s: a fault of the SDK while its code ran", held.label)
            return self._give_up(task, held, error)
        if activation is None or activity.interrupted:
            return self._give_up(task, held, self._stuck(held.label, activity.stack))
        held.slow = held.slow or activity.taken_s > SLOW_S
        return self._step(task, held, activation)

    def _step(
        self, task: PollWorkflowTaskQueueResponse, held: Held, activation: Activation
    ) -> Step:
        failed = activation.failed
        if failed is not None:
            LOG.error("%s: its workflow task failed: %s", held.label, failed.failure.message)
            failed.identity = self._settings.identity
            failed.namespace = self._loop_settings.namespace
            held.busy = False
            self.forget(held.run_id)
            return self._failed(task, failed)
        answer: Message | None = activation.completed
        if activation.query is not None:
            activation.query.namespace = self._loop_settings.namespace
            answer = activation.query
        elif activation.completed is not None:
            activation.completed.identity = self._settings.identity
            activation.completed.namespace = self._loop_settings.namespace
        if activation.closed:
            held.busy = False
            self.forget(held.run_id)
        elif answer is not None and not self._heartbeats(answer):
            self._rest(held)
        return Step(answer, held, activation.local_tasks, activation.local_dropped)

    def _heartbeats(self, answer: Message) -> bool:
        """Whether local tasks go on behind an answer."""
        return bool(getattr(answer, "force_create_new_workflow_task", False))

    def _give_up(self, task: PollWorkflowTaskQueueResponse, held: Held, error: Exception) -> Step:
        # Its coroutines may be anywhere: they are not touched again.
        held.busy = True
        self.forget(held.run_id)
        return self._refused(task, error)

    def _refused(self, task: PollWorkflowTaskQueueResponse, error: Exception) -> Step:
        return self._failed(task, self._refuse(task, error))

    def _refuse(self, task: PollWorkflowTaskQueueResponse, error: Exception) -> Message:
        namespace, identity = self._loop_settings.namespace, self._settings.identity
        failure = to_failure(error, self._loop_settings.converter)
        if task.HasField("query"):
            answer = RespondQueryTaskCompletedRequest(
                namespace=namespace, task_token=task.task_token, error_message=failure.message
            )
            answer.completed_type = QueryResultType.QUERY_RESULT_TYPE_FAILED
            answer.failure.CopyFrom(failure)
            return answer
        failed = RespondWorkflowTaskFailedRequest(
            namespace=namespace, task_token=task.task_token, identity=identity
        )
        failed.cause = (
            WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE
        )
        failed.failure.CopyFrom(failure)
        return failed

    def _not_here(self, task: PollWorkflowTaskQueueResponse) -> MisuseError:
        names = sorted(self._definitions)
        shown = ", ".join(names[:NAMES_SHOWN]) + (" ..." if len(names) > NAMES_SHOWN else "")
        return MisuseError(
            f"this worker has no workflow {task.workflow_type.name!r}; it has: {shown or 'none'}. "
            "Is a worker with other code on the same queue?"
        )

    def _stuck(self, label: str, stack: str) -> StuckError:
        error = StuckError(
            f"{label} did not come to rest within {self._settings.stuck_s:g} s: it loops "
            "without an await, or it blocks. Do such work in a task. It was at:\n" + stack
        )
        LOG.error("%s", error)
        return error

    def _failed(self, task: PollWorkflowTaskQueueResponse, answer: Message) -> Step:
        if task.attempt == 1 or not isinstance(answer, RespondWorkflowTaskFailedRequest):
            return Step(answer)
        self.unsaid[task.workflow_execution.run_id] = answer
        while len(self.unsaid) > UNSAID_MAX:
            del self.unsaid[next(iter(self.unsaid))]
        return Step(silent=True)
