"""Names of what we keep beside the keys of the Go peers, who never look at them.

All of them share the slot of the key that they belong to, so that a cluster moves messages between
them in one piece.
"""

from __future__ import annotations

from dataclasses import dataclass

OWN = "polyrhythm"


@dataclass(slots=True)
class Keys:
    """The keys of one worker at one queue."""

    queue: str
    delayed: str
    worker: str

    @property
    def workers(self) -> str:
        """When each worker was last heard of, a sorted set by seconds since 1970."""
        return f"{slot(self.queue)}:{OWN}:workers"

    @property
    def dead(self) -> str:
        """Dead messages, a list of records."""
        return f"{slot(self.queue)}:{OWN}:dead"

    def in_hand(self, worker: str = "") -> str:
        """What a worker has taken and not settled, a list."""
        return f"{slot(self.queue)}:{OWN}:in-hand:{worker or self.worker}"

    def due(self, worker: str = "") -> str:
        """Delayed messages that a worker is moving to their queues, a list."""
        return f"{slot(self.delayed)}:{OWN}:due:{worker or self.worker}"


def slot(key: str) -> str:
    """Return a prefix that a cluster puts where a key is."""
    start = key.find("{")
    end = key.find("}", start + 1)
    return key[start : end + 1] if 0 <= start < end - 1 else f"{{{key}}}"
