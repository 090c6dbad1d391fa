"""Cron schedules of workflows: which are refused, and how long a run waits for its turn.

Source: common/backoff of the server. A schedule without a zone of its own is UTC. The wait is
recorded in the run's start event, so the calendar is asked once a run.
"""

from __future__ import annotations

from polyrhythm.base.calendar.spec import parse_spec, wait_ns
from polyrhythm.base.errors import InvalidArgument


def cron_problem(schedule: str, now_ns: int) -> str:
    """Return why the server refuses a schedule, or nothing; none at all is fine."""
    if not schedule:
        return ""
    try:
        spec = parse_spec(schedule)
    except InvalidArgument:
        return "invalid CronSchedule."
    if not spec.next_ns(now_ns):
        return "invalid CronSchedule, no time can be found to satisfy the schedule"
    return ""


def cron_wait_ns(schedule: str, scheduled_ns: int, now_ns: int) -> int | None:
    """Return the wait for the next run after the one scheduled for `scheduled_ns`; None: there
    is none. A schedule that cannot be read has none: continue-as-new takes any text."""
    if not schedule:
        return None
    try:
        spec = parse_spec(schedule)
    except InvalidArgument:
        return None
    return wait_ns(spec, scheduled_ns, now_ns)
