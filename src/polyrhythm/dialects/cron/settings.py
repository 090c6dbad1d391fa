"""What a job may be told beside its times, and what of it is wrong before anybody is asked.

Durations are "10s", seconds or a timedelta; times are a datetime with a zone, or ISO 8601 texts
that are read in the job's zone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypedDict

from temporalio.api.enums.v1 import ScheduleOverlapPolicy

from polyrhythm.api.service import Job
from polyrhythm.base.calendar.rhythm import (
    TRIGGERED,
    Once,
    Reading,
    parse_instant,
    parse_rhythm,
    zone_of,
)
from polyrhythm.base.calendar.switches import Dialect, read_switches
from polyrhythm.base.durations import Span, parse_span
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.sdk.errors import MisuseError

# A time that is missed by less than this was on time all the same.
SKIP_GRACE_S = 5.0
MISSED_ALL = 100
OVERLAPS = {
    "skip": ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_SKIP,
    "queue": ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL,
    "queue_one": ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE,
    "cancel": ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER,
    "terminate": ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER,
    "allow": ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL,
}
Overlap = Literal["skip", "queue", "queue_one", "cancel", "terminate", "allow"]
Missed = Literal["skip", "latest", "all"] | int


class JobSettings(TypedDict, total=False):
    """What a job may be told; every one may be left out.

    `id`: what it is called, the name of its task or workflow if it is not said. `args`: what that
    is called with. `tz`: the zone of the spec, UTC if neither it nor the spec says one. `dialect`:
    `polyrhythm` or `gocron`; `seconds`: six fields in the latter; `switches`: as in
    `"days=and skipped=skip"`. `tags`: for changing many jobs at once. `summary`: for people.

    `overlap`: what a time does while the run before is open: `skip` it, `queue` it (`queue_one`:
    one at most), `cancel` or `terminate` that run, `allow` both. `missed`: of the times that nobody
    was there for the `latest` is made up for, or none (`skip`), or the last 100 (`all`) or so many;
    `grace`: but only so much later. `jitter`: each time is late by less than that, always by the
    same. `start`, `end`: the window that times lie in. `runs`: how often it runs at all. `after`:
    jobs whose end it runs at, if they succeeded; `after_always`: however they ended. `paused`:
    it is there and waits. `pause_on_failure`: so it does after a run that failed.

    `on_success`, `on_error`: a signature, or several, that is begun with the result or with a
    `Problem`; of jobs of tasks only.
    """

    id: str
    args: Sequence[Any]
    tz: str
    dialect: Literal["polyrhythm", "gocron"]
    seconds: bool
    switches: str
    tags: Sequence[str]
    summary: str
    overlap: Overlap
    missed: Missed
    grace: Span
    jitter: Span
    start: datetime | str
    end: datetime | str
    runs: int
    after: Any
    after_always: bool
    paused: bool
    pause_on_failure: bool
    on_success: Any
    on_error: Any


@dataclass(slots=True)
class JobPlan:
    """The times and policies of a job, in the words of the service."""

    job_id: str
    job: Job
    overlap: int
    args: tuple[Any, ...] = ()
    paused: bool = False
    pause_on_failure: bool = False
    callbacks: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def is_once(self) -> bool:
        """Whether it has one time."""
        return isinstance(rhythm_of(self.job), Once)


def plan_job(name: str, spec: str, given: JobSettings) -> JobPlan:
    """Read what a job is told. Raises MisuseError for what cannot be meant."""
    unknown = sorted(set(given) - set(JobSettings.__annotations__))
    if unknown:
        known = ", ".join(JobSettings.__annotations__)
        raise MisuseError(f"a job has no setting {', '.join(unknown)}; there are: {known}")
    job_id = given.get("id", name)
    try:
        return _plan(job_id, spec, given)
    except InvalidArgument as error:
        raise MisuseError(f"job {job_id!r}: {error.message}") from error


def rhythm_of(job: Job) -> Any:
    """Return when a job acts. Raises InvalidArgument."""
    reading = Reading(
        dialect=Dialect(job.dialect or "polyrhythm"),
        zone=zone_of(job.time_zone),
        switches=read_switches(job.switches),
        seconds=job.seconds,
        anchor_ns=job.anchor_ns or time.time_ns(),
    )
    return parse_rhythm(job.spec, reading)


def instant_text(moment: datetime | str) -> str:
    """Return a time as ISO 8601. Raises MisuseError for one without a zone."""
    if isinstance(moment, str):
        return moment
    zone = getattr(moment, "tzinfo", None)
    if zone is None:
        raise MisuseError(f"a job's time is a datetime with a zone or a text, not {moment!r}")
    return moment.isoformat()


def _plan(job_id: str, spec: Any, given: JobSettings) -> JobPlan:
    if not isinstance(spec, str):
        raise InvalidArgument(f"its times are a text such as '0 9 * * mon-fri', not {spec!r}")
    dialect, overlap = given.get("dialect", "polyrhythm"), given.get("overlap", "skip")
    if dialect not in tuple(Dialect):
        raise InvalidArgument(f"dialect is {' or '.join(Dialect)}, not {dialect!r}")
    if overlap not in OVERLAPS:
        raise InvalidArgument(f"overlap is one of {', '.join(OVERLAPS)}, not {overlap!r}")
    job = Job(spec=spec, dialect=dialect, time_zone=given.get("tz", ""))
    job.switches, job.seconds = given.get("switches", ""), given.get("seconds", False)
    job.tags.extend(_texts(given.get("tags", ())))
    job.after.extend(_texts(given.get("after", ())))
    job.after_always = given.get("after_always", False)
    job.summary = given.get("summary", "")
    _put_bounds(job, given)
    rhythm = rhythm_of(job)
    # Whether it has a time to come is for the service to say, by its own clock.
    if job.spec != TRIGGERED and not rhythm.next_ns(0):
        raise InvalidArgument(f"spec {spec!r} has no time to come, in any year")
    callbacks: dict[str, tuple[Any, ...]] = {}
    if "on_success" in given:
        callbacks["on_success"] = _several(given["on_success"])
    if "on_error" in given:
        callbacks["on_error"] = _several(given["on_error"])
    return JobPlan(
        job_id,
        job,
        int(OVERLAPS[overlap]),
        tuple(given.get("args", ())),
        given.get("paused", False),
        given.get("pause_on_failure", False),
        callbacks,
    )


def _put_bounds(job: Job, given: JobSettings) -> None:
    job.missed_max, grace_s = _missed(given.get("missed", "latest"), given.get("grace"))
    job.grace_ns = round(grace_s * SECOND_NS)
    job.jitter_ns = round(parse_span(given.get("jitter", 0)) * SECOND_NS)
    zone = zone_of(job.time_zone)
    if "start" in given:
        job.start_ns = parse_instant(instant_text(given["start"]), zone)
    if "end" in given:
        job.end_ns = parse_instant(instant_text(given["end"]), zone)
    runs: Any = given.get("runs")
    if runs is None:
        return
    if isinstance(runs, bool) or not isinstance(runs, int) or runs < 1:
        raise InvalidArgument(f"runs is how often it runs, 1 or more, not {runs!r}")
    job.runs_max = runs


def _missed(missed: Any, grace: Span | None) -> tuple[int, float]:
    grace_s = parse_span(grace) if grace is not None else 0.0
    if missed == "skip":
        return 1, grace_s or SKIP_GRACE_S
    if missed == "latest":
        return 1, grace_s
    if missed == "all":
        return MISSED_ALL, grace_s
    if (
        isinstance(missed, bool)
        or not isinstance(missed, int)
        or not 1 <= missed <= MISSED_ALL * 10
    ):
        raise InvalidArgument(f"missed is skip, latest, all or a count up to 1000, not {missed!r}")
    return missed, grace_s


def _texts(given: Any) -> list[str]:
    """Return ids or tags; a task or a workflow stands for the job of its name."""
    return [one if isinstance(one, str) else one.name for one in _several(given)]


def _several(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, list | tuple | set | frozenset) else (given,)
