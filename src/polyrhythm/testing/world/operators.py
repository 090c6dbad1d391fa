"""Simulated operators: they reset workflows, pause and change activities, change priorities,
and begin batch operations.

What they pause is unpaused by the world when it heals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import BatchOperationType, ResetReapplyExcludeType, ResetReapplyType

from polyrhythm.engine.calls import BeginBatch
from polyrhythm.stores.port import RunFilter
from polyrhythm.testing.world.callers import Caller
from polyrhythm.testing.world.commands import fill_policy, fill_span
from polyrhythm.testing.world.place import Place

_MASKS = (
    "start_to_close_timeout",
    "schedule_to_close_timeout",
    "schedule_to_start_timeout",
    "heartbeat_timeout",
    "retry_policy",
    "retry_policy.maximum_attempts",
    "task_queue.name",
    "priority",
)
_SIGNAL = BatchOperationType.BATCH_OPERATION_TYPE_SIGNAL
_RUNNING = 1
_EXCLUDED = tuple(ResetReapplyExcludeType.values())
_REAPPLIED = tuple(ResetReapplyType.values())


class Operator:
    """One operator, with the verbs that the seed has."""

    def __init__(self, world: Place, number: int) -> None:
        self._world = world
        self._random = world.random
        self._caller = Caller(world, f"operator-{number}")
        self._jobs: list[str] = []
        self._acts: list[Callable[[], None]] = []
        if "resets" in world.profile.nouns:
            self._acts += [self._reset_workflow, self._look, self._look]
        if "operations" in world.profile.nouns:
            self._acts += [
                *[self._describe] * 6,
                self._pause,
                self._pause,
                self._unpause,
                self._reset_activity,
                self._change_activity,
                self._change_workflow,
            ]
        if "batches" in world.profile.nouns:
            self._acts += [*[self._begin_batch] * 3, self._stop_batch, self._describe_batch]
        if self._acts:
            world.after_ms(0, 50, self._act)

    def _act(self) -> None:
        if self._world.healing:
            return
        self._random.choice(self._acts)()
        self._world.after_ms(1, self._random.choice((50, 500, 3000)), self._act)

    def _look(self) -> None:
        request = ws.GetWorkflowExecutionHistoryRequest()
        self._caller.name_run(request.execution)
        self._caller.call(request)

    def _describe(self) -> None:
        request = ws.DescribeWorkflowExecutionRequest()
        self._caller.name_run(request.execution)
        self._caller.call(request)

    def _reset_workflow(self) -> None:
        random, points = self._random, self._world.known.points
        request = ws.ResetWorkflowExecutionRequest(reason=self._caller.unique("reset"))
        request.request_id = self._caller.unique("request")
        execution = request.workflow_execution
        if points and random.random() < 0.9:
            execution.workflow_id, execution.run_id, event_id = random.choice(points)
            request.workflow_task_finish_event_id = int(event_id)
        else:
            self._caller.name_run(execution)
            request.workflow_task_finish_event_id = random.randint(1, 12)
        if random.random() < 0.2:
            request.reset_reapply_type = random.choice(_REAPPLIED)
        elif random.random() < 0.3:
            request.reset_reapply_exclude_types.append(random.choice(_EXCLUDED))
        self._caller.call(request)

    def _begin_batch(self) -> None:
        # Its signals name it: the auditor looks for them.
        random, job_id = self._random, f"job/{self._caller.unique('batch')}"
        request = ws.StartBatchOperationRequest(job_id=job_id, reason="simulated")
        request.signal_operation.signal = "hello"
        request.signal_operation.identity = job_id
        request.signal_operation.input.payloads.add().data = job_id.encode()
        if random.random() < 0.5:
            request.max_operations_per_second = random.choice((0.5, 3, 100))
        wanted = None
        if random.random() < 0.3:
            named = {self._caller.workflow_id() for _ in range(random.randint(1, 4))}
            for workflow_id in sorted(named):
                request.executions.add(workflow_id=workflow_id)
        else:
            wanted = RunFilter(self._world.namespace.key, statuses=[_RUNNING])
        self._caller.call(BeginBatch(request, _SIGNAL, job_id, wanted))
        self._jobs.append(job_id)

    def _stop_batch(self) -> None:
        if self._jobs:
            job_id = self._random.choice(self._jobs)
            self._caller.call(ws.StopBatchOperationRequest(job_id=job_id, reason="simulated"))

    def _describe_batch(self) -> None:
        if self._jobs:
            job_id = self._random.choice(self._jobs)
            self._caller.call(ws.DescribeBatchOperationRequest(job_id=job_id))

    def _choose(self, request: Any) -> None:
        execution, activities = request.execution, self._world.known.activities
        request.identity = self._caller.name
        if activities:
            # What was seen last is pending still, if anything is.
            entry = activities[-self._random.randint(1, min(4, len(activities)))]
            execution.workflow_id, execution.run_id, request.id = entry
        else:
            self._caller.name_run(execution)
            request.id = "activity.0.0"
        if self._random.random() < 0.3:
            request.type = "work"

    def _pause(self) -> None:
        request = ws.PauseActivityRequest(reason=self._caller.unique("pause"))
        self._choose(request)
        self._caller.call(request)

    def _unpause(self) -> None:
        request = ws.UnpauseActivityRequest()
        self._choose(request)
        request.reset_attempts = self._random.random() < 0.4
        request.reset_heartbeat = self._random.random() < 0.4
        if self._random.random() < 0.3:
            fill_span(self._random, request.jitter, 0, 5_000)
        self._caller.call(request)

    def _reset_activity(self) -> None:
        request = ws.ResetActivityRequest()
        self._choose(request)
        request.reset_heartbeat = self._random.random() < 0.4
        request.keep_paused = self._random.random() < 0.4
        request.restore_original_options = self._random.random() < 0.3
        if self._random.random() < 0.3:
            fill_span(self._random, request.jitter, 0, 5_000)
        self._caller.call(request)

    def _change_activity(self) -> None:
        random = self._random
        request = ws.UpdateActivityOptionsRequest()
        self._choose(request)
        if random.random() < 0.2:
            request.restore_original = True
        else:
            options = request.activity_options
            options.task_queue.name = f"activities-{random.randrange(self._world.profile.queues)}"
            fill_span(random, options.start_to_close_timeout, 500, 20_000)
            fill_span(random, options.schedule_to_close_timeout, 2_000, 90_000)
            fill_span(random, options.schedule_to_start_timeout, 1_000, 30_000)
            fill_span(random, options.heartbeat_timeout, 300, 5_000)
            fill_policy(random, options.retry_policy)
            options.priority.priority_key = random.randint(1, 5)
            request.update_mask.paths.extend(random.sample(_MASKS, random.randint(1, 3)))
        self._caller.call(request)

    def _change_workflow(self) -> None:
        request = ws.UpdateWorkflowExecutionOptionsRequest()
        self._caller.name_run(request.workflow_execution)
        request.workflow_execution_options.priority.priority_key = self._random.randint(1, 5)
        request.update_mask.paths.append("priority")
        self._caller.call(request)
