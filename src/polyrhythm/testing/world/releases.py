"""Simulated releases: workers of several builds, and somebody who says which of them is current.

A world with versions has workers of no version and of three builds of one deployment; each life of
a worker serves some of them, and all of them once the world heals, so that no run waits for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import VersioningBehavior, WorkerVersioningMode
from temporalio.api.workflow.v1 import VersioningOverride

from polyrhythm.testing.world.callers import Caller
from polyrhythm.testing.world.place import Place

DEPLOYMENT = "shop"
# Empty: a worker that names no version.
BUILDS = ("", "1", "2", "3")
_VERSIONED = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
_PINNED = VersioningBehavior.VERSIONING_BEHAVIOR_PINNED
_AUTO_UPGRADE = VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE


def draw_builds(world: Place) -> tuple[str, ...]:
    """Return the builds that a worker serves in one life."""
    if "versions" not in world.profile.nouns:
        return BUILDS[:1]
    return BUILDS if world.healing else tuple(world.random.sample(BUILDS, 2))


def identity_of(name: str, build: str) -> str:
    """Return who a worker says it is when it serves this build."""
    return f"{name}@{build}" if build else name


def name_version(request: Any, build: str) -> None:
    """Say in a worker's request which build it is."""
    if build:
        options = request.deployment_options
        options.deployment_name, options.build_id = DEPLOYMENT, build
        options.worker_versioning_mode = _VERSIONED


def fill_behavior(world: Place, request: Any, build: str) -> None:
    """Say in the answer to a workflow task which build gives it, and whether the run stays."""
    name_version(request, build)
    if build:
        request.versioning_behavior = world.random.choice((_PINNED, _AUTO_UPGRADE))


def fill_override(world: Place, override: VersioningOverride) -> None:
    """Fill an override: to a build, or to follow whatever is current."""
    if world.random.random() < 0.4:
        override.auto_upgrade = True
        return
    override.pinned.behavior = VersioningOverride.PINNED_OVERRIDE_BEHAVIOR_PINNED
    override.pinned.version.deployment_name = DEPLOYMENT
    override.pinned.version.build_id = world.random.choice(BUILDS[1:])


class Releaser:
    """Makes versions current and ramping, moves single runs, and looks."""

    def __init__(self, world: Place) -> None:
        self._world = world
        self._random = world.random
        self._caller = Caller(world, "releaser")
        self._acts: list[Callable[[], None]] = [
            *[self._set_current] * 3,
            *[self._set_ramping] * 3,
            *[self._describe] * 3,
            *[self._override] * 3,
        ]
        world.after_ms(0, 50, self._act)

    def _act(self) -> None:
        if self._world.healing:
            return
        self._random.choice(self._acts)()
        self._world.after_ms(1, self._random.choice((200, 3_000, 20_000)), self._act)

    def _set_current(self) -> None:
        request = ws.SetWorkerDeploymentCurrentVersionRequest(deployment_name=DEPLOYMENT)
        build = self._random.choice(BUILDS)
        request.version = f"{DEPLOYMENT}.{build}" if build else "__unversioned__"
        self._call(request)

    def _set_ramping(self) -> None:
        request = ws.SetWorkerDeploymentRampingVersionRequest(deployment_name=DEPLOYMENT)
        build = self._random.choice(BUILDS)
        request.version = f"{DEPLOYMENT}.{build}" if build else ""
        if build:
            request.percentage = self._random.choice((0.0, 20.0, 50.0, 100.0))
        self._call(request)

    def _call(self, request: Any) -> None:
        request.identity = self._caller.name
        request.allow_no_pollers = self._random.random() < 0.2
        request.ignore_missing_task_queues = self._random.random() < 0.8
        self._caller.call(request)

    def _describe(self) -> None:
        self._caller.call(ws.DescribeWorkerDeploymentRequest(deployment_name=DEPLOYMENT))

    def _override(self) -> None:
        request = ws.UpdateWorkflowExecutionOptionsRequest()
        self._caller.name_run(request.workflow_execution)
        request.update_mask.paths.append("versioning_override")
        if self._random.random() < 0.7:
            options = request.workflow_execution_options
            fill_override(self._world, options.versioning_override)
        self._caller.call(request)
