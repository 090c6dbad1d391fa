"""What a seed is made of: which faults there are and how often, and how tight the limits are.

Swarm testing: every seed leaves some kinds of fault out and draws the rates of the others, so that
rare combinations are not hidden by the common ones. Rates are probabilities per opportunity.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from random import Random

from polyrhythm.base.limits import SECOND_NS, Limits


@dataclass(slots=True)
class Rates:
    """Faults of the process and its store (per turn), of the network (per message), of clients
    and workers (per occasion)."""

    crash_before_commit: float = 0.0
    crash_after_commit: float = 0.0
    commit_lost: float = 0.0
    commit_unknown: float = 0.0
    store_full: float = 0.0
    takeover: float = 0.0
    takeover_within_turn: float = 0.0
    restart: float = 0.0
    stall: float = 0.0
    clock_forward: float = 0.0
    clock_back: float = 0.0
    request_lost: float = 0.0
    request_doubled: float = 0.0
    request_slow: float = 0.0
    reply_lost: float = 0.0
    task_doubled: float = 0.0
    poll_cancelled: float = 0.0
    worker_death: float = 0.0
    bad_answer: float = 0.0
    bad_work: float = 0.0


_HIGHEST = {
    "crash_before_commit": 0.08,
    "crash_after_commit": 0.08,
    "commit_lost": 0.08,
    "commit_unknown": 0.08,
    "store_full": 0.08,
    "takeover": 0.03,
    "takeover_within_turn": 0.03,
    "restart": 0.04,
    "stall": 0.02,
    "clock_forward": 0.03,
    "clock_back": 0.05,
    "request_lost": 0.05,
    "request_doubled": 0.08,
    "request_slow": 0.1,
    "reply_lost": 0.08,
    "task_doubled": 0.05,
    "poll_cancelled": 0.06,
    "worker_death": 0.03,
    "bad_answer": 0.4,
    "bad_work": 1.0,
}


# What a seed may leave out of its programs and of what its clients do: children; continue-as-new,
# retries of workflows and cron; updates; resets; what operators do to activities and options;
# batch operations.
NOUNS = ("families", "chains", "updates", "resets", "operations", "batches")
# Nouns that fewer seeds have, so that a seed stays short: attempts that are given back;
# versions of workers; activities without a workflow.
RARER_NOUNS = ("postponing", "versions", "plain activities")


@dataclass(slots=True)
class Profile:
    """One seed's shape."""

    rates: Rates
    limits: Limits
    steps: int
    # How far a step may go beyond the next thing to happen: more then falls into one turn.
    stride_ms: int
    workflow_ids: int
    clients: int
    worker_pairs: int
    queues: int
    nouns: frozenset[str]


def draw_profile(seed: int, random: Random) -> Profile:
    """Draw a seed's shape."""
    apart = Random(f"{seed}/nouns")
    rates = Rates()
    for each in fields(Rates):
        if random.random() < 0.6:
            setattr(rates, each.name, _HIGHEST[each.name] * random.random())
    limits = _draw_limits(random)
    rarer = frozenset(noun for noun in RARER_NOUNS if apart.random() < 0.35)
    if "versions" in rarer:
        # Workers of every version wait once the world heals.
        limits.waiters_max = 1000
    return Profile(
        rates=rates,
        limits=limits,
        steps=random.choice((300, 500, 800)),
        stride_ms=random.choice((0, 20, 120)),
        workflow_ids=random.randint(2, 7),
        clients=random.randint(1, 4),
        worker_pairs=random.randint(1, 3),
        queues=random.randint(1, 2),
        nouns=rarer.union(noun for noun in NOUNS if random.random() < 0.65),
    )


def _draw_limits(random: Random) -> Limits:
    limits = Limits()
    limits.blob_bytes_max = 4096
    limits.cached_runs_max = random.choice((1, 2, 4, 1000))
    limits.cached_history_bytes_max = random.choice((1, 700, 3000, 64 * 1024))
    limits.offers_in_memory_max = random.choice((1, 2, 4, 1000))
    # Not a draw of its own: that would change what every seed does.
    limits.lines_in_memory_max = limits.offers_in_memory_max
    limits.timers_in_memory_max = random.choice((1, 2, 4, 1000))
    limits.snapshot_rows = random.choice((1, 2, 5, 256))
    limits.inbox_max = random.choice((3, 8, 1000, 1000))
    limits.waiters_max = random.choice((6, 20, 1000, 1000))
    limits.turn_items_max = random.choice((1, 3, 512, 512))
    limits.buffered_queries_max = random.choice((1, 1, 4))
    limits.updates_in_flight_max = random.choice((2, 10, 10))
    limits.updates_max = random.choice((4, 2000, 2000))
    limits.signals_max = random.choice((4, 10_000, 10_000))
    limits.batches_open_max = random.choice((1, 3))
    limits.batch_step_runs = random.choice((1, 2, 50))
    limits.batch_step_rows = random.choice((1, 5, 20_000))
    limits.sticky_unavailable_ns = random.choice((SECOND_NS, 10 * SECOND_NS))
    limits.task_poll_ns = random.choice((10 * SECOND_NS, 60 * SECOND_NS))
    return limits
