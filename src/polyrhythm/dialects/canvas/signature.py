"""Signatures: calls that are written down and not made, and what is put together of them.

    fetch.s(url) | parse.s() | store.s(table="pages")       a chain: each gets what was before it
    group(fetch.s(url) for url in urls)                      side by side, results in order
    chord(group(...), total.s())                             a group, and what gets its results
    (fetch_list.s() | each(fetch.s()) | total.s()).start()   as many as the list is long

A signature is a value: every method returns a new one, so that a part may be used in many places.
`.si(...)` takes nothing of what came before it. A single task without callbacks is started as a
plain task, everything else as a run that walks the canvas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypedDict

from typing_extensions import Unpack

from polyrhythm.base.durations import Span, parse_span
from polyrhythm.dialects.canvas.batch import batch_definition
from polyrhythm.dialects.canvas.starting import CanvasStarter, Started
from polyrhythm.dialects.canvas.wire import Kind
from polyrhythm.sdk.client import blocking, blocking_tasks
from polyrhythm.sdk.client.portal import block
from polyrhythm.sdk.client.run import Run
from polyrhythm.sdk.declare.home import Home
from polyrhythm.sdk.declare.task import Task
from polyrhythm.sdk.definitions import (
    Cancellation,
    IdReuse,
    TaskDefinition,
    TaskKind,
    TaskOptions,
)
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.retry import Strategy
from polyrhythm.sdk.settings import IdConflict, PlainOptions, plain_options, task_options

TIMES = frozenset(("eta", "expires", "unique"))


class SignatureChanges(TypedDict, total=False):
    """What a signature may be told: what a task may (see `TaskChanges`), and when.

    `eta`: the time it is begun at, with a zone; `delay`: how long after it was reached. `expires`:
    when it is not worth beginning any more, a time or a span from when it was reached. `unique`:
    of signatures with the same tasks and arguments one is open at a time, a second start joins it;
    a text is the key instead. A signature of several tasks has no more than `id` to `unique`.
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
    search_attributes: dict[str, Any]
    details: str
    delay: Span
    eta: datetime
    expires: Span | datetime
    unique: bool | str


@dataclass(slots=True)
class Timing:
    """When a piece is begun."""

    eta: datetime | None = None
    expires_at: datetime | None = None
    expires_s: float = 0.0


@dataclass(slots=True)
class Signature:
    """A call of a task, or several put together; treated as frozen. See the module."""

    home: Home | None
    kind: Kind = Kind.TASK
    task: TaskDefinition | None = None
    args: tuple[Any, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)
    immutable: bool = False
    parts: tuple[Signature, ...] = ()
    body: Signature | None = None
    calls: TaskOptions = field(default_factory=TaskOptions)
    plain: PlainOptions = field(default_factory=PlainOptions)
    timing: Timing = field(default_factory=Timing)
    unique: bool | str = False
    fail_fast: bool = False
    successes: tuple[Signature, ...] = ()
    errors: tuple[Signature, ...] = ()

    def __repr__(self) -> str:
        """The pieces by their names."""
        match self.kind:
            case Kind.TASK:
                assert self.task is not None
                return f"{self.task.name}{self.args!r}"
            case Kind.CHAIN:
                return " | ".join(repr(part) for part in self.parts)
        inner = ", ".join(repr(part) for part in self.parts)
        body = f", {self.body!r}" if self.body is not None else ""
        return f"{self.kind}({inner}{body})"

    def __or__(self, other: Signature) -> Signature:
        """Return a chain: the other one is next, with what this one gives."""
        if not isinstance(other, Signature):
            return NotImplemented
        return chain(self, other)

    def options(self, **changes: Unpack[SignatureChanges]) -> Signature:
        """Return it with other options. Raises MisuseError for what it cannot have."""
        times: Any = {name: value for name, value in changes.items() if name in TIMES}
        rest: Any = {name: value for name, value in changes.items() if name not in TIMES}
        plain, others = plain_options(self.plain, rest)
        if others and self.kind is not Kind.TASK:
            raise MisuseError(
                f"{', '.join(others)}: of a task; a {self.kind} has an id, a delay, eta, expires"
                " and unique: set the others on its tasks"
            )
        timing = _timing(self.timing, times)
        unique = times.get("unique", self.unique)
        calls = task_options(self.calls, others)
        return replace(self, plain=plain, calls=calls, timing=timing, unique=unique)

    def with_args(self, *args: Any, **named: Any) -> Signature:
        """Return it with further arguments: in front of those it has, by name in their place."""
        self._only_of_tasks("arguments")
        return replace(self, args=(*args, *self.args), named={**self.named, **named})

    def as_immutable(self) -> Signature:
        """Return it so that it takes nothing of what came before it."""
        return replace(self, immutable=True)

    def on_success(self, *callbacks: Signature) -> Signature:
        """Return it with what is begun with its result, as runs of their own."""
        return replace(self, successes=(*self.successes, *_signatures(callbacks)))

    def on_error(self, *callbacks: Signature) -> Signature:
        """Return it with what is begun when it ends without a result, with a `Problem`, whatever
        the reason is: a failure in it, its time, a revocation. The failure goes on."""
        return replace(self, errors=(*self.errors, *_signatures(callbacks)))

    @property
    def at_home(self) -> Home:
        """The application. Raises MisuseError for an empty group, which has none."""
        if self.home is None:
            raise MisuseError(f"{self!r} has no task, so it belongs to no application")
        return self.home

    @property
    def aio(self) -> CanvasStarter:
        """The starts for an event loop: `await (a.s() | b.s()).aio.start()`."""
        return CanvasStarter(self)

    def start(self, *args: Any) -> blocking.Run[Any] | blocking_tasks.TaskRun[Any]:
        """Start it; it is durable when this returns. `args` are given to the first tasks."""
        portal = self.at_home.portal
        started: Started = block(portal, self.aio.start(*args), "signature.start")
        if isinstance(started, Run):
            return blocking.Run(started, portal)
        return blocking_tasks.TaskRun(started, portal)

    def execute(self, *args: Any) -> Any:
        """Start it and wait for its result. Raises a TaskError or a WorkflowError."""
        return block(self.at_home.portal, self.aio.execute(*args), "signature.execute")

    def _only_of_tasks(self, what: str) -> None:
        if self.kind is not Kind.TASK:
            raise MisuseError(f"a {self.kind} has no {what} of its own: give them to its tasks")


def chain(*steps: Signature | Iterable[Signature]) -> Signature:
    """Return steps one after another, each with the result of the one before it."""
    parts: list[Signature] = []
    for step in _signatures(steps):
        plain = step == Signature(step.home, Kind.CHAIN, parts=step.parts)
        parts += step.parts if plain else (step,)
    if not parts:
        raise MisuseError("a chain has one step or more")
    return parts[0] if len(parts) == 1 else _put_together(Kind.CHAIN, parts)


def group(*members: Signature | Iterable[Signature], fail_fast: bool = False) -> Signature:
    """Return members side by side; the result is the list of theirs, in order.

    The first failure is raised when all have ended; `fail_fast` revokes the others. The result of a
    group without members is an empty list.
    """
    return _put_together(Kind.GROUP, _signatures(members), fail_fast=fail_fast)


def chord(
    header: Signature | Iterable[Signature], body: Signature, *, fail_fast: bool = False
) -> Signature:
    """Return a group and what gets the list of its results. `.on_error(...)` of it is begun
    whichever of them fails, also the body."""
    members = _signatures((header,))
    if isinstance(header, Signature) and header == group(*header.parts):
        members = list(header.parts)
    return _put_together(Kind.CHORD, members, body=_signatures((body,))[0], fail_fast=fail_fast)


def each(member: Signature, *, fail_fast: bool = False) -> Signature:
    """Return a group of as many members as the list that comes in is long; each gets one item."""
    return _put_together(Kind.EACH, _signatures((member,)), fail_fast=fail_fast)


class Signatures:
    """What a task needs of this dialect: see `polyrhythm.sdk.declare.home`."""

    __slots__ = ()

    def one(self, task: Task[Any, Any, Any], args: tuple[Any, ...], named: Any) -> Signature:
        """Return one call of a task: `task.s(...)`."""
        options, plain = task.settings
        return Signature(
            task.home, task=task.definition, args=args, named=named, calls=options, plain=plain
        )

    def batch(self, task: Task[Any, Any, Any], items: Iterable[Any], star: bool) -> Signature:
        """Return the calls of a task for many items, as one durable task."""
        definition, (options, plain) = task.definition, task.settings
        if definition.kind is TaskKind.PROCESS or options.rate or options.concurrency:
            raise MisuseError(
                f"task {task.name!r} has process=True, a rate or a concurrency, which count for"
                f" each call: use each({task.name}.s()) or a group"
            )
        args = (definition.name, [list(item) if star else [item] for item in items])
        return Signature(task.home, task=batch_definition(), args=args, calls=options, plain=plain)

    def chunks(self, task: Task[Any, Any, Any], items: Iterable[Any], size: int) -> Signature:
        """Return a group of batches of at most `size` items, each a list of arguments."""
        if size < 1:
            raise MisuseError(f"a chunk has 1 item or more, not {size}")
        every = list(items)
        parts = [every[first : first + size] for first in range(0, len(every), size)]
        members = [self.batch(task, part, star=True) for part in parts]
        return Signature(task.home, Kind.GROUP, parts=tuple(members))


def _put_together(kind: Kind, parts: list[Signature], **settings: Any) -> Signature:
    body: Signature | None = settings.get("body")
    homes = [one.home for one in [*parts, *([body] if body else [])] if one.home is not None]
    if len({id(home) for home in homes}) > 1:
        raise MisuseError(f"the parts of a {kind} belong to different applications")
    return Signature(homes[0] if homes else None, kind, parts=tuple(parts), **settings)


def _signatures(given: Iterable[Any]) -> list[Signature]:
    """Return signatures that were given one by one or in lists. Raises MisuseError."""
    found: list[Signature] = []
    for one in given:
        if isinstance(one, Signature):
            found.append(one)
        elif isinstance(one, Task):
            raise MisuseError(f"{one!r} is a task: give its signature, {one.name}.s(...)")
        elif isinstance(one, Iterable) and not isinstance(one, str | bytes):
            members = list(one)
            for member in members:
                if not isinstance(member, Signature):
                    raise MisuseError(f"a signature is wanted here, not {_short(member)}")
            found += members
        else:
            raise MisuseError(f"a signature is wanted here, not {_short(one)}")
    return found


def _short(value: Any) -> str:
    return f"{type(value).__name__} {value!r:.80}"


def _timing(timing: Timing, times: Mapping[str, Any]) -> Timing:
    eta, expires = times.get("eta", timing.eta), times.get("expires")
    at, span_s = timing.expires_at, timing.expires_s
    if expires is not None:
        is_time = isinstance(expires, datetime)
        at, span_s = (expires, 0.0) if is_time else (None, parse_span(expires))
    for name, value in (("eta", eta), ("expires", at)):
        if value is not None and (not isinstance(value, datetime) or value.tzinfo is None):
            raise MisuseError(f"{name} is a time with a zone, not {value!r}")
    return Timing(eta, at, span_s)
