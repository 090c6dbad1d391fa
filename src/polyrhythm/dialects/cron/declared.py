"""The jobs that a program declares, and how they come to the service when it starts to work.

A declared job is put at every start: it is left alone if it is as it was, keeps its phase and what
it has run if it changed, and is removed when the program declares others and it no more. A pause
stays.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from polyrhythm.api.service import (
    ListJobsRequest,
    ListJobsResponse,
    PatchJobsRequest,
    PatchJobsResponse,
    PutJobResponse,
)
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.dialects.canvas import Signature
from polyrhythm.dialects.cron.jobs import USE
from polyrhythm.dialects.cron.request import check_runnable, put_request
from polyrhythm.dialects.cron.settings import JobPlan, JobSettings, plan_job
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.declare.task import Task
from polyrhythm.sdk.declare.workflow import Workflow
from polyrhythm.sdk.errors import MisuseError

LOG = logging.getLogger("polyrhythm.jobs")
P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F")


@dataclass(slots=True)
class Declared:
    """One job of a program."""

    what: Any
    plan: JobPlan


class JobDecorator(Protocol):
    """What `@app.every(...)` returns: a function becomes a task, a task or a workflow stays one."""

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, what: Task[P, R, F], /
    ) -> Task[P, R, F]: ...

    @overload
    def __call__(self, what: Workflow[P, R], /) -> Workflow[P, R]: ...

    @overload
    def __call__(self, what: Signature, /) -> Signature: ...

    @overload
    def __call__(
        self, what: Callable[P, Coroutine[Any, Any, R]], /
    ) -> Task[P, R, Coroutine[Any, Any, R]]: ...

    @overload
    def __call__(self, what: Callable[P, R], /) -> Task[P, R, R]: ...


class DeclareTask(Protocol):
    """`app.task`: makes a task of a function."""

    def __call__(self, function: Any, /) -> Any:
        """Return the task."""
        ...


class Schedules:
    """What a program has declared, by id."""

    __slots__ = ("_task", "jobs")

    def __init__(self, task: DeclareTask) -> None:
        self._task = task
        self.jobs: dict[str, Declared] = {}

    def on(self, spec: str, settings: JobSettings) -> JobDecorator:
        """Return the decorator of a job. What it decorates is a task, a workflow, or a function
        that becomes a task."""

        def declare(what: Any) -> Any:
            if not isinstance(what, Task | Workflow | Signature):
                what = self._task(what)
            self.add(what, spec, settings)
            return what

        return declare

    def add(self, what: Any, spec: str, settings: JobSettings) -> None:
        """Declare a job. Raises MisuseError."""
        name = getattr(what, "name", "")
        plan = plan_job(name, spec, settings)
        if not plan.job_id:
            raise MisuseError(f"the job of {what!r} needs an id: id='...'")
        if plan.job_id in self.jobs:
            raise MisuseError(f"job {plan.job_id!r} is declared twice: give one another id='...'")
        check_runnable(what, plan)
        self.jobs[plan.job_id] = Declared(what, plan)


async def put_declared(session: Session, owner: str, jobs: Mapping[str, Declared]) -> None:
    """Put all jobs of a program and remove those it declares no more. Raises MisuseError, and
    errors of `base.errors` that name what is wrong with a job.

    A program without any removes none: it may be a part that shares the application's name.
    """
    if not jobs:
        await _tell_left(session, owner)
        return
    request = PatchJobsRequest(
        namespace=session.namespace,
        verb=PatchJobsRequest.Verb.VERB_REMOVE,
        owner=owner,
        kept_ids=sorted(jobs),
        identity=session.identity,
    )
    await session.call_own("PatchJobs", request, PatchJobsResponse, USE)
    for row in _rows(jobs):
        await asyncio.gather(*[_put(session, owner, one) for one in row])


async def _tell_left(session: Session, owner: str) -> None:
    request = ListJobsRequest(namespace=session.namespace)
    answer = await session.call_own("ListJobs", request, ListJobsResponse, USE)
    left = [entry.job_id for entry in answer.jobs if entry.job.owner == owner]
    if left:
        LOG.warning("this program declares no jobs; these go on: %s", ", ".join(left))


async def _put(session: Session, owner: str, declared: Declared) -> None:
    plan = declared.plan
    plan.job.owner = owner
    request = await put_request(session, declared.what, plan)
    try:
        await session.call_own("PutJob", request, PutJobResponse, USE)
    except InvalidArgument:
        # Its program is started again after the time, and the job is long done and gone.
        if not plan.is_once:
            raise
        LOG.warning("the time of job %s is over: %s", plan.job_id, plan.job.spec)


def _rows(jobs: Mapping[str, Declared]) -> list[Sequence[Declared]]:
    """Return jobs so that those which others act after come before them. Raises MisuseError."""
    rows: list[Sequence[Declared]] = []
    left = dict(jobs)
    while left:
        row = [one for one in left.values() if not left.keys() & set(one.plan.job.after)]
        if not row:
            raise MisuseError(f"jobs act after one another in a circle: {', '.join(sorted(left))}")
        rows.append(row)
        for one in row:
            del left[one.plan.job_id]
    return rows
