"""Fresh ids: UUIDs of version 7, whose time order keeps index pages of new runs together.

Random ids doubled the bytes written per workflow in a prototype, since every new row touched
another page. The clock is the caller's; only the random tail comes from the system.
"""

from __future__ import annotations

import os

# Random bytes drawn at a time: a system call an id would cost half of what an id costs.
POOL_BYTES = 4096
TAIL_BYTES = 10


class UuidSource:
    """Makes UUIDv7 strings from the lane's clock, strictly rising by the millisecond."""

    def __init__(self) -> None:
        self._last_ms = 0
        self._now_ms = 0
        self._pool = b""
        self._at = 0

    def tick(self, now_ns: int) -> None:
        """Tell the time of the turn that is about to ask for ids."""
        self._now_ms = now_ns // 1_000_000

    def run_id(self) -> str:
        """Return an id that no run has had."""
        self._last_ms = max(self._now_ms, self._last_ms)
        if self._at + TAIL_BYTES > len(self._pool):
            self._pool, self._at = os.urandom(POOL_BYTES), 0
        tail = self._pool[self._at : self._at + TAIL_BYTES].hex()
        self._at += TAIL_BYTES
        head = f"{self._last_ms & 0xFFFFFFFFFFFF:012x}"
        variant = "89ab"[int(tail[3], 16) & 3]
        return f"{head[:8]}-{head[8:]}-7{tail[:3]}-{variant}{tail[4:7]}-{tail[7:19]}"
