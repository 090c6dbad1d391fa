"""What decorators and `.options(...)` take, as typed keywords, and the options made of them.

Durations are texts, seconds or timedeltas here and seconds there. A setting that is not given keeps
what was declared before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import Enum
from typing import Any, TypedDict, TypeVar

from polyrhythm.base.durations import Span, parse_rate, parse_span
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.sdk.alerts.alert import Alert
from polyrhythm.sdk.definitions import (
    Cancellation,
    ChildOptions,
    IdReuse,
    ParentClose,
    TaskOptions,
    WorkflowOptions,
)
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.messages import SignalCall
from polyrhythm.sdk.retry import Retry, Strategy


class IdConflict(Enum):
    """What a start does when a run of its id is open; the number of the protocol.

    FAIL raises AlreadyStarted, JOIN returns the open run, TERMINATE ends it and starts.
    """

    FAIL = 1
    JOIN = 2
    TERMINATE = 3


@dataclass(slots=True)
class StartOptions:
    """How one run is started. Empty: an id of its own, now, as its workflow says. Seconds."""

    id: str = ""
    queue: str = ""
    id_reuse: IdReuse = IdReuse.ALLOW
    id_conflict: IdConflict = IdConflict.FAIL
    retry: Strategy | None = None
    run_timeout_s: float = 0.0
    execution_timeout_s: float = 0.0
    task_timeout_s: float = 0.0
    delay_s: float = 0.0
    cron: str = ""
    memo: dict[str, Any] = field(default_factory=dict)
    search_attributes: dict[str, Any] = field(default_factory=dict)
    signal: SignalCall | None = None
    priority: int = 0
    summary: str = ""
    details: str = ""
    parent_close: ParentClose = ParentClose.TERMINATE
    cancellation: Cancellation = Cancellation.WAIT


@dataclass(slots=True)
class PlainOptions:
    """How a task is started by itself: what its other options do not say. Seconds."""

    id: str = ""
    id_reuse: IdReuse = IdReuse.ALLOW
    id_conflict: IdConflict = IdConflict.FAIL
    delay_s: float = 0.0
    eta: datetime | None = None
    search_attributes: dict[str, Any] = field(default_factory=dict)
    details: str = ""


O = TypeVar("O", TaskOptions, WorkflowOptions, StartOptions, PlainOptions)  # noqa: E741
SPANS = {
    "timeout": "timeout_s",
    "deadline": "deadline_s",
    "pickup": "pickup_s",
    "heartbeat": "heartbeat_s",
    "run_timeout": "run_timeout_s",
    "execution_timeout": "execution_timeout_s",
    "task_timeout": "task_timeout_s",
    "delay": "delay_s",
}


class TaskChanges(TypedDict, total=False):
    """What a call of a task may change: `task.options(...)`.

    timeout: of one attempt (start-to-close); deadline: of all (schedule-to-close); pickup: until a
    worker takes it; heartbeat: between signs of life. `retry` may be a number of attempts.
    `fairness_key`: a tenant; tasks of one priority take turns between their keys, by weight.
    Those from `id` on are for a task that is started by itself, with `.start(...)`: `delay` from
    now, or `eta`, a time with a zone before which it does not begin.
    """

    retry: Strategy | int
    timeout: Span
    deadline: Span
    pickup: Span
    heartbeat: Span
    queue: str
    priority: int
    fairness_key: str
    fairness_weight: float
    cancellation: Cancellation
    summary: str
    id: str
    id_reuse: IdReuse
    id_conflict: IdConflict
    delay: Span
    eta: datetime
    search_attributes: dict[str, Any]
    details: str


class TaskSettings(TypedDict, total=False):
    """What `@app.task(...)` takes: all of the above, and what no call can change.

    `remote`: other workers run it, this is its declaration only.

    `rate`: "100/m": attempts of the task, of all workers on its queue together, begin one by one,
    no faster. `concurrency`: at most so many of them are at work at once. An attempt that has to
    wait for more than a second goes back to the service: it holds no worker, is not counted as an
    attempt, and `timeout` begins when the function does (give or take that second); `deadline` goes
    on. Rates are served in order; places in the order of chance, asked for every 5 s at most. The
    places of a worker that dies come free within 30 s; a worker that is cut off from its service
    for longer may go on beside the one that has got its place. For a file, memory and poly:// only.
    """

    retry: Strategy | int
    timeout: Span
    deadline: Span
    pickup: Span
    heartbeat: Span
    queue: str
    priority: int
    fairness_key: str
    fairness_weight: float
    cancellation: Cancellation
    summary: str
    name: str
    process: bool
    remote: bool
    rate: str
    concurrency: int
    alert: Alert


class WorkflowSettings(TypedDict, total=False):
    """What `@app.workflow(...)` takes. `remote`: other workers run it."""

    name: str
    remote: bool
    retry: Strategy | int
    run_timeout: Span
    execution_timeout: Span
    task_timeout: Span
    queue: str
    alert: Alert


class StartSettings(TypedDict, total=False):
    """What `workflow.options(...)` takes, for starts and for children.

    `signal` is sent with the start, to the open run if there is one: `REFUND.of(value)`.
    `parent_close` and `cancellation` are for children only; `delay`, `signal`, `id_conflict` and
    `details` are not for children.
    """

    id: str
    queue: str
    id_reuse: IdReuse
    id_conflict: IdConflict
    retry: Strategy | int
    run_timeout: Span
    execution_timeout: Span
    task_timeout: Span
    delay: Span
    cron: str
    memo: dict[str, Any]
    search_attributes: dict[str, Any]
    signal: SignalCall
    priority: int
    summary: str
    details: str
    parent_close: ParentClose
    cancellation: Cancellation


def task_options(options: TaskOptions, changes: Mapping[str, Any]) -> TaskOptions:
    """Return task options with some of them changed. Raises MisuseError."""
    return _changed(options, changes)


def plain_options(
    options: PlainOptions, changes: Mapping[str, Any]
) -> tuple[PlainOptions, dict[str, Any]]:
    """Return options of plain tasks with some of them changed, and the changes of other ones."""
    known = {field.name for field in fields(PlainOptions)}
    own = {name: value for name, value in changes.items() if SPANS.get(name, name) in known}
    others = {name: value for name, value in changes.items() if name not in own}
    changed = _changed(options, own)
    if changed.eta is not None and changed.delay_s:
        raise MisuseError("a task begins after a delay or at its eta, not both")
    return changed, others


def workflow_options(options: WorkflowOptions, changes: Mapping[str, Any]) -> WorkflowOptions:
    """Return workflow options with some of them changed. Raises MisuseError."""
    return _changed(options, changes)


def start_options(options: StartOptions, changes: Mapping[str, Any]) -> StartOptions:
    """Return start options with some of them changed. Raises MisuseError."""
    return _changed(options, changes)


def child_options(options: StartOptions) -> ChildOptions:
    """Return the options of a child. Raises MisuseError for what only a start has."""
    for name, value in (
        ("delay", options.delay_s),
        ("signal", options.signal),
        ("details", options.details),
    ):
        if value:
            raise MisuseError(f"a child has no {name!r}: sleep or send in the child's own code")
    shared = {f.name: getattr(options, f.name) for f in fields(ChildOptions)}
    return ChildOptions(**shared)


def strategy_of(retry: object) -> Strategy:
    """Return a strategy; a number is that many attempts. Raises MisuseError."""
    if isinstance(retry, bool) or not isinstance(retry, int):
        if not isinstance(retry, Strategy):
            raise MisuseError(f"retry is a strategy or a number of attempts, not {retry!r}")
        return retry
    if retry < 1:
        raise MisuseError(f"retry={retry}: a number of attempts is 1 or more")
    return Retry(max_attempts=retry)


def _changed(options: O, changes: Mapping[str, Any]) -> O:
    known = {field.name for field in fields(options)}
    values: dict[str, Any] = {}
    for name, value in changes.items():
        target = SPANS.get(name, name)
        if target not in known:
            raise MisuseError(f"there is no setting {name!r}; there are {_names(known)}")
        try:
            values[target] = _parsed(name, value)
        except InvalidArgument as error:
            raise MisuseError(f"{name}: {error}") from error
    return replace(options, **values)


def _parsed(name: str, value: Any) -> Any:
    if name in SPANS:
        return parse_span(value)
    if name == "retry":
        return strategy_of(value)
    if name == "rate" and value:
        parse_rate(value)
    if name == "eta" and (not isinstance(value, datetime) or value.utcoffset() is None):
        raise MisuseError(f"eta is a datetime with a zone, not {value!r}")
    return value


def _names(known: set[str]) -> str:
    back = {target: name for name, target in SPANS.items()}
    return ", ".join(sorted(back.get(name, name) for name in known))
