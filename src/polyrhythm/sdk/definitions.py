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

from polyrhythm.sdk.alerts.alert import Alert
from polyrhythm.sdk.retry import Strategy


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


class Cancellation(Enum):
    """What cancelling the wait for a task or a child does.

    ASK: ask the other side to stop and go on at once. WAIT: ask, and go on when it has ended.
    WAIT_ASKED: ask, and go on when a child was told. ABANDON: go on and leave it running.
    """

    ASK = "ask"
    WAIT = "wait"
    WAIT_ASKED = "wait_asked"
    ABANDON = "abandon"


@dataclass(slots=True)
class TaskOptions:
    """How attempts of a task are made. `timeout` is start-to-close, `deadline` schedule-to-close,
    `pickup` schedule-to-start; all seconds. `summary` is one line for people. Fairness keys of one
    queue and priority share it by weight, 1 if it is not said.
    """

    retry: Strategy | None = None
    timeout_s: float = 0.0
    deadline_s: float = 0.0
    pickup_s: float = 0.0
    heartbeat_s: float = 0.0
    queue: str = ""
    priority: int = 0
    fairness_key: str = ""
    fairness_weight: float = 0.0
    rate: str = ""
    concurrency: int = 0
    alert: Alert | None = None
    cancellation: Cancellation = Cancellation.ASK
    summary: str = ""


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

    retry: Strategy | None = None
    run_timeout_s: float = 0.0
    execution_timeout_s: float = 0.0
    task_timeout_s: float = 0.0
    queue: str = ""
    alert: Alert | None = None


class ParentClose(Enum):
    """What happens to a child when its parent ends first; the number of the protocol."""

    TERMINATE = 1
    ABANDON = 2
    CANCEL = 3


class IdReuse(Enum):
    """Whether an id that a closed run has had may be used again; the number of the protocol."""

    ALLOW = 1
    AFTER_FAILURE = 2
    REJECT = 3


@dataclass(slots=True)
class ChildOptions:
    """How a child workflow is started. Empty: an id of its own, the parent's queue. Seconds."""

    id: str = ""
    queue: str = ""
    cancellation: Cancellation = Cancellation.WAIT
    parent_close: ParentClose = ParentClose.TERMINATE
    id_reuse: IdReuse = IdReuse.ALLOW
    retry: Strategy | None = None
    run_timeout_s: float = 0.0
    execution_timeout_s: float = 0.0
    task_timeout_s: float = 0.0
    cron: str = ""
    memo: dict[str, Any] = field(default_factory=dict)
    search_attributes: dict[str, Any] = field(default_factory=dict)
    summary: str = ""


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
