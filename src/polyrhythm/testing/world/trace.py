"""The trace of a world: one line an occurrence, hashed as a whole, the last ones kept.

Two worlds of one seed must leave the same hash, whatever PYTHONHASHSEED is and on every machine:
lines hold virtual time and values of the seed only.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque

LINES_KEPT = 80


class Trace:
    """Collects what happens; `verbose` also prints it."""

    def __init__(self, verbose: bool = False) -> None:
        self.verbose = verbose
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)
        self.counts: Counter[str] = Counter()
        self._hash = hashlib.blake2b(digest_size=16)

    def line(self, text: str) -> None:
        """Take in a line."""
        self._hash.update(text.encode())
        self.lines.append(text)
        if self.verbose:
            print(text)

    def data(self, data: bytes) -> None:
        """Take in bytes that are too many to show."""
        self._hash.update(data)

    def count(self, kind: str, by: int = 1) -> None:
        """Count an occurrence, for the evidence."""
        self.counts[kind] += by

    def digest(self) -> str:
        """Return the hash so far."""
        return self._hash.hexdigest()
