"""Simulated clients that update workflows: they wait for different stages, start on the way, look.

An update whose outcome is not known is sent again under its id; some are sent twice on purpose.
"""

from __future__ import annotations

from collections.abc import Callable

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage as Stage

from polyrhythm.testing.world.callers import Caller
from polyrhythm.testing.world.clients import fill_start
from polyrhythm.testing.world.place import Place
from polyrhythm.testing.world.update_answers import WAYS

_STAGES = (
    Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED,
    Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED,
)


class Updater:
    """One client that updates."""

    def __init__(self, world: Place, number: int) -> None:
        self._world = world
        self._random = world.random
        self._caller = Caller(world, f"updater-{number}")
        self._acts: list[Callable[[], None]] = [
            *[self._update] * 4,
            *[self._update_with_start] * 2,
            self._update_again,
            self._poll,
        ]
        world.after_ms(0, 50, self._act)

    def _act(self) -> None:
        if self._world.healing:
            return
        self._random.choice(self._acts)()
        self._world.after_ms(1, self._random.choice((50, 500, 5000)), self._act)

    def _fill(self, request: ws.UpdateWorkflowExecutionRequest, update_id: str) -> None:
        request.request.meta.update_id = update_id
        request.request.meta.identity = self._caller.name
        request.request.input.name = "change"
        # The way is the id's: whoever sends it again asks for the same.
        way = WAYS[sum(update_id.encode()) % len(WAYS)]
        request.request.input.args.payloads.add().data = f"{way}/{update_id}".encode()
        request.wait_policy.lifecycle_stage = self._random.choice(_STAGES)

    def _update(self) -> None:
        request = ws.UpdateWorkflowExecutionRequest()
        self._caller.name_run(request.workflow_execution)
        self._fill(request, self._caller.unique("update"))
        self._caller.call(request, poll=True)

    def _update_again(self) -> None:
        updates = self._world.known.updates
        if updates:
            request = ws.UpdateWorkflowExecutionRequest()
            execution = request.workflow_execution
            execution.workflow_id, run_id, update_id = self._random.choice(updates)
            execution.run_id = run_id if self._random.random() < 0.7 else ""
            self._fill(request, update_id)
            self._caller.call(request, poll=True)

    def _update_with_start(self) -> None:
        request = ws.ExecuteMultiOperationRequest()
        start = request.operations.add().start_workflow
        fill_start(self._world, self._caller, start)
        start.ClearField("workflow_start_delay")
        start.ClearField("cron_schedule")
        update = request.operations.add().update_workflow
        update.workflow_execution.workflow_id = start.workflow_id
        self._fill(update, self._caller.unique("update"))
        self._caller.call(request, poll=True)

    def _poll(self) -> None:
        updates = self._world.known.updates
        if updates:
            request = ws.PollWorkflowExecutionUpdateRequest()
            reference = request.update_ref
            execution = reference.workflow_execution
            entry = self._random.choice(updates)
            execution.workflow_id, execution.run_id, reference.update_id = entry
            stage = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_UNSPECIFIED
            request.wait_policy.lifecycle_stage = self._random.choice((*_STAGES, stage))
            self._caller.call(request, poll=True)
