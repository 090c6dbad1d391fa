"""Jobs while they run: add, replace, pause, resume, run now, remove, list, by id and by tag.

Every verb is one call and one commit of the service, for all jobs that it names. `blocking.Jobs`
is written from this one by tools/mirror.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typing_extensions import Unpack

from polyrhythm.api.service import (
    ListJobsRequest,
    ListJobsResponse,
    PatchJobsRequest,
    PatchJobsResponse,
    PutJobResponse,
)
from polyrhythm.base.calendar.rhythm import TRIGGERED
from polyrhythm.base.durations import Span
from polyrhythm.base.errors import NotFound
from polyrhythm.dialects.cron.request import put_request
from polyrhythm.dialects.cron.settings import JobSettings, instant_text, plan_job
from polyrhythm.dialects.cron.views import JobView, view_of
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.errors import MisuseError

USE = "a job"
_VERB = PatchJobsRequest.Verb
# Beside a verb that is called list.
Ids = list[str]
Views = list[JobView]


class Jobs:
    """The jobs of a namespace, for an event loop; `blocking.Jobs` is the same for code that
    blocks."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def put(
        self, job_id: str, what: Any, spec: str = "", **settings: Unpack[JobSettings]
    ) -> bool:
        """Add a job, or replace the one of this id; False if it was just so before.

        `spec` as in `app.cron`, `"@every 5s"` and `"@at 2027-01-01T09:00"` too; none: it runs when
        it is told to or after others. Raises MisuseError and errors of `base.errors`.
        """
        return await self._put(job_id, what, spec, settings, False)

    async def add(
        self, job_id: str, what: Any, spec: str = "", **settings: Unpack[JobSettings]
    ) -> None:
        """The same for a job that is new. Raises AlreadyStarted if there is one of this id."""
        await self._put(job_id, what, spec, settings, True)

    async def pause(self, *ids: str, tag: str = "", reason: str = "") -> Ids:
        """Let jobs wait: their times pass. Returns the ids of all that were meant."""
        return await self._patch(_VERB.VERB_PAUSE, ids, tag, reason)

    async def resume(self, *ids: str, tag: str = "", reason: str = "") -> Ids:
        """Let jobs go on."""
        return await self._patch(_VERB.VERB_RESUME, ids, tag, reason)

    async def run(self, *ids: str, tag: str = "") -> Ids:
        """Run jobs now, beside their times, also paused ones."""
        return await self._patch(_VERB.VERB_RUN, ids, tag, "")

    async def remove(self, *ids: str, tag: str = "") -> Ids:
        """Remove jobs; runs that they have begun go on."""
        return await self._patch(_VERB.VERB_REMOVE, ids, tag, "")

    async def list(self, *, tag: str = "") -> Views:
        """Return all jobs, or those with a tag, by id."""
        return await self._list([], [tag] if tag else [])

    async def get(self, job_id: str) -> JobView:
        """Return one job. Raises NotFound."""
        found = await self._list([job_id], [])
        if not found:
            raise NotFound(f"there is no job {job_id!r}")
        return found[0]

    async def _put(
        self, job_id: str, what: Any, spec: str, settings: JobSettings, only_new: bool
    ) -> bool:
        if "id" in settings:
            raise MisuseError("the id of a job is said once")
        plan = plan_job(job_id, spec or TRIGGERED, settings)
        session = self._session
        request = await put_request(session, what, plan, only_new)
        answer = await session.call_own("PutJob", request, PutJobResponse, USE)
        return answer.changed

    async def _patch(self, verb: Any, ids: Sequence[str], tag: str, reason: str) -> Ids:
        if not ids and not tag:
            raise MisuseError("say which jobs are meant: ids, or tag=...")
        if ids and tag:
            raise MisuseError("say either ids or a tag")
        session = self._session
        request = PatchJobsRequest(
            namespace=session.namespace, verb=verb, reason=reason, identity=session.identity
        )
        request.job_ids.extend(ids)
        request.tags.extend([tag] if tag else [])
        answer = await session.call_own("PatchJobs", request, PatchJobsResponse, USE)
        return list(answer.job_ids)

    async def _list(self, ids: Sequence[str], tags: Sequence[str]) -> Views:
        session = self._session
        request = ListJobsRequest(namespace=session.namespace, job_ids=ids, tags=tags)
        answer = await session.call_own("ListJobs", request, ListJobsResponse, USE)
        return [view_of(entry) for entry in answer.jobs]


def every_spec(span: Span) -> str:
    """Return the spec of an interval."""
    return f"@every {span}" if isinstance(span, str) else f"@every {_seconds(span)}"


def at_spec(moment: Any) -> str:
    """Return the spec of one time."""
    return f"@at {instant_text(moment)}"


def _seconds(span: Any) -> str:
    seconds = span.total_seconds() if hasattr(span, "total_seconds") else float(span)
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"
