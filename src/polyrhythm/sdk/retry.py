"""Retry strategies as values: how long to wait after which attempt, and what is not retried.

A strategy is asked by the worker that saw the failure; it answers with a delay that travels in the
failure itself, so it works on every service. The service keeps only what its own policy can say
(`to_policy`), which is also what applies when no worker is left to ask: after a timeout or a crash.
Durations are given as "250ms", "1s", "5m", "2h", "3d" or as seconds; 0 is unset.

    Retry(max_attempts=5, initial="1s", backoff=2.0, maximum="1m", jitter=0.2)
    ByError({TimeoutError: Fixed("5s"), CardDeclined: None}, Retry())
    TokenBucket("payments-api", rate="100/m", burst=10, inner=Retry())
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import RetryPolicy

from polyrhythm.base.durations import Span, parse_rate, parse_span
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.sdk.errors import ApplicationError, MisuseError
from polyrhythm.sdk.link import Traits

ErrorType = type[BaseException] | str
NANOS = 1_000_000_000
# How often the default of the service doubles its delay before it stays: 100 times the first.
MAXIMUM_DEFAULT = 100.0
# What the ratio of two Fibonacci numbers tends to; the policy of a service knows a factor only.
GOLDEN = 1.618


@dataclass(slots=True)
class Retry:
    """Exponential back-off with jitter, the default of every task.

    `max_attempts` 0 is without end; `maximum` 0 is a hundred times `initial`; `jitter` is the share
    of a delay that is random, 0.0 to 1.0; `final` names error types that end the task at once.
    """

    max_attempts: int = 0
    initial: Span = "1s"
    backoff: float = 2.0
    maximum: Span = 0.0
    jitter: float = 0.0
    final: tuple[ErrorType, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no service would take. Raises InvalidArgument."""
        _check(self.max_attempts, self.jitter, parse_span(self.initial))
        if self.backoff < 1:
            raise InvalidArgument(f"backoff is a factor of at least 1, not {self.backoff}")
        if 0 < parse_span(self.maximum) < parse_span(self.initial):
            raise InvalidArgument(f"maximum {self.maximum!r} lies below initial {self.initial!r}")


# The same under the name that the other strategies have it beside.
Exponential = Retry


@dataclass(slots=True)
class Fixed:
    """The same delay after every attempt."""

    interval: Span
    max_attempts: int = 0
    jitter: float = 0.0
    final: tuple[ErrorType, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no service would take. Raises InvalidArgument."""
        _check(self.max_attempts, self.jitter, parse_span(self.interval))


@dataclass(slots=True)
class Fibonacci:
    """Delays that grow as 1, 1, 2, 3, 5, 8 times `unit`, up to `maximum`."""

    unit: Span = "1s"
    maximum: Span = 0.0
    max_attempts: int = 0
    jitter: float = 0.0
    final: tuple[ErrorType, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no service would take. Raises InvalidArgument."""
        _check(self.max_attempts, self.jitter, parse_span(self.unit))
        if 0 < parse_span(self.maximum) < parse_span(self.unit):
            raise InvalidArgument(f"maximum {self.maximum!r} lies below unit {self.unit!r}")


@dataclass(slots=True)
class ByError:
    """Another strategy for each type of error, the first that fits; None ends the task at once.

    Types are classes, subclasses included, or names as other SDKs send them.
    """

    strategies: Mapping[ErrorType, Strategy | None]
    otherwise: Strategy | None = field(default_factory=Retry)


@dataclass(slots=True)
class TokenBucket:
    """Retries share a bucket of tokens with all workers that name the same key.

    A retry takes a token, and waits for one when there is none: after an outage the callers come
    back at `rate`, not all at once. `inner` says the least delay. Needs a service with permits.
    """

    key: str
    rate: str
    burst: int = 1
    inner: Strategy = field(default_factory=Retry)

    def __post_init__(self) -> None:
        """Refuse a bucket that never fills. Raises InvalidArgument."""
        parse_rate(self.rate)
        if not self.key or self.burst < 1:
            raise InvalidArgument("a token bucket has a key, and room for one token at least")


Strategy = Retry | Fixed | Fibonacci | ByError | TokenBucket


@dataclass(slots=True)
class Bucket:
    """The token that a retry needs before it is made: whose, how fast they grow, how many at most.

    `rate_per_s` tokens come back every second.
    """

    key: str
    rate_per_s: float
    burst: int


def next_delay_s(
    strategy: Strategy, attempt: int, error: BaseException, random: Callable[[], float]
) -> float | None:
    """Return the wait after an attempt (from 1) that raised `error`; None if it was the last one.

    `random` returns numbers in [0, 1). Permanent and RetryAfter say it themselves.
    """
    plain = plain_for(strategy, error)
    if plain is None or has_no_attempt(plain, error) or 0 < plain.max_attempts <= attempt:
        return None
    if isinstance(error, ApplicationError) and error.delay_s is not None:
        return error.delay_s
    delay_s = _delay_s(plain, attempt)
    return delay_s * (1 - plain.jitter * random()) if plain.jitter else delay_s


def plain_for(strategy: Strategy | None, error: BaseException) -> Retry | Fixed | Fibonacci | None:
    """Return the strategy that applies to an error, without its wrappings; None if none does."""
    while strategy is not None:
        if isinstance(strategy, TokenBucket):
            strategy = strategy.inner
        elif isinstance(strategy, ByError):
            strategy = _member(strategy, error)
        else:
            return strategy
    return None


def bucket_for(strategy: Strategy | None, error: BaseException) -> Bucket | None:
    """Return the bucket that a retry after this error takes a token from."""
    while strategy is not None:
        if isinstance(strategy, TokenBucket):
            rate = parse_rate(strategy.rate)
            return Bucket(strategy.key, rate.count / rate.per_s, strategy.burst)
        if not isinstance(strategy, ByError):
            return None
        strategy = _member(strategy, error)
    return None


def check_traits(strategy: Strategy | None, traits: Traits, task: str) -> None:
    """Refuse a strategy that needs more than the service has. Raises MisuseError."""
    if not traits.permits and needs_permits(strategy):
        raise MisuseError(
            f"task {task!r} retries by a token bucket, which {traits.name} cannot share between "
            "workers: use Retry, Fixed or Fibonacci, or a service with permits"
        )


def has_no_attempt(strategy: Strategy, error: BaseException) -> bool:
    """True for an error that no attempt may follow, whatever their number."""
    plain = plain_for(strategy, error)
    if plain is None or (isinstance(error, ApplicationError) and not error.retryable):
        return True
    return any(_is_kind(error, kind) for kind in plain.final)


def to_policy(strategy: Strategy | None) -> RetryPolicy:
    """Return what a service's own policy can say of a strategy; None is the service's default.

    Where the policy is coarser, the worker's answer is the finer one; it never ends a task that the
    strategy goes on with.
    """
    policy = RetryPolicy()
    while isinstance(strategy, TokenBucket):
        strategy = strategy.inner
    match strategy:
        case Retry():
            policy.backoff_coefficient = strategy.backoff
            _set_span(policy.initial_interval, strategy.initial)
            _set_span(policy.maximum_interval, strategy.maximum)
        case Fixed():
            policy.backoff_coefficient = 1.0
            _set_span(policy.initial_interval, strategy.interval)
            _set_span(policy.maximum_interval, strategy.interval)
        case Fibonacci():
            policy.backoff_coefficient = GOLDEN
            _set_span(policy.initial_interval, strategy.unit)
            _set_span(policy.maximum_interval, strategy.maximum)
        case ByError():
            return _policy_of_members(strategy)
        case None:
            return policy
    policy.maximum_attempts = strategy.max_attempts
    policy.non_retryable_error_types.extend(_name(kind) for kind in strategy.final)
    return policy


def _policy_of_members(strategy: ByError) -> RetryPolicy:
    policy = to_policy(strategy.otherwise)
    members = [to_policy(member) for member in strategy.strategies.values() if member is not None]
    if strategy.otherwise is None and members:
        policy.CopyFrom(members[0])
    # The service counts attempts without knowing errors: it stops at the most patient member.
    counts = [p.maximum_attempts for p in ([policy, *members] if strategy.otherwise else members)]
    policy.maximum_attempts = 0 if not counts or 0 in counts else max(counts)
    del policy.non_retryable_error_types[:]
    policy.non_retryable_error_types.extend(
        _name(kind) for kind, member in strategy.strategies.items() if member is None
    )
    if strategy.otherwise is None and not members:
        policy.maximum_attempts = 1
    return policy


def _member(strategy: ByError, error: BaseException) -> Strategy | None:
    for kind, member in strategy.strategies.items():
        if _is_kind(error, kind):
            return member
    return strategy.otherwise


def _is_kind(error: BaseException, kind: ErrorType) -> bool:
    if isinstance(kind, str):
        if isinstance(error, ApplicationError):
            return error.type == kind
        return any(base.__name__ == kind for base in type(error).__mro__)
    return isinstance(error, kind)


def _name(kind: ErrorType) -> str:
    return kind if isinstance(kind, str) else kind.__name__


def needs_permits(strategy: Strategy | None) -> bool:
    """True when a token bucket is part of it."""
    if isinstance(strategy, ByError):
        return any(map(needs_permits, [*strategy.strategies.values(), strategy.otherwise]))
    return isinstance(strategy, TokenBucket)


def _delay_s(strategy: Retry | Fixed | Fibonacci, attempt: int) -> float:
    if isinstance(strategy, Fixed):
        return parse_span(strategy.interval)
    if isinstance(strategy, Fibonacci):
        first_s, factor = parse_span(strategy.unit), _fibonacci(attempt)
    else:
        first_s, factor = parse_span(strategy.initial), _power(strategy.backoff, attempt - 1)
    return min(first_s * factor, parse_span(strategy.maximum) or first_s * MAXIMUM_DEFAULT)


def _power(backoff: float, exponent: int) -> float:
    try:
        return float(backoff**exponent)
    except OverflowError:
        return math.inf


def _fibonacci(number: int) -> float:
    before, now = 0, 1
    for _ in range(min(number, 100) - 1):
        before, now = now, before + now
    return float(now)


def _check(max_attempts: int, jitter: float, first_s: float) -> None:
    if max_attempts < 0:
        raise InvalidArgument(f"max_attempts is 0, for no end, or more; not {max_attempts}")
    if not 0 <= jitter <= 1:
        raise InvalidArgument(f"jitter is the share of a delay that is random, not {jitter}")
    if first_s <= 0:
        raise InvalidArgument("the first delay of a retry is more than zero")


def _set_span(duration: Duration, span: Span) -> None:
    nanos = round(parse_span(span) * NANOS)
    if nanos:
        duration.seconds, duration.nanos = divmod(nanos, NANOS)
