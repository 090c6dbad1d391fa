"""What kinds of things a lane owns: each has a log, a fold, a row and its place in the turn.

The numbers are stored. A workflow's run has history events; everything else is notes alone.
"""

from __future__ import annotations

from enum import IntEnum


class EntityKind(IntEnum):
    """What an executions row is; all kinds share log, fold, turn and row."""

    WORKFLOW = 1
    SCHEDULE = 2
    ACTIVITY = 3
    BATCH = 4
