"""Jobs: schedules whose times are specs of a dialect, and which act after one another.

A job's settings are a message of our own beside the schedule; a schedule without one has the times
of its canonical spec. Decides what a job is when it is put: the anchor of its intervals and what it
had used of its runs outlive a change, and a job that says what it said before is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

from temporalio.api.schedule.v1 import Schedule, ScheduleAction

from polyrhythm.api import notes
from polyrhythm.api.service import Job
from polyrhythm.base.calendar.jobtimes import JobTimes
from polyrhythm.base.calendar.rhythm import TRIGGERED, Reading, Rhythm, parse_rhythm, zone_of
from polyrhythm.base.calendar.switches import Dialect, read_switches
from polyrhythm.base.calendar.timetable import Timetable
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.core.entity import EntityDecision
from polyrhythm.core.schedule.spec import timetable_of
from polyrhythm.core.schedule.state import ScheduleState

# Ways between two times that a jitter is compared with.
_GAPS_LOOKED_AT = 64


@lru_cache(maxsize=4096)
def job_of(job_bytes: bytes) -> Job:
    """Return a job's settings; not to be changed."""
    return Job.FromString(job_bytes)


def times_of(state: ScheduleState) -> Timetable | JobTimes:
    """Return the times of a schedule."""
    return _job_times(state.job) if state.job else timetable_of(state.spec)


def waits_for_others(state: ScheduleState) -> bool:
    """Whether a job is kept though no time of its own may come: others begin it, or the program
    that declares it would make it anew."""
    if not state.job:
        return False
    job = job_of(state.job)
    return bool(job.owner or job.after or job.spec == TRIGGERED)


def rhythm_of(job: Job) -> Rhythm:
    """Return when a job acts. Raises InvalidArgument, saying what is wrong with it."""
    if job.dialect not in ("", *Dialect):
        raise InvalidArgument(f"there is no dialect {job.dialect!r}: gocron and polyrhythm are")
    reading = Reading(
        dialect=Dialect(job.dialect or Dialect.POLYRHYTHM),
        zone=zone_of(job.time_zone),
        switches=read_switches(job.switches),
        seconds=job.seconds,
        anchor_ns=job.anchor_ns,
    )
    return parse_rhythm(job.spec, reading)


def check_times(job: Job, now_ns: int) -> None:
    """Refuse a job that never acts, or whose jitter is longer than the way between two times.

    Raises InvalidArgument.
    """
    times = _job_times(job.SerializeToString(deterministic=True))
    firings = list(times.between(now_ns, 2**63 - 1, bytes(32), _GAPS_LOOKED_AT))
    if not firings and job.spec != TRIGGERED and not job.after:
        span = " within its span" if job.start_ns or job.end_ns else ""
        raise InvalidArgument(f"spec {job.spec!r} has no time to come{span}: it would never act")
    for one, other in pairwise(firings):
        if job.jitter_ns >= other.nominal_ns - one.nominal_ns:
            way_s = (other.nominal_ns - one.nominal_ns) / 1e9
            raise InvalidArgument(
                f"a jitter of {job.jitter_ns / 1e9:g} s is not shorter than the {way_s:g} s between"
                f" two times of {job.spec!r}"
            )


def merge_job(state: ScheduleState | None, job: Job, schedule: Schedule, now_ns: int) -> None:
    """Carry over what a job keeps when it is put again; a new one begins now."""
    if state is None or not state.job:
        job.anchor_ns = job.start_ns or now_ns
        schedule.state.limited_actions = bool(job.runs_max)
        schedule.state.remaining_actions = job.runs_max
        return
    before = job_of(state.job)
    job.anchor_ns = job.start_ns or before.anchor_ns
    schedule.state.paused = schedule.state.paused or state.paused
    schedule.state.notes = schedule.state.notes or state.notes
    schedule.state.limited_actions = bool(job.runs_max)
    same_limit = job.runs_max == before.runs_max
    schedule.state.remaining_actions = state.remaining if same_limit else job.runs_max


def is_same(state: ScheduleState, job: Job, schedule: Schedule) -> bool:
    """Whether a job that is put is what it was before."""
    return (
        bool(state.job)
        and job == job_of(state.job)
        and schedule.action == ScheduleAction.FromString(state.action)
        and schedule.policies.overlap_policy == state.overlap
        and schedule.state.paused == state.paused
    )


def tell_followers(decision: EntityDecision, status: int) -> None:
    """Owe the end of a run to the jobs that act after this one."""
    for job_id in list(decision.state.followers):
        message = notes.Message(workflow_id=job_id, receiver_kind=EntityKind.SCHEDULE)
        message.job_ended.status = status
        decision.owe(message)


def find_cycle(job_id: str, after: Iterable[str], parents: dict[str, list[str]]) -> str:
    """Return a job that a job would act after and that acts after it, empty if there is none."""
    seen: set[str] = set()
    waiting = list(after)
    while waiting:
        one = waiting.pop()
        if one == job_id:
            return one
        if one not in seen:
            seen.add(one)
            waiting.extend(parents.get(one, ()))
    return ""


@lru_cache(maxsize=4096)
def _job_times(job_bytes: bytes) -> JobTimes:
    job = Job.FromString(job_bytes)
    return JobTimes(rhythm_of(job), job.start_ns, job.end_ns or None, job.jitter_ns)
