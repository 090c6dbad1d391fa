"""The garbage collector's policy for a process that only serves from now on.

It belongs to the process: a program that embeds an application keeps its own policy, and `poly dev`
and `app.run()`, which own theirs, set this one.
"""

from __future__ import annotations

import gc

# New objects that the garbage collector lets gather before it looks.
YOUNG_OBJECTS_MAX = 10_000


def settle_collector() -> None:
    """Set the policy, once everything is imported.

    Modules and message classes live as long as the process; frozen, they are not looked at again. A
    full collection took 30 to 50 ms with them (44,000 objects), which every call would wait for,
    and takes under 1 ms without. A turn's requests, answers and rows are dead at its end: at 700
    new objects, Python's own threshold, they were looked at up to three times before. In
    `bench/lane.py` collections took 53 us a workflow so, and take 13 us at 10,000.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS_MAX)
