"""Runs workflow code against the real engine: a lane over a memory store, a clock that is moved.

Every workflow task that is answered is followed by a replay of the whole history from scratch,
which has to make the same commands; `evict` drops live code at random before tasks. Local tasks
are run at once. Functions of tasks run here too; one that raises Held stays open until the test
ends it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import EventType
from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage as Stages
from temporalio.api.history.v1 import HistoryEvent

from engine.rig import Rig
from polyrhythm.base.errors import InvalidArgument, NotFound
from polyrhythm.sdk.definitions import (
    TaskDefinition,
    WorkflowDefinition,
)
from polyrhythm.sdk.failures import from_failure, to_failure
from polyrhythm.sdk.loop import (
    Activation,
    HistoryNeeded,
    Instance,
    LocalResult,
    LocalTask,
    LoopSettings,
)
from sdk.loop.coding import Again, Held

QUEUE = "q"
STICKY = "sticky"
POLL_S = 3600 * 24 * 365
STEPS_MAX = 5000
ACTIVITY, WORKFLOW = ws.PollActivityTaskQueueResponse, ws.PollWorkflowTaskQueueResponse
COMPLETED = Stages.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED


class Stage:
    """One engine, one worker and its workflows."""

    def __init__(self, *definitions: WorkflowDefinition, evict: float = 0, seed: int = 0) -> None:
        self.rig = Rig()
        self.definitions = {one.name: one for one in definitions}
        self.settings = LoopSettings(queue=QUEUE)
        self.tasks: dict[str, TaskDefinition] = {}
        self.cache: dict[str, Instance] = {}
        self.held: dict[str, ws.PollActivityTaskQueueResponse] = {}
        self.failed: list[ws.RespondWorkflowTaskFailedRequest] = []
        self.replays = 0
        # How many heartbeats are sent before local tasks are run.
        self.beats = 0
        self.open_locals: dict[str, list[LocalTask]] = {}
        self.evict = evict
        self.random = random.Random(seed)
        self._polls: dict[str, Any] = {}

    # What a client does.

    def start(self, name: str, *args: Any, workflow_id: str = "w", **fields: Any) -> str:
        request = ws.StartWorkflowExecutionRequest(
            namespace="default", workflow_id=workflow_id, request_id=f"s-{workflow_id}", **fields
        )
        request.workflow_type.name = name
        request.task_queue.name = QUEUE
        request.input.CopyFrom(self.settings.converter.encode_values(args))
        return str(self.rig.call(request).run_id)

    def signal(self, name: str, *args: Any, workflow_id: str = "w") -> None:
        request = ws.SignalWorkflowExecutionRequest(namespace="default", signal_name=name)
        request.workflow_execution.workflow_id = workflow_id
        request.input.CopyFrom(self.settings.converter.encode_values(args))
        self.rig.call(request)

    def cancel(self, workflow_id: str = "w") -> None:
        request = ws.RequestCancelWorkflowExecutionRequest(namespace="default")
        request.workflow_execution.workflow_id = workflow_id
        self.rig.call(request)

    def terminate(self, workflow_id: str = "w") -> None:
        request = ws.TerminateWorkflowExecutionRequest(namespace="default")
        request.workflow_execution.workflow_id = workflow_id
        self.rig.call(request)

    def query(self, name: str, *args: Any, workflow_id: str = "w") -> Any:
        request = ws.QueryWorkflowRequest(namespace="default")
        request.execution.workflow_id = workflow_id
        request.query.query_type = name
        request.query.query_args.CopyFrom(self.settings.converter.encode_values(args))
        reply = self.rig.submit(request, 60)
        self.run(until=lambda: reply.done)
        if reply.error is not None:
            raise reply.error
        return self.settings.converter.decode_result(reply.value.query_result)

    def update(self, name: str, *args: Any, update_id: str = "u", stage: Any = COMPLETED) -> Any:
        """Send an update; returns the reply, which is answered while the stage runs."""
        request = ws.UpdateWorkflowExecutionRequest(namespace="default")
        request.workflow_execution.workflow_id = "w"
        request.wait_policy.lifecycle_stage = stage
        request.request.meta.update_id = update_id
        request.request.input.name = name
        request.request.input.args.CopyFrom(self.settings.converter.encode_values(args))
        reply = self.rig.submit(request, POLL_S)
        self.rig.turn()
        return reply

    def outcome(self, reply: Any) -> Any:
        """Run until an update is answered; return its value or raise its failure."""
        self.run(until=lambda: reply.done)
        if reply.error is not None:
            raise reply.error
        outcome = reply.value.outcome
        if outcome.HasField("failure"):
            raise from_failure(outcome.failure, self.settings.converter)
        return self.settings.converter.decode_result(outcome.success)

    # What there is to see.

    def history(self, workflow_id: str = "w", run_id: str = "") -> list[HistoryEvent]:
        request = ws.GetWorkflowExecutionHistoryRequest(namespace="default")
        request.execution.workflow_id = workflow_id
        request.execution.run_id = run_id
        events: list[HistoryEvent] = []
        while True:
            page = self.rig.call(request)
            events += page.history.events
            request.next_page_token = page.next_page_token
            if not page.next_page_token:
                return events

    def names(self, workflow_id: str = "w", run_id: str = "") -> list[str]:
        kinds = [EventType.Name(event.event_type) for event in self.history(workflow_id, run_id)]
        return [kind.removeprefix("EVENT_TYPE_") for kind in kinds]

    def result(self, workflow_id: str = "w") -> Any:
        """The result of a closed run; what it failed with is raised."""
        last = self.history(workflow_id)[-1]
        kind = EventType.Name(last.event_type).removeprefix("EVENT_TYPE_WORKFLOW_EXECUTION_")
        converter = self.settings.converter
        if kind == "COMPLETED":
            attributes = last.workflow_execution_completed_event_attributes
            return converter.decode_result(attributes.result)
        if kind == "FAILED":
            failure = last.workflow_execution_failed_event_attributes.failure
            raise from_failure(failure, converter)
        return kind

    def play(self, name: str, *args: Any) -> Any:
        """Start, run to the end, return the result."""
        self.start(name, *args)
        self.run()
        return self.result()

    # The worker.

    def run(self, until: Callable[[], bool] | None = None, idle_s: float = 3600 * 24 * 60) -> None:
        """Answer tasks and move the clock, until nothing happens or `until` holds."""
        limit_ns = self.rig.now_ns + int(idle_s * 1e9)
        for _ in range(STEPS_MAX):
            if until is not None and until():
                return
            if self.step():
                continue
            due = self.rig.store.scan_due((0, 0), 1)
            if not due or due[0][0] > limit_ns:
                return
            self.rig.now_ns = max(due[0][0], self.rig.now_ns + 1)
            self.rig.turn()
        raise AssertionError("the stage does not come to rest")

    def stop_polls(self) -> None:
        """Have no poll waiting, so that what happens next comes in one workflow task."""
        for reply in self._polls.values():
            reply.cancel()
        self._polls.clear()
        self.rig.turn()

    def step(self) -> bool:
        """Take a turn and answer what was handed out; whether something was."""
        workflow = ws.PollWorkflowTaskQueueRequest
        for queue in (STICKY, QUEUE):
            key = f"w-{queue}"
            if key not in self._polls:
                request = workflow(namespace="default", identity="worker")
                request.task_queue.name = queue
                if queue == STICKY:
                    request.task_queue.kind = 2
                    request.task_queue.normal_name = QUEUE
                self._polls[key] = self.rig.submit(request, POLL_S)
        if "a" not in self._polls:
            request_a = ws.PollActivityTaskQueueRequest(namespace="default", identity="worker")
            request_a.task_queue.name = QUEUE
            self._polls["a"] = self.rig.submit(request_a, POLL_S)
        self.rig.turn()
        done = [(key, reply) for key, reply in self._polls.items() if reply.done]
        for key, reply in done:
            del self._polls[key]
            if reply.error is not None:
                raise reply.error
            if isinstance(reply.value, bytes):
                kind = ws.PollActivityTaskQueueResponse
                value: Any = (kind if key == "a" else ws.PollWorkflowTaskQueueResponse).FromString(
                    reply.value
                )
            else:
                value = reply.value
            if not value.task_token:
                continue
            if key == "a":
                self.perform(value)
            else:
                self.answer(value)
        return bool(done)

    def answer(self, task: ws.PollWorkflowTaskQueueResponse) -> None:
        """Run a workflow task and send what came of it."""
        run_id = task.workflow_execution.run_id
        if self.evict and self.random.random() < self.evict:
            dropped = self.cache.pop(run_id, None)
            if dropped is not None:
                dropped.close()
        instance = self.cache.get(run_id)
        if instance is None:
            self.open_locals.pop(run_id, None)
            definition = self.definitions[task.workflow_type.name]
            instance = self.cache[run_id] = Instance(definition, self.settings)
        try:
            activation = instance.activate(task, task.history.events)
        except HistoryNeeded:
            activation = instance.activate(task, self.whole_history(task))
        while not (activation.completed or activation.failed or activation.query):
            self.open_locals.setdefault(run_id, []).extend(activation.local_tasks)
            if self.beats:
                self.beats -= 1
                activation = instance.heartbeat()
            else:
                results = self.run_locally(self.open_locals.pop(run_id))
                activation = instance.resume(results)
        self.send(activation, instance, run_id)
        if not task.HasField("query"):
            self.check_replay(task)

    def whole_history(self, task: ws.PollWorkflowTaskQueueResponse) -> list[HistoryEvent]:
        """All events up to the task's start, as a worker would fetch them."""
        execution = task.workflow_execution
        events = self.history(execution.workflow_id, execution.run_id)
        known = {event.event_id for event in events}
        # A speculative task's events are only in the task.
        return events + [event for event in task.history.events if event.event_id not in known]

    def run_locally(self, tasks: list[LocalTask]) -> list[LocalResult]:
        """Run local tasks, as a worker does."""
        converter = self.settings.converter
        results = []
        for one in tasks:
            args = converter.decode_all(one.input, one.definition.signature)
            try:
                value = one.definition.function(*args)
            except Again as error:
                failure = to_failure(error, converter)
                results.append(LocalResult(one.seq, None, failure, one.attempt, error.delay_s))
            except Exception as error:  # noqa: BLE001 - a task may raise anything
                failure = to_failure(error, converter)
                results.append(LocalResult(one.seq, failure=failure, attempt=one.attempt))
            else:
                result = converter.encode_values((value,))
                results.append(LocalResult(one.seq, result=result, attempt=one.attempt))
        return results

    def send(self, activation: Activation, instance: Instance, run_id: str) -> None:
        """Answer a workflow task; live code whose answer was refused is dropped."""
        request: Any = activation.completed or activation.failed or activation.query
        request.namespace = "default"
        if activation.query is None:
            request.identity = "worker"
        if activation.failed is not None:
            self.failed.append(activation.failed)
            self.cache.pop(run_id).close()
        if activation.completed is not None:
            request.sticky_attributes.worker_task_queue.name = STICKY
            request.sticky_attributes.schedule_to_start_timeout.FromSeconds(10)
        try:
            self.rig.call(request)
        except NotFound:
            # The run was terminated meanwhile; or a query was offered to both queues of its run.
            if activation.query is None:
                self.cache.pop(run_id).close()
        except InvalidArgument as error:
            # News came in while the code decided to end: the task is told again, with it.
            if "UnhandledCommand" not in error.message:
                raise
            self.cache.pop(run_id).close()

    def check_replay(self, task: ws.PollWorkflowTaskQueueResponse) -> None:
        """Replay the whole history by new code: it has to make the same commands."""
        execution = task.workflow_execution
        replayed = Instance(self.definitions[task.workflow_type.name], self.settings)
        replayed.replay(self.history(execution.workflow_id, execution.run_id))
        replayed.close()
        self.replays += 1

    def perform(self, task: ws.PollActivityTaskQueueResponse) -> None:
        """Run an attempt of a task."""
        definition = self.tasks[task.activity_type.name]
        converter = self.settings.converter
        try:
            value = definition.function(*converter.decode_all(task.input, definition.signature))
        except Held:
            self.held[task.activity_id] = task
        except Exception as error:  # noqa: BLE001 - a task may raise anything
            request = ws.RespondActivityTaskFailedRequest(
                namespace="default", task_token=task.task_token
            )
            request.failure.CopyFrom(to_failure(error, converter))
            self.call_late(request)
        else:
            self.finish(task, value)

    def finish(self, task: ws.PollActivityTaskQueueResponse, value: Any) -> None:
        """Complete an attempt."""
        request = ws.RespondActivityTaskCompletedRequest(
            namespace="default", task_token=task.task_token
        )
        request.result.CopyFrom(self.settings.converter.encode_values((value,)))
        self.call_late(request)

    def call_late(self, request: Any) -> None:
        """Answer an attempt whose run may have ended meanwhile."""
        with suppress(NotFound):
            self.rig.call(request)

    def finish_cancelled(self, task: ws.PollActivityTaskQueueResponse) -> None:
        """End an attempt that was asked to stop."""
        request = ws.RespondActivityTaskCanceledRequest(
            namespace="default", task_token=task.task_token
        )
        self.rig.call(request)
