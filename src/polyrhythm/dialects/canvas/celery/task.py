"""A task as Celery modules hold it: called plainly, `.delay`, `.apply_async`, `.s`, `self.retry`.

Beneath is a plain durable task. Its function's own exceptions end it unless they are retried by
`self.retry` or `autoretry_for`; an attempt whose worker died is made again by itself.
"""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_type_hints

from polyrhythm.dialects.canvas.celery.errors import (
    Ignore,
    MaxRetriesExceededError,
    Retry,
    travelling,
)
from polyrhythm.dialects.canvas.celery.request import (
    REQUEST,
    Request,
    report_state,
    request_of_attempt,
)
from polyrhythm.dialects.canvas.softly import soft_limit
from polyrhythm.sdk.declare.task import Task
from polyrhythm.sdk.definitions import Signature, TaskDefinition, TaskKind, TaskOptions
from polyrhythm.sdk.errors import FailureError, MisuseError, RetryAfter
from polyrhythm.sdk.retry import Retry as RetryStrategy

if TYPE_CHECKING:
    from polyrhythm.dialects.canvas.celery.front import CeleryFront
    from polyrhythm.dialects.canvas.celery.results import AsyncResult, EagerResult
    from polyrhythm.dialects.canvas.celery.signature import CelerySignature

RETRIES_MAX, RETRY_S = 3, 180.0
BACKOFF_S_MAX = 600.0
# Services take a delay of nothing for no retry at all.
DELAY_S_MIN = 0.001
# Attempts that end with their worker, or at their hard limit, are made again this often.
REDELIVERIES_MAX = 3
OTHERS = inspect.Parameter.VAR_KEYWORD


@dataclass(slots=True)
class TaskPlan:
    """What `@app.task(...)` was told. Seconds; `max_retries` None is without end."""

    name: str
    bind: bool = False
    max_retries: int | None = RETRIES_MAX
    default_retry_delay: float = RETRY_S
    autoretry_for: tuple[type[BaseException], ...] = ()
    dont_autoretry_for: tuple[type[BaseException], ...] = ()
    retry_kwargs: dict[str, Any] = field(default_factory=dict)
    retry_backoff: bool | float = False
    retry_backoff_max: float = BACKOFF_S_MAX
    retry_jitter: bool = True
    soft_time_limit: float = 0.0
    time_limit: float = 0.0
    rate_limit: str = ""
    priority: int | None = None
    queue: str = ""


class CeleryTask:
    """One task of a Celery module; `self` of those with `bind=True`."""

    def __init__(self, front: CeleryFront, function: Callable[..., Any], plan: TaskPlan) -> None:
        if asyncio.iscoroutinefunction(function):
            raise MisuseError(f"task {plan.name!r} is a coroutine: declare it by App.task")
        self.app = front
        self.plan = plan
        self.run = function
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        self.__wrapped__ = function
        self.parameters = _parameters(function, plan)
        options = TaskOptions(
            retry=RetryStrategy(max_attempts=self._attempts_max(), initial="1s"),
            timeout_s=plan.time_limit,
            queue=plan.queue,
            rate=plan.rate_limit,
        )
        definition = TaskDefinition(
            plan.name, self.perform, TaskKind.THREAD, self.parameters.signature, options
        )
        self.task: Task[..., Any, Any] = Task(definition, home=front.app)

    def __repr__(self) -> str:
        """The name."""
        return f"<@task: {self.name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function, here and now."""
        return self.run(self, *args, **kwargs) if self.plan.bind else self.run(*args, **kwargs)

    @property
    def name(self) -> str:
        """The name of the task."""
        return self.plan.name

    @property
    def max_retries(self) -> int | None:
        """How often `retry` may be called."""
        return self.plan.max_retries

    @property
    def request(self) -> Request:
        """The call that is being worked on; an empty one outside of it."""
        return REQUEST.get() or Request(task=self.name)

    def s(self, *args: Any, **kwargs: Any) -> CelerySignature:
        """Return a signature."""
        return self.app.signature(self, args, kwargs)

    def si(self, *args: Any, **kwargs: Any) -> CelerySignature:
        """Return a signature that takes nothing of what comes before it."""
        return self.s(*args, **kwargs).set(immutable=True)

    def signature(
        self, args: Any = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> CelerySignature:
        """Return a signature, with options of `apply_async`."""
        return self.s(*args, **dict(kwargs or {})).set(**options)

    subtask = signature

    def map(self, items: Any) -> CelerySignature:
        """Return one task that calls this one for every item."""
        return self.app.wrap(self.task.map(items))

    def starmap(self, items: Any) -> CelerySignature:
        """Return the same for items that are lists of arguments."""
        return self.app.wrap(self.task.starmap(items))

    def chunks(self, items: Any, size: int) -> CelerySignature:
        """Return a group of such tasks."""
        return self.app.wrap(self.task.chunks(items, size))

    def delay(self, *args: Any, **kwargs: Any) -> AsyncResult | EagerResult:
        """Send the task; it is durable when this returns."""
        return self.s(*args, **kwargs).apply_async()

    def apply_async(
        self, args: Any = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> AsyncResult | EagerResult:
        """Send the task with options: countdown, eta, expires, queue, priority, link ..."""
        return self.s(*(args or ()), **dict(kwargs or {})).apply_async(**options)

    def eagerly(self, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> EagerResult:
        """Run the task here and now, with its retries, and return its result."""
        return self.app.run_eagerly(self.s(*(args or ()), **dict(kwargs or {})))

    # Celery's name for it.
    apply = eagerly

    def update_state(self, task_id: str = "", state: str = "", meta: Any = None) -> None:
        """Report a state of your own, as `PROGRESS`, and what belongs to it."""
        report_state(state, meta)

    def retry(
        self, args: Any = None, kwargs: Any = None, exc: BaseException | None = None, **how: Any
    ) -> Retry:
        """Raise what has the task tried again after `countdown` seconds, or at `eta`.

        Raises `exc`, or MaxRetriesExceededError, when it was tried `max_retries` times.
        """
        if args is not None or kwargs is not None:
            raise MisuseError("a retry here has the arguments of the first try: send a new task")
        most = how.get("max_retries", self.plan.max_retries)
        request = self.request
        if most is not None and request.retries >= most:
            if exc is not None:
                raise exc
            raise MaxRetriesExceededError(f"{self.name} was tried {request.retries + 1} times")
        delay_s = how.get("countdown")
        if delay_s is None and how.get("eta") is not None:
            delay_s = (how["eta"] - datetime.now(UTC)).total_seconds()
        if delay_s is None:
            delay_s = self.plan.default_retry_delay
        again = Retry(f"tried again in {delay_s} s: {exc!r}", max(DELAY_S_MIN, float(delay_s)), exc)
        if how.get("throw", True):
            raise again from exc
        return again

    def perform(self, *values: Any) -> Any:
        """Run one attempt in a worker."""
        args, kwargs = self.parameters.split(values)
        token = REQUEST.set(request_of_attempt(args, kwargs))
        try:
            return self.attempt(args, kwargs)
        except Retry as again:
            raise RetryAfter(again.delay_s, str(again), type="Retry") from again.exc
        except FailureError:
            raise
        except Exception as error:
            raise travelling(error) from error
        finally:
            REQUEST.reset(token)

    def attempt(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the function within its limits; what may be tried again is raised as Retry."""
        plan = self.plan
        never: tuple[type[BaseException], ...] = (Retry, *plan.dont_autoretry_for)
        try:
            with soft_limit(plan.soft_time_limit):
                return self(*args, **kwargs)
        except Ignore:
            return None
        except never:
            raise
        except plan.autoretry_for as error:
            how = dict(plan.retry_kwargs)
            if plan.retry_backoff:
                how.setdefault("countdown", self._backoff_s())
            return self.retry(exc=error, **how)

    def _backoff_s(self) -> float:
        plan = self.plan
        first_s = 1.0 if plan.retry_backoff is True else float(plan.retry_backoff)
        full_s = min(plan.retry_backoff_max, first_s * 2.0 ** min(self.request.retries, 32))
        return random.uniform(0.0, full_s) if plan.retry_jitter else full_s

    def _attempts_max(self) -> int:
        plan = self.plan
        most = plan.retry_kwargs.get("max_retries", plan.max_retries)
        return 0 if most is None or plan.max_retries is None else most + 1 + REDELIVERIES_MAX


@dataclass(slots=True)
class Parameters:
    """A function's parameters as they travel, by position, and how they come back."""

    signature: Signature
    named: tuple[str, ...]
    others: bool

    def join(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return named arguments, with those that have no parameter in one."""
        known = {name: value for name, value in kwargs.items() if name in self.signature.names}
        if self.others and len(known) < len(kwargs):
            known["kwargs"] = {k: v for k, v in kwargs.items() if k not in known}
        return known if self.others else kwargs

    def split(self, values: tuple[Any, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of a call."""
        first_named = len(self.signature.names) - len(self.named) - self.others
        kwargs = dict(zip(self.named, values[first_named:], strict=False))
        if self.others and len(values) == len(self.signature.names):
            kwargs.update(values[-1])
        return values[:first_named], kwargs


def _parameters(function: Callable[..., Any], plan: TaskPlan) -> Parameters:
    """Return the parameters of a function. Raises MisuseError for `*args`."""
    given = list(inspect.signature(function).parameters.values())[1 if plan.bind else 0 :]
    if any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in given):
        raise MisuseError(f"task {plan.name!r} takes *args, which have no names: take a list")
    keyword = inspect.Parameter.KEYWORD_ONLY
    missing = inspect.Parameter.empty
    plain = [one for one in given if one.kind is not OTHERS]
    late = [one for one in plain if one.kind is keyword]
    if any(one.default is missing for one in late) and any(
        one.default is not missing for one in plain
    ):
        raise MisuseError(f"task {plan.name!r}: a keyword without a default stands behind one with")

    hints = _hints(function)
    types = tuple(hints.get(one.name, Any) for one in plain)
    defaults = tuple(one.default for one in plain if one.default is not missing)
    names = tuple(one.name for one in plain)
    others = len(plain) < len(given)
    if others:
        names, types, defaults = (*names, "kwargs"), (*types, dict[str, Any]), (*defaults, {})
    result = hints.get("return", Any)
    if result is type(None):
        result = Any
    found = Signature(names, types, defaults, result=result)
    return Parameters(found, tuple(one.name for one in late), others)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function; none where one cannot be resolved: Celery needs none."""
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError):
        return {}
