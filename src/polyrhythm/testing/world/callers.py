"""How simulated callers call: an outcome that is not known is asked for again, as the SDKs do.

A request is repeated as it was, with its request id. What answers tell of runs, of points to reset
to and of updates is kept for all callers of the world.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import EventType

from polyrhythm.base.errors import Unavailable
from polyrhythm.testing.world.network import Lost
from polyrhythm.testing.world.place import Place

TRIES_MAX = 6
_TASK_ENDS = (
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
)


class Caller:
    """Makes the calls of one client or operator, and names what they are about."""

    def __init__(self, world: Place, name: str) -> None:
        self._world = world
        self._random = world.random
        self.name = name
        self._made = 0

    def call(self, request: Any, poll: bool = False, tries: int = TRIES_MAX) -> None:
        """Send a request, and again while its outcome is not known."""
        self._world.send(request, partial(self._answered, request, poll, tries), poll)

    def unique(self, what: str) -> str:
        """Return a text that no call has had before."""
        self._made += 1
        return f"{self.name}/{what}/{self._made}"

    def workflow_id(self) -> str:
        """Return the id of a workflow that somebody may have started."""
        profile = self._world.profile
        children = "families" in profile.nouns and self._random.random() < 0.25
        return f"{'c' if children else 'w'}{self._random.randrange(profile.workflow_ids)}"

    def name_run(self, execution: Any) -> None:
        """Name a workflow, or one run of it."""
        runs = self._world.known.runs
        if runs and self._random.random() < 0.4:
            execution.workflow_id, execution.run_id = self._random.choice(runs)
        else:
            execution.workflow_id = self.workflow_id()

    def _answered(
        self, request: Any, poll: bool, tries: int, value: Any, error: Exception | None
    ) -> None:
        if isinstance(error, (Lost, Unavailable)) and tries > 1:
            again = partial(self.call, request, poll, tries - 1)
            self._world.after_ms(1, 2000, again)
        elif error is None:
            self._learn(request, poll, tries, value)

    def _learn(self, request: Any, poll: bool, tries: int, value: Any) -> None:
        known = self._world.known
        if isinstance(value, ws.StartWorkflowExecutionResponse):
            known.runs.append((request.workflow_id, value.run_id))
            if value.eager_workflow_task.task_token:
                self._world.take_eager(value.eager_workflow_task)
        elif isinstance(value, ws.ResetWorkflowExecutionResponse):
            known.runs.append((request.workflow_execution.workflow_id, value.run_id))
        elif isinstance(value, ws.ExecuteMultiOperationResponse):
            start = request.operations[0].start_workflow
            known.runs.append((start.workflow_id, value.responses[0].start_workflow.run_id))
            self._learn_update(value.responses[1].update_workflow)
        elif isinstance(value, ws.UpdateWorkflowExecutionResponse):
            self._learn_update(value)
        elif isinstance(value, ws.GetWorkflowExecutionHistoryResponse):
            self._learn_history(request, poll, tries, value)
        elif isinstance(value, ws.DescribeWorkflowExecutionResponse):
            execution = value.workflow_execution_info.execution
            for pending in value.pending_activities:
                entry = (execution.workflow_id, execution.run_id, pending.activity_id)
                known.activities.append(entry)

    def _learn_update(self, answer: ws.UpdateWorkflowExecutionResponse) -> None:
        reference = answer.update_ref
        execution = reference.workflow_execution
        entry = (execution.workflow_id, execution.run_id, reference.update_id)
        self._world.known.updates.append(entry)

    def _learn_history(self, request: Any, poll: bool, tries: int, value: Any) -> None:
        execution = request.execution
        for event in value.history.events:
            if event.event_type in _TASK_ENDS:
                point = (execution.workflow_id, execution.run_id, str(event.event_id))
                self._world.known.points.append(point)
        if value.next_page_token and tries > 3:
            more = ws.GetWorkflowExecutionHistoryRequest()
            more.CopyFrom(request)
            more.next_page_token = value.next_page_token
            self.call(more, poll, tries - 1)
