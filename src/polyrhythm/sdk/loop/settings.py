"""What the loop is given by its worker, and what it hands back.

One LoopSettings serves all runs of a worker. `header` adds values that travel with every call out
of a run, `chain` has the interceptors; `guard` is entered around user code (it refuses files,
sockets and the like); `rested` is told of each step of a replay that is done; `log` gets what a
person should see, never during a replay.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payload
from temporalio.api.workflowservice.v1 import (
    RespondQueryTaskCompletedRequest,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskFailedRequest,
)

from polyrhythm.sdk.definitions import TaskDefinition, TaskOptions
from polyrhythm.sdk.intercept.chain import Chain
from polyrhythm.sdk.loop.local import LocalTask
from polyrhythm.sdk.values import Converter

Template = tuple[TaskDefinition, TaskOptions, Command]


@dataclass(slots=True)
class LoopSettings:
    """What every run of a worker shares. `queue` is the worker's own."""

    namespace: str = "default"
    queue: str = ""
    converter: Converter = field(default_factory=Converter)
    header: Callable[[], Mapping[str, Payload]] | None = None
    chain: Chain = field(default_factory=Chain)
    guard: Callable[[], AbstractContextManager[Any]] | None = None
    rested: Callable[[], None] | None = None
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("polyrhythm.workflow"))
    templates: dict[tuple[int, int], Template] = field(default_factory=dict)


@dataclass(slots=True)
class Activation:
    """What a workflow task came to. One of `completed`, `failed` and `query` answers the task; none
    does while local tasks are at work: run `local_tasks`, stop `local_dropped`, then `resume` with
    each result as it comes, or `heartbeat` when the task's time is nearly over.

    `closed`: the run has ended with this answer. `failed` leaves the instance of no more use.
    """

    completed: RespondWorkflowTaskCompletedRequest | None = None
    failed: RespondWorkflowTaskFailedRequest | None = None
    query: RespondQueryTaskCompletedRequest | None = None
    local_tasks: list[LocalTask] = field(default_factory=list)
    local_dropped: list[int] = field(default_factory=list)
    closed: bool = False
