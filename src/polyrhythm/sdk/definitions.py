"""What a user declared: tasks and workflows as plain values, made once by the decorators.

The loop and the worker work from these; they never look at a user's function with `inspect`. Types
are resolved when a definition is made, so that a wrong annotation fails at import and not at the
first call. Durations are seconds as floats; 0 is unset.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from polyrhythm.sdk.retry import Retry


class TaskKind(Enum):
    """Where the attempts of a task run."""

    LOOP = "loop"
    THREAD = "thread"
    PROCESS = "process"


@dataclass(slots=True)
class Signature:
    """The parameters of a function as they are on the wire: positional, typed.

    `defaults` belong to the last parameters. `Any` takes what JSON gives.
    """

    names: tuple[str, ...] = ()
    types: tuple[Any, ...] = ()
    defaults: tuple[Any, ...] = ()
    result: Any = Any


@dataclass(slots=True)
class TaskOptions:
    """How attempts of a task are made. `timeout` is start-to-close, `deadline` schedule-to-close,
    `pickup` schedule-to-start; all seconds.
    """

    retry: Retry | None = None
    timeout_s: float = 0.0
    deadline_s: float = 0.0
    pickup_s: float = 0.0
    heartbeat_s: float = 0.0
    queue: str = ""
    priority: int = 0
    rate: str = ""
    concurrency: int = 0


@dataclass(slots=True)
class TaskDefinition:
    """One task."""

    name: str
    function: Callable[..., Any]
    kind: TaskKind
    signature: Signature
    options: TaskOptions = field(default_factory=TaskOptions)


class HandlerKind(Enum):
    """What a message to a workflow is."""

    SIGNAL = "signal"
    QUERY = "query"
    UPDATE = "update"


@dataclass(slots=True)
class HandlerDefinition:
    """One method of a workflow class that answers messages; `validator` only for updates."""

    name: str
    kind: HandlerKind
    function: Callable[..., Any]
    signature: Signature
    validator: Callable[..., Any] | None = None
    description: str = ""


@dataclass(slots=True)
class WorkflowOptions:
    """How runs of a workflow are started. Timeouts in seconds."""

    retry: Retry | None = None
    run_timeout_s: float = 0.0
    execution_timeout_s: float = 0.0
    task_timeout_s: float = 0.0
    queue: str = ""


@dataclass(slots=True)
class WorkflowDefinition:
    """One workflow: a function, or a class whose instance carries the state of one run.

    `factory` is None for functions; `run` then takes the arguments alone, else also `self`.
    """

    name: str
    run: Callable[..., Any]
    signature: Signature
    factory: Callable[[], object] | None = None
    handlers: dict[tuple[HandlerKind, str], HandlerDefinition] = field(default_factory=dict)
    options: WorkflowOptions = field(default_factory=WorkflowOptions)
