"""Simulated clients of activities without a workflow: they start, wait, look, cancel, end, delete.

The activities are the same workers' work as those of workflows; ids come again, so that the
policies about them are met.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import ActivityIdConflictPolicy, ActivityIdReusePolicy

from polyrhythm.testing.world.callers import Caller
from polyrhythm.testing.world.commands import fill_policy, fill_span
from polyrhythm.testing.world.place import Place

_REUSE = [value for value in ActivityIdReusePolicy.values() if value]
_CONFLICT = [value for value in ActivityIdConflictPolicy.values() if value]


class PlainClient:
    """One client."""

    def __init__(self, world: Place) -> None:
        self._world = world
        self._random = world.random
        self._caller = Caller(world, "plain-client")
        self._acts: list[Callable[[], None]] = [
            *[self._start] * 6,
            *[self._wait] * 3,
            *[self._end] * 2,
            self._describe,
        ]
        world.after_ms(0, 50, self._act)

    def _act(self) -> None:
        if self._world.healing:
            return
        self._random.choice(self._acts)()
        self._world.after_ms(1, self._random.choice((100, 1_000, 6_000)), self._act)

    def _name(self) -> str:
        return f"p{self._random.randrange(5)}"

    def _start(self) -> None:
        random = self._random
        request = ws.StartActivityExecutionRequest(activity_id=self._name())
        request.activity_type.name = "work"
        request.task_queue.name = f"activities-{random.randrange(self._world.profile.queues)}"
        request.request_id = self._caller.unique("request")
        request.id_reuse_policy = random.choice(_REUSE)
        request.id_conflict_policy = random.choice(_CONFLICT)
        fill_policy(random, request.retry_policy)
        fill_span(random, request.retry_policy.maximum_interval, 4_000, 20_000)
        fill_span(random, request.start_to_close_timeout, 500, 20_000)
        if random.random() < 0.3:
            fill_span(random, request.schedule_to_close_timeout, 2_000, 90_000)
        if random.random() < 0.2:
            fill_span(random, request.schedule_to_start_timeout, 1_000, 30_000)
        if random.random() < 0.3:
            fill_span(random, request.heartbeat_timeout, 300, 5_000)
        self._caller.call(request)

    def _wait(self) -> None:
        self._caller.call(ws.PollActivityExecutionRequest(activity_id=self._name()), poll=True)

    def _describe(self) -> None:
        request = ws.DescribeActivityExecutionRequest(activity_id=self._name())
        request.include_outcome = True
        self._caller.call(request)

    def _end(self) -> None:
        kinds: list[Any] = [
            ws.RequestCancelActivityExecutionRequest,
            ws.RequestCancelActivityExecutionRequest,
            ws.TerminateActivityExecutionRequest,
        ]
        request = self._random.choice(kinds)(
            activity_id=self._name(), request_id=self._caller.unique("request")
        )
        self._caller.call(request, tries=1)
