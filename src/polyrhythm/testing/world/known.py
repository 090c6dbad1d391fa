"""What the callers of a world learnt from answers: runs, points to reset to, updates, activities.

Shared by all of them, as people share what they read in a list; the newest entries are kept.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

ENTRIES_MAX = 40


def _recent() -> deque[tuple[str, ...]]:
    return deque(maxlen=ENTRIES_MAX)


@dataclass(slots=True)
class Known:
    """Runs as (workflow id, run id), points as (workflow id, run id or nothing, event id), updates
    as (workflow id, run id or nothing, update id), activities as (workflow id, run id, activity
    id)."""

    runs: deque[tuple[str, ...]] = field(default_factory=_recent)
    points: deque[tuple[str, ...]] = field(default_factory=_recent)
    activities: deque[tuple[str, ...]] = field(default_factory=_recent)
    updates: deque[tuple[str, ...]] = field(default_factory=_recent)
