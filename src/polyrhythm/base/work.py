"""What waits for workers, as rows tell it: lines of queues, each with its oldest offer and a count.

Offers of a queue stand in lines by priority and fairness key. A row says of one run in which lines
it has offers, as one text; stores keep an index of all of them. No order among lines is known here:
who is next is decided in memory.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from operator import attrgetter

from polyrhythm.base.errors import DataLoss

# Texts that are kept, at about 0.5 kB each.
TEXTS_KEPT = 4096
LINE_VALUES = attrgetter("kind", "queue", "priority", "fairness_key", "since_ns", "count")

# The server's levels; a larger key counts as the last.
PRIORITY_DEFAULT = 3
PRIORITY_LAST = 5


class WorkKind(IntEnum):
    """What a run has to hand out to workers. UNSORTED: what it has stands in its log alone, since
    its row was written by a release that kept no lines; whoever loads it writes the row anew."""

    WORKFLOW_TASK = 1
    ACTIVITY = 2
    UNSORTED = 3


@dataclass(slots=True)
class WorkLine:
    """What a run has to hand out in one line of a queue: `count` offers, the oldest available
    since `since_ns`. Offers of a queue stand in lines by priority and fairness key."""

    kind: int
    queue: str
    priority: int
    fairness_key: str
    since_ns: int
    count: int


@dataclass(slots=True)
class LineName:
    """One line of one queue of a namespace."""

    namespace_key: int
    kind: int
    queue: str
    priority: int
    fairness_key: str


@dataclass(slots=True)
class LineCount:
    """How much waits in a queue's lines of one priority, and since when at the longest."""

    priority: int
    count: int
    since_ns: int


def line_priority(priority_key: int) -> int:
    """Return the priority of a line for a priority key: 1 (first) to 5, 0 is the default."""
    return min(priority_key, PRIORITY_LAST) if priority_key > 0 else PRIORITY_DEFAULT


def encode_work(lines: Sequence[WorkLine]) -> str:
    """Return the text of a row's `work`, empty for none."""
    return _text_of(tuple(map(LINE_VALUES, lines))) if lines else ""


# Runs whose work became available in one turn say it in the same words.
@lru_cache(maxsize=TEXTS_KEPT)
def _text_of(lines: tuple[tuple[int | str, ...], ...]) -> str:
    return json.dumps(lines, separators=(",", ":"))


def decode_work(text: str) -> list[WorkLine]:
    """Return what a row's `work` says. Raises DataLoss when it is damaged."""
    if not text:
        return []
    try:
        return [WorkLine(*values) for values in json.loads(text)]
    except (TypeError, ValueError) as error:
        raise DataLoss(f"the work of a row is damaged: {error}") from None
