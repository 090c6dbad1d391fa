"""Retry maths on plain numbers: when the next attempt is due, or why there is none.

Owns the interval (initial, times a coefficient per attempt, capped), the two reasons that need
only numbers (attempts used up, deadline too near) and the defaults of a policy. Whether a failure
may be retried at all is the caller's question. Durations and times are nanoseconds as integers;
results never leave 63 bits, as on the server, whose arithmetic saturates.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from polyrhythm.base.limits import Limits

_INT63_MAX = 2**63 - 1


class Verdict(Enum):
    """What the numbers say about another attempt."""

    AGAIN = 1
    ATTEMPTS_USED_UP = 2
    TOO_LATE = 3


@dataclass(slots=True)
class RetryTerms:
    """The numbers of a retry policy; 0 is unset, `attempts_max` 0 is without end."""

    initial_ns: int = 0
    coefficient: float = 0.0
    maximum_ns: int = 0
    attempts_max: int = 0


def fill_terms(terms: RetryTerms, limits: Limits) -> RetryTerms:
    """Return the terms with the defaults for what is unset.

    The default maximum is a multiple of the initial interval, cut to the longest duration.
    """
    initial_ns = terms.initial_ns or limits.retry_initial_ns
    maximum_ns = terms.maximum_ns or min(
        int(limits.retry_max_intervals) * initial_ns, limits.duration_ns_max
    )
    coefficient = terms.coefficient or limits.retry_coefficient
    return RetryTerms(initial_ns, coefficient, maximum_ns, terms.attempts_max)


def exponential_ns(initial_ns: int, coefficient: float, attempt: int) -> int:
    """Return the uncapped interval after an attempt (from 1): 0 to 2**63 - 1 nanoseconds."""
    try:
        interval = initial_ns * coefficient ** (max(attempt, 1) - 1)
    except OverflowError:
        return _INT63_MAX
    if interval >= _INT63_MAX:
        return _INT63_MAX
    # NaN fails every comparison and counts as nothing: the maximum interval takes over.
    return int(interval) if interval > 0 else 0


def next_interval_ns(terms: RetryTerms, attempt: int, delay_ns: int | None = None) -> int:
    """Return the wait after an attempt; 0 means that there is no usable interval.

    `delay_ns` is what the failure itself asks for: it replaces the interval and its maximum, may
    be negative (due at once), and is cut to 63 bits.
    """
    if delay_ns is not None:
        return max(-_INT63_MAX, min(delay_ns, _INT63_MAX))
    interval = exponential_ns(terms.initial_ns, terms.coefficient, attempt)
    if terms.maximum_ns and not 0 < interval <= terms.maximum_ns:
        return terms.maximum_ns
    return interval


def next_retry(
    terms: RetryTerms, attempt: int, now_ns: int, expires_ns: int, delay_ns: int | None = None
) -> tuple[Verdict, int]:
    """Return whether there is an attempt after `attempt` (from 1), and the wait before it.

    `expires_ns` 0 is never. An attempt due exactly at the expiry is still made.
    """
    if 0 < terms.attempts_max <= attempt:
        return Verdict.ATTEMPTS_USED_UP, 0
    interval = next_interval_ns(terms, attempt, delay_ns)
    if interval == 0 or (expires_ns and now_ns + interval > expires_ns):
        return Verdict.TOO_LATE, 0
    return Verdict.AGAIN, interval
