"""Retry strategies as values: how long to wait after which attempt, and what is not retried.

A strategy is asked by the worker that saw the failure; it answers with a delay that travels in the
failure itself, so it works on every service. The service keeps only what its own policy can say:
first interval, coefficient, maximum, number of attempts, error types that are final. Durations are
given as "250ms", "1s", "5m", "2h", "3d" or as seconds.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Retry:
    """Exponential back-off with jitter, the default of every task.

    `max_attempts` 0 is without end; `jitter` is the share of a delay that is random, 0.0 to 1.0;
    `final` names error types that end the task at once.
    """

    max_attempts: int = 0
    initial: str | float = "1s"
    backoff: float = 2.0
    maximum: str | float = 0.0
    jitter: float = 0.0
    final: tuple[type[BaseException] | str, ...] = ()
