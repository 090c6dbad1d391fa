"""One server process of the world: a claim of the lane, the lane, and its end.

The process owns nothing that survives it: what it knows is gone when it is dropped, and the next
one takes up from the store's tables alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from random import Random

from polyrhythm.base.errors import StoreError, StoreFull
from polyrhythm.base.limits import Limits
from polyrhythm.engine.lane import Lane
from polyrhythm.stores.memory import MemoryStore
from polyrhythm.stores.memory.tables import Tables
from polyrhythm.stores.port import Batch


class SeededIds:
    """Run ids of a world: never the same twice, not even after a crash."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"{seed}/ids")

    def run_id(self) -> str:
        """Return an id that no run has had."""
        text = f"{self._random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class StoreFaults:
    """Makes the next commit fail as planned: "lost", "full", "full once" or "unknown" (written, not
    told)."""

    def __init__(self, written: Callable[[Batch], None]) -> None:
        self.plan = ""
        self._written = written

    def before_commit(self, _batch: Batch) -> None:
        """Fail before anything is written."""
        if self.plan == "lost":
            raise StoreError("simulated: not written")
        if self.plan in ("full", "full once"):
            # Once: the space that a store sets aside is enough for this commit.
            self.plan = "full" if self.plan == "full" else ""
            raise StoreFull("simulated: no space is left")

    def after_commit(self, batch: Batch) -> None:
        """Fail although everything is written."""
        self._written(batch)
        if self.plan == "unknown":
            raise StoreError("simulated: written, not told")


class Complaints:
    """Keeps what the lane logs as errors: its own faults, which it survives."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._log = logging.getLogger("polyrhythm.lane")

    def open(self) -> None:
        """Begin to listen."""
        self._log.addFilter(self._take)

    def close(self) -> None:
        """Stop listening."""
        self._log.removeFilter(self._take)

    def _take(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            self.texts.append(logging.Formatter().format(record))
        return False


class Process:
    """A lane with an owner."""

    def __init__(self, tables: Tables, faults: StoreFaults, ids: SeededIds, limits: Limits) -> None:
        self.store = MemoryStore(faults, tables)
        self._ids = ids
        self._limits = limits
        self.turns_left = 1 << 30

    def start(self, number: int, now_ns: int) -> int:
        """Claim the lane and recover; returns the epoch."""
        owner = self.store.claim_lane(0, f"process-{number}", f"address-{number}")
        self.lane = Lane(self.store, owner, self._ids, self._limits)
        return owner.epoch

    def recover(self, now_ns: int) -> None:
        """Take up what the store holds."""
        self.lane.recover(now_ns)
