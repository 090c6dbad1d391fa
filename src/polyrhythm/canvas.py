"""Canvas: what tasks are put together with. `from polyrhythm.canvas import chain, group, chord`.

A signature is made by a task, `task.s(...)`; `a.s() | b.s()` is a chain. See docs/canvas.md.
"""

from polyrhythm.dialects.canvas import (
    PROGRESS,
    Problem,
    Progress,
    Signature,
    chain,
    chord,
    each,
    group,
)
from polyrhythm.dialects.canvas.softly import SoftTimeLimitExceeded, soft_limit

__all__ = [
    "PROGRESS",
    "Problem",
    "Progress",
    "Signature",
    "SoftTimeLimitExceeded",
    "chain",
    "chord",
    "each",
    "group",
    "soft_limit",
]
