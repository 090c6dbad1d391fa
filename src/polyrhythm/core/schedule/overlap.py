"""What becomes of buffered starts: which start now, which wait, which are skipped, who must go.

Six policies, decided over the whole buffer in order. Starts that may overlap all start at once;
of the others one can run at a time. A start that another takes the place of
counts as skipped. Source: ProcessBuffer of Temporal's scheduler.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from temporalio.api.enums.v1 import ScheduleOverlapPolicy

from polyrhythm.core.schedule.state import BufferedStart

SKIP = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_SKIP
BUFFER_ONE = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE
BUFFER_ALL = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL
CANCEL_OTHER = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER
TERMINATE_OTHER = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER
ALLOW_ALL = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL


@dataclass(slots=True)
class Verdict:
    """What becomes of a buffer, by places in it."""

    overlapping: list[int] = field(default_factory=list)
    alone: int | None = None
    kept: list[int] = field(default_factory=list)
    skipped: int = 0
    cancels: bool = False
    terminates: bool = False


def judge(buffer: Sequence[BufferedStart], is_running: bool, default: int) -> Verdict:
    """Return what becomes of each start; `default` is the policy of those that name none."""
    verdict = Verdict()
    for place, start in enumerate(buffer):
        policy = start.overlap or default
        if policy == ALLOW_ALL:
            verdict.overlapping.append(place)
        elif not is_running and verdict.alone is None:
            verdict.alone = place
        elif policy == BUFFER_ALL or (policy == BUFFER_ONE and not verdict.kept):
            verdict.kept.append(place)
        elif policy not in (CANCEL_OTHER, TERMINATE_OTHER):
            verdict.skipped += 1
        elif is_running:
            verdict.cancels = verdict.cancels or policy == CANCEL_OTHER
            verdict.terminates = verdict.terminates or policy == TERMINATE_OTHER
            verdict.kept.append(place)
        else:
            # What it would have to end has not begun: it takes that one's place.
            verdict.alone = place
            verdict.skipped += 1
    if verdict.cancels or verdict.terminates:
        # They would be ended with the others before long.
        verdict.skipped += len(verdict.overlapping)
        verdict.overlapping = []
    return verdict
