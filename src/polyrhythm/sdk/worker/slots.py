"""Places for attempts that the workers of one process share, and how many there are.

A worker at several queues is a worker for each of them over one set of slots, so it never takes
more than it was told to, whichever queue is busy. The number may move between two bounds: up while
every slot is at work and the machine has processor left, down when slots have long been free. What
is past the slots stays with the service, where another worker finds it.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Protocol

LOOK_S = 0.25
# Looks with a free slot before there is one less: work that comes in waves keeps its slots.
PATIENCE = 40
# A quarter more at a time: 8 become 100 in a dozen looks.
GROWTH = 4
# Runnable threads a core past which more of them only wait.
LOAD_MAX = 1.5


class Holder(Protocol):
    """One worker's attempts."""

    @property
    def held(self) -> int:
        """Slots that attempts and polls of it hold."""
        ...

    @property
    def at_work(self) -> int:
        """Slots that attempts of it hold."""
        ...

    def look(self) -> None:
        """Note that there may be room, or none."""
        ...


class Slots:
    """Slots of one process; used on one running loop."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._holders: list[Holder] = []

    @property
    def free(self) -> int:
        """How many nobody holds."""
        return self.limit - sum(holder.held for holder in self._holders)

    @property
    def at_work(self) -> int:
        """How many attempts hold."""
        return sum(holder.at_work for holder in self._holders)

    def join(self, holder: Holder) -> None:
        """Let a worker's attempts take part."""
        self._holders.append(holder)

    def look(self) -> None:
        """Tell every holder that something has changed."""
        for holder in self._holders:
            holder.look()


@dataclass(slots=True)
class Bounds:
    """Between how many slots a worker moves."""

    low: int
    high: int


def next_limit(slots: tuple[int, int], idle: int, load: float, bounds: Bounds) -> tuple[int, int]:
    """Return the next limit and how many looks in a row had a free slot.

    `slots`: the limit now and how many are at work; `load`: runnable threads a core.
    """
    limit, at_work = slots
    if at_work >= limit:
        more = max(1, limit // GROWTH) if load < LOAD_MAX else 0
        return min(bounds.high, limit + more), 0
    if idle + 1 < PATIENCE:
        return limit, idle + 1
    return max(bounds.low, limit - 1), idle + 1


async def scale(slots: Slots, bounds: Bounds) -> None:
    """Move the number of slots between two bounds until cancelled."""
    idle, cores = 0, os.cpu_count() or 1
    while True:
        await asyncio.sleep(LOOK_S)
        load = os.getloadavg()[0] / cores
        limit, idle = next_limit((slots.limit, slots.at_work), idle, load, bounds)
        if limit != slots.limit:
            slots.limit = limit
            slots.look()
