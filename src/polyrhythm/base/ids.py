"""Fresh ids: UUIDs of version 7, whose time order keeps index pages of new runs together.

Random ids doubled the bytes written per workflow in a prototype, since every new row touched
another page. The clock is the caller's; only the random tail comes from the system.
"""

from __future__ import annotations

import os

# Random bytes drawn at a time: a system call an id would cost half of what an id costs.
POOL_BYTES = 4096
# Hexadecimal digits an id takes from the pool: twelve bits, the variant's two, and sixty more.
TAIL_DIGITS = 19
# The variant says 10 in its first two bits; a random digit gives the other two.
VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


class UuidSource:
    """Makes UUIDv7 strings from the lane's clock, strictly rising by the millisecond."""

    def __init__(self) -> None:
        self._last_ms = 0
        self._head = "00000000-0000-7"
        self._pool = ""
        self._at = 0

    def tick(self, now_ns: int) -> None:
        """Tell the time of the turn that is about to ask for ids."""
        now_ms = now_ns // 1_000_000
        if now_ms > self._last_ms:
            self._last_ms = now_ms
            head = f"{now_ms & 0xFFFFFFFFFFFF:012x}"
            self._head = f"{head[:8]}-{head[8:]}-7"

    def run_id(self) -> str:
        """Return an id that no run has had."""
        at, end = self._at, self._at + TAIL_DIGITS
        if end > len(self._pool):
            self._pool = os.urandom(POOL_BYTES).hex()
            at, end = 0, TAIL_DIGITS
        tail = self._pool[at:end]
        self._at = end
        return f"{self._head}{tail[:3]}-{VARIANTS[tail[3]]}{tail[4:7]}-{tail[7:]}"
