"""The blocking mirror of jobs: the same verbs, for programs without an event loop.

Written by tools/mirror.py from the async classes, which have the documentation; change those and
run it again. Every verb runs its twin on the application's loop and waits; `aio` is the twin.
"""

from __future__ import annotations

from typing import Any, ParamSpec, TypeVar

from typing_extensions import Unpack

from polyrhythm.dialects.cron import jobs
from polyrhythm.dialects.cron.jobs import Ids, Views
from polyrhythm.dialects.cron.settings import JobSettings
from polyrhythm.dialects.cron.views import JobView
from polyrhythm.sdk.client.portal import Portal, block

M = TypeVar("M")
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Jobs:
    """Blocking twin of `jobs.Jobs`."""

    __slots__ = ("_portal", "aio")

    def __init__(self, aio: jobs.Jobs, portal: Portal) -> None:
        self.aio = aio
        self._portal = portal

    def __repr__(self) -> str:
        """As its twin."""
        return repr(self.aio)

    def put(self, job_id: str, what: Any, spec: str = "", **settings: Unpack[JobSettings]) -> bool:
        """Add a job, or replace the one of this id; False if it was just so before.

        `spec` as in `app.cron`, `"@every 5s"` and `"@at 2027-01-01T09:00"` too; none: it runs when
        it is told to or after others. Raises MisuseError and errors of `base.errors`.
        """
        return block(self._portal, self.aio.put(job_id, what, spec, **settings), "jobs.put")

    def add(self, job_id: str, what: Any, spec: str = "", **settings: Unpack[JobSettings]) -> None:
        """The same for a job that is new. Raises AlreadyStarted if there is one of this id."""
        block(self._portal, self.aio.add(job_id, what, spec, **settings), "jobs.add")

    def pause(self, *ids: str, tag: str = "", reason: str = "") -> Ids:
        """Let jobs wait: their times pass. Returns the ids of all that were meant."""
        return block(self._portal, self.aio.pause(*ids, tag=tag, reason=reason), "jobs.pause")

    def resume(self, *ids: str, tag: str = "", reason: str = "") -> Ids:
        """Let jobs go on."""
        return block(self._portal, self.aio.resume(*ids, tag=tag, reason=reason), "jobs.resume")

    def run(self, *ids: str, tag: str = "") -> Ids:
        """Run jobs now, beside their times, also paused ones."""
        return block(self._portal, self.aio.run(*ids, tag=tag), "jobs.run")

    def remove(self, *ids: str, tag: str = "") -> Ids:
        """Remove jobs; runs that they have begun go on."""
        return block(self._portal, self.aio.remove(*ids, tag=tag), "jobs.remove")

    def list(self, *, tag: str = "") -> Views:
        """Return all jobs, or those with a tag, by id."""
        return block(self._portal, self.aio.list(tag=tag), "jobs.list")

    def get(self, job_id: str) -> JobView:
        """Return one job. Raises NotFound."""
        return block(self._portal, self.aio.get(job_id), "jobs.get")
