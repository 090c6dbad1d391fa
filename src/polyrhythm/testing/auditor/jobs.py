"""What a batch operation has promised: every run that it means is met once, and it says so.

Read from the jobs' own notes and from the histories of runs. The jobs of the simulator send a
signal that names them, so that a history tells which of them it has met.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import StartBatchOperationRequest

from polyrhythm.api import notes
from polyrhythm.testing.auditor.finding import require
from polyrhythm.testing.auditor.view import RunView

_SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


@dataclass(slots=True)
class JobView:
    """One job, by its log."""

    key: int
    job_id: str = ""
    request: StartBatchOperationRequest | None = None
    run_key_last: int = 0
    cursor: int = 0
    completed: int = 0
    failed: int = 0
    again: int = 0
    over: bool = False
    stopped: bool = False
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What findings call it."""
        return f"job {self.job_id} (key {self.key})"


class Jobs:
    """All jobs of one world."""

    def __init__(self) -> None:
        self.views: dict[int, JobView] = {}
        self._changed: list[JobView] = []

    def read(self, key: int, rows: list[tuple[Any, ...]]) -> None:
        """Take in what is new in the log of a job."""
        view = self.views.setdefault(key, JobView(key))
        known = len(view.rows)
        require(rows[:known] == view.rows, "append-only", f"{view.name}: written rows changed")
        if len(rows) == known:
            return
        for values in rows[known:]:
            _, _, _, count, _, note_bytes, _ = values
            require(not count, "job", f"{view.name} has events")
            for note in notes.NoteList.FromString(note_bytes).notes:
                _take(view, note)
            view.rows.append(values)
        self._changed.append(view)

    def check(self, runs: Iterable[RunView]) -> None:
        """Check the jobs that this step has changed against the histories of runs."""
        if not self._changed:
            return
        views = list(runs)
        met = {view.key: _signals(view) for view in views}
        for job in self._changed:
            for view in views:
                count = met[view.key].count(job.job_id)
                if view.key <= job.run_key_last:
                    require(count <= 1, "once", f"{job.name} met {view.name} {count} times")
            if job.over and job.request is not None and not job.request.executions:
                self._check_all(job, views, met)
        self._changed.clear()

    def unsettled(self) -> list[JobView]:
        """Return the jobs that have more to do."""
        return [job for job in self.views.values() if not (job.over or job.stopped)]

    def _check_all(self, job: JobView, views: list[RunView], met: dict[int, list[str]]) -> None:
        meant = [view for view in views if view.key <= job.run_key_last]
        reached = [view for view in meant if job.job_id in met[view.key]]
        require(
            len(reached) <= job.completed,
            "counts",
            f"{job.name} counts {job.completed}, and has met {len(reached)}",
        )
        # Who is open now was so all the time.
        missed = [v for v in meant if v.open and not v.deleted and v not in reached]
        require(
            len(missed) <= job.failed,
            "all met",
            f"{job.name} has not met {[view.name for view in missed]}, {job.failed} failed",
        )


def _take(view: JobView, note: notes.Note) -> None:
    require(not (view.over or view.stopped), "closed", f"{view.name} goes on after its end")
    if note.HasField("batch_begun"):
        begun = note.batch_begun
        view.job_id, view.run_key_last = begun.job_id, begun.run_key_last
        view.request = StartBatchOperationRequest.FromString(begun.request)
    elif note.HasField("batch_advanced"):
        advanced = note.batch_advanced
        require(advanced.cursor >= view.cursor, "job", f"{view.name} goes back")
        view.cursor = advanced.cursor
        view.completed += advanced.completed
        view.failed += advanced.failed
        view.again = len(advanced.again)
        view.over = advanced.over
        require(not (view.over and view.again), "job", f"{view.name} ends with work left")
    else:
        require(note.HasField("batch_stopped"), "unknown", f"{view.name}: {note}")
        view.stopped = True


def _signals(view: RunView) -> list[str]:
    """Return the jobs whose signals a run has got, those included that have no id yet."""
    events = (*view.events, *view.buffer)
    found = (_job_of(event) for event in events if event.event_type == _SIGNALED)
    return [job_id for job_id in found if job_id]


def _job_of(event: HistoryEvent) -> str:
    signaled = event.workflow_execution_signaled_event_attributes
    return signaled.identity if signaled.identity.startswith("job/") else ""
