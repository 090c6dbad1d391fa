"""A retry policy as a message: its defaults, what is wrong with it, what it says about a failure.

Source: common/retrypolicy of the server and `RetryActivity` of its mutable state. Activities use
it now, workflow retries use the same policy.
"""

from __future__ import annotations

from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.enums.v1 import RetryState, TimeoutType
from temporalio.api.failure.v1 import Failure

from polyrhythm.base.limits import Limits
from polyrhythm.base.retry import RetryTerms, Verdict, fill_terms, next_retry
from polyrhythm.core.decide.failures import TIMEOUT_NAMES, is_retryable
from polyrhythm.core.durations import set_span, span_ns, span_problem

_TIMEOUT_PREFIX = "TemporalTimeout:"
_TIMEOUTS = frozenset(
    {*TIMEOUT_NAMES.values()} | {name for name, number in TimeoutType.items() if number}
)

_STATES = {
    Verdict.AGAIN: RetryState.RETRY_STATE_IN_PROGRESS,
    Verdict.ATTEMPTS_USED_UP: RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED,
    Verdict.TOO_LATE: RetryState.RETRY_STATE_TIMEOUT,
}


def terms_of(policy: RetryPolicy) -> RetryTerms:
    """Return the numbers of a policy."""
    return RetryTerms(
        span_ns(policy.initial_interval),
        policy.backoff_coefficient,
        span_ns(policy.maximum_interval),
        policy.maximum_attempts,
    )


def fill_policy(policy: RetryPolicy, limits: Limits) -> None:
    """Write the server's defaults into what the policy leaves open."""
    terms = fill_terms(terms_of(policy), limits)
    set_span(policy.initial_interval, terms.initial_ns)
    set_span(policy.maximum_interval, terms.maximum_ns)
    policy.backoff_coefficient = terms.coefficient


def write_default_policy(policy: RetryPolicy, limits: Limits) -> None:
    """Fill an empty policy: what `fill_policy` would write, and always sound."""
    initial_ns = limits.retry_initial_ns
    set_span(policy.initial_interval, initial_ns)
    set_span(policy.maximum_interval, int(limits.retry_max_intervals) * initial_ns)
    policy.backoff_coefficient = limits.retry_coefficient


def policy_problem(policy: RetryPolicy, limits: Limits) -> str:
    """Return why the server refuses the (filled) policy, or nothing; cuts its intervals."""
    if policy.maximum_attempts == 1:
        # One attempt is no retry: the rest does not matter.
        return ""
    problem = span_problem(policy.initial_interval)
    if problem:
        return f"invalid InitialInterval set on retry policy: {problem}"
    _cut_span(policy, "initial_interval", limits)
    if policy.backoff_coefficient < 1:
        return "BackoffCoefficient cannot be less than 1 on retry policy."
    problem = span_problem(policy.maximum_interval)
    if problem:
        return f"invalid MaximumInterval set on retry policy: {problem}"
    _cut_span(policy, "maximum_interval", limits)
    if 0 < span_ns(policy.maximum_interval) < span_ns(policy.initial_interval):
        return "MaximumInterval cannot be less than InitialInterval on retry policy."
    if policy.maximum_attempts < 0:
        return "MaximumAttempts cannot be negative on retry policy."
    return _types_problem(policy)


def decide_retry(
    policy: RetryPolicy,
    failure: Failure | None,
    attempt: int,
    now_ns: int,
    expires_ns: int,
    delay_capped: bool = False,
) -> tuple[RetryState.ValueType, int]:
    """Return what becomes of a failed attempt and, if it is tried again, the wait in nanoseconds.

    `failure` None is a worker that gave no reason, which may be retried. A delay that the failure
    asks for replaces the policy's interval; `delay_capped`: not its maximum.
    """
    terms = terms_of(policy)
    delay_ns = None
    if failure is not None:
        if not is_retryable(failure, policy.non_retryable_error_types):
            return RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE, 0
        info = failure.application_failure_info
        if info.HasField("next_retry_delay"):
            delay_ns = span_ns(info.next_retry_delay)
            if delay_capped:
                terms.initial_ns, terms.coefficient, delay_ns = delay_ns, 1.0, None
    verdict, interval = next_retry(terms, attempt, now_ns, expires_ns, delay_ns)
    return _STATES[verdict], interval


def _cut_span(policy: RetryPolicy, field: str, limits: Limits) -> None:
    duration = getattr(policy, field)
    if span_ns(duration) > limits.duration_ns_max:
        set_span(duration, limits.duration_ns_max)


def _types_problem(policy: RetryPolicy) -> str:
    for name in policy.non_retryable_error_types:
        if name.startswith(_TIMEOUT_PREFIX):
            kind = name.removeprefix(_TIMEOUT_PREFIX)
            if kind not in _TIMEOUTS:
                return f"Invalid timeout type value: {kind}."
    return ""
