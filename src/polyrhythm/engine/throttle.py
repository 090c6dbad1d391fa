"""Rates of one queue: for all of it and for each fairness key, by the generic cell rate algorithm.

A limiter is one number, the time from which the next task may go. A task moves it on by the rate's
interval; a limiter that has been ready for longer than the burst counts as ready for the burst.
Which of the rates that are set counts is the server's rule: the API's before the worker's, and
neither above the system's own. Limiters live in memory: a restart begins with a full burst.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from polyrhythm.base.limits import SECOND_NS

# What counts as no limit at all; what a poller without a limit is shown with.
SYSTEM_RATE = 100_000.0
BURST_NS = SECOND_NS
# A rate so low that its interval has no 63 bits is none: the queue stands still.
RATE_MIN = 1e-9
NEVER_NS = 7 << 60
# Limiters of keys that are as good as new are forgotten when there are more than this.
KEYS_MAX = 10_000


class RateSource(IntEnum):
    """Who set the rate that counts: RateLimitSource of the protocol."""

    API = 1
    WORKER = 2
    SYSTEM = 3


@dataclass(slots=True)
class ThrottleState:
    """The limits of a queue and how far they are used up. Rates are tasks a second, None: not set;
    `key_rates` are of single keys, `key_rate` of every other one, times its weight."""

    api_rate: float | None = None
    worker_rate: float | None = None
    key_rate: float | None = None
    key_rates: dict[str, float] = field(default_factory=dict)
    # Whether anything may have to wait.
    limited: bool = False
    ready_ns: int = 0
    # Only keys that may have to wait.
    keys: dict[str, int] = field(default_factory=dict)

    def rate(self) -> tuple[float, RateSource]:
        """Return the rate of the whole queue that counts, and who set it."""
        if self.api_rate is not None:
            found = (self.api_rate, RateSource.API)
        else:
            found = (SYSTEM_RATE, RateSource.SYSTEM)
            if self.worker_rate is not None:
                found = (self.worker_rate, RateSource.WORKER)
        return found if found[0] < SYSTEM_RATE else (SYSTEM_RATE, RateSource.SYSTEM)

    @property
    def other_ns(self) -> int:
        """Return when a key without a limiter of its own may go."""
        return NEVER_NS if self.key_rate is not None and self.key_rate <= RATE_MIN else 0

    def consume(self, fairness_key: str, weight: float, now_ns: int) -> None:
        """Use up what one task takes."""
        rate = self.rate()[0]
        if rate < SYSTEM_RATE:
            self.ready_ns = _consume(self.ready_ns, rate, now_ns)
        own = self.key_rates.get(fairness_key)
        if own is None and self.key_rate is not None:
            own = self.key_rate * weight
        if own is not None:
            if len(self.keys) >= KEYS_MAX:
                self.keys = {k: at for k, at in self.keys.items() if at + BURST_NS > now_ns}
            self.keys[fairness_key] = _consume(self.keys.get(fairness_key, 0), own, now_ns)

    def changed(self, now_ns: int) -> None:
        """Take up new rates: nobody waits longer than one interval of the new ones."""
        keyed = self.key_rate is not None or bool(self.key_rates)
        self.limited = keyed or self.rate()[0] < SYSTEM_RATE
        if self.rate()[0] == SYSTEM_RATE:
            self.ready_ns = 0
        self.ready_ns = min(self.ready_ns, now_ns + _interval_ns(self.rate()[0]))
        if self.rate()[0] <= RATE_MIN:
            self.ready_ns = NEVER_NS
        for key in [*self.keys, *(k for k, rate in self.key_rates.items() if rate <= RATE_MIN)]:
            own = self.key_rates.get(key, self.key_rate)
            if own is None:
                del self.keys[key]
            elif own <= RATE_MIN:
                self.keys[key] = NEVER_NS
            else:
                self.keys[key] = min(self.keys[key], now_ns + _interval_ns(own))


def _consume(ready_ns: int, rate: float, now_ns: int) -> int:
    if rate <= RATE_MIN:
        return NEVER_NS
    return max(now_ns - BURST_NS, ready_ns) + int(SECOND_NS / rate)


def _interval_ns(rate: float) -> int:
    return NEVER_NS if rate <= RATE_MIN else int(SECOND_NS / rate)
