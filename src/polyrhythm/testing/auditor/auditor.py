"""The auditor: reads the store's log bytes after every step and holds the engine to its word.

Shares no code with the engine: it knows the protocol's messages, the notes' format and the store's
data classes. Three sources only: what is stored (`tables`), which batches were written
(`committed`) and what callers were told (`told`). `check` ends a step: new rows are read and
compared with their projection, old ones must be the very same bytes, and every promise of the step
must be kept by the logs.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import EventType, WorkflowIdConflictPolicy, WorkflowIdReusePolicy
from temporalio.api.update.v1 import Rejection

from polyrhythm.base.entities import EntityKind
from polyrhythm.stores.memory.tables import Tables
from polyrhythm.stores.port import Batch, RunRow
from polyrhythm.testing.auditor.families import Families
from polyrhythm.testing.auditor.finding import Finding, require
from polyrhythm.testing.auditor.jobs import Jobs
from polyrhythm.testing.auditor.ledger import Ledger
from polyrhythm.testing.auditor.projection import check_row
from polyrhythm.testing.auditor.promises import PROMISES, Book
from polyrhythm.testing.auditor.promises_operations import OPERATION_PROMISES
from polyrhythm.testing.auditor.promises_updates import UPDATE_PROMISES
from polyrhythm.testing.auditor.reading import Reader
from polyrhythm.testing.auditor.standalone import StandaloneAuditor
from polyrhythm.testing.auditor.view import RunView

_PROMISES = {**PROMISES, **UPDATE_PROMISES, **OPERATION_PROMISES}
_REJECT = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
_TERMINATE = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
EVENT_NAMES = {
    number: name.removeprefix("EVENT_TYPE_").lower() for name, number in EventType.items()
}
# What a call for a workflow that is open may not be refused with.
_NAMED_BY_ID = (
    ws.SignalWorkflowExecutionRequest,
    ws.RequestCancelWorkflowExecutionRequest,
    ws.TerminateWorkflowExecutionRequest,
)


class Auditor:
    """Watches one world."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.views: dict[int, RunView] = {}
        self.book = Book()
        self.ledger = Ledger()
        self.reader = Reader(self.ledger, self.book.by_run)
        self.families = Families(self.book, self.ledger)
        self.jobs = Jobs()
        self.plain = StandaloneAuditor()
        self.counts: Counter[str] = Counter()
        self._epoch = 0
        self._written: dict[int, int] = {}
        self._promises: list[tuple[Any, Any, Exception | None]] = []
        self._going: list[RunView] = []
        self._changed: list[RunView] = []
        self._lossy = False
        self._starts: dict[str, Any] = {}
        self._open_before: dict[str, str] = {}

    def owned(self, epoch: int) -> None:
        """Take in that a process has claimed the lane: older ones must write no more."""
        self._epoch = epoch

    def turned(self, now_ns: int) -> None:
        """Take in the time a turn was given."""
        self.reader.newest_ns = max(self.reader.newest_ns, now_ns)

    def asked(self, request: Any) -> None:
        """Take in a request that reached the server."""
        self.reader.fleet.asked(request)
        if isinstance(request, ws.StartWorkflowExecutionRequest):
            self._starts[request.request_id] = request
        elif isinstance(request, ws.RespondQueryTaskCompletedRequest):
            self.book.answers.update(each.data for each in request.query_result.payloads)
        elif isinstance(request, ws.RespondWorkflowTaskCompletedRequest):
            for result in request.query_results.values():
                self.book.answers.update(each.data for each in result.answer.payloads)
            for message in request.messages:
                rejection = Rejection()
                if message.body.Unpack(rejection):
                    self.book.answers.add(rejection.failure.message.encode())
        elif isinstance(request, ws.ExecuteMultiOperationRequest):
            start = request.operations[0].start_workflow
            self._starts[start.request_id] = start

    def committed(self, batch: Batch) -> None:
        """Take in a batch that was written."""
        require(
            batch.epoch == self._epoch,
            "fencing",
            f"epoch {batch.epoch} wrote, {self._epoch} owns the lane",
        )
        for write in batch.runs:
            self._written[write.row.run_key] = batch.committed_ns
        for run_key in batch.deleted_runs:
            view = self.views.get(run_key)
            if view is not None:
                view.deleted = view.going = True
                self._going.append(view)
                self.book.deleted.add(view.run_id)
            elif not self.plain.delete(run_key):
                self._lossy = True

    def told(self, request: Any, value: Any, error: Exception | None) -> None:
        """Take in an answer, lost on its way or not."""
        if error is None and self.plain.owns(request, value):
            self.counts[type(request).__name__] += 1
            self.plain.told(request, value)
        else:
            self._promises.append((request, value, error))

    def check(self) -> None:
        """Check everything that this step has changed, and that nothing else has."""
        self.reader.fleet.look(self.tables.objects)
        plain: list[tuple[int, list[bytes]]] = []
        for run_key, rows in self.tables.logs.items():
            kind = RunRow(*self.tables.runs[run_key]).kind
            if kind == EntityKind.BATCH:
                self.jobs.read(run_key, rows)
                continue
            if kind == EntityKind.ACTIVITY:
                plain.append((run_key, [row[5] for row in rows]))
                continue
            view = self.views.get(run_key)
            if view is None:
                view = self.views[run_key] = RunView(run_key)
            if view.rows != rows:
                self._read(view, rows)
        for run_key, now_ns in self._written.items():
            stored = self.tables.runs.get(run_key)
            if stored is not None and run_key in self.views:
                check_row(self.views[run_key], RunRow(*stored), now_ns)
        self._written.clear()
        self.plain.check(plain, 0, self.reader.newest_ns)
        self._check_gone()
        gone = {view.run_id for view in self._going}
        self.ledger.balance(gone)
        self.families.check(self._changed, gone, self._lossy)
        self.jobs.check(self.views.values())
        self.reader.fleet.check(self._changed)
        self._changed.clear()
        self._lossy = False
        for request, value, error in self._promises:
            self._check_promise(request, value, error)
        self._promises.clear()
        for view in self._going:
            view.going = False
        self._going.clear()
        self._open_before = {
            view.workflow_id: view.run_id for view in self.views.values() if view.open
        }

    def _read(self, view: RunView, rows: list[tuple[Any, ...]]) -> None:
        known = len(view.rows)
        require(rows[:known] == view.rows, "append-only", f"{view.name}: written rows changed")
        for row in rows[known:]:
            run_key, sequence, first_id, count, events, note_bytes, _ = row
            require(
                (run_key, sequence) == (view.key, len(view.rows) + 1),
                "append-only",
                f"{view.name}: row {sequence} after {len(view.rows)}",
            )
            before = len(view.events)
            self.reader.read_row(view, events, note_bytes)
            require(
                count == len(view.events) - before and first_id == (before + 1 if count else 0),
                "gapless",
                f"{view.name}: row {sequence} says {count} events from {first_id}",
            )
            view.rows.append(row)
            self.counts["rows"] += 1
            self.counts["events"] += count
            for event in view.events[before:]:
                self.counts[EVENT_NAMES[event.event_type]] += 1
        self._changed.append(view)
        if not known:
            self._check_created(view)
            self.families.created(view)

    def _check_created(self, view: RunView) -> None:
        require(view.run_id not in self.book.by_run, "start", f"{view.name}: run id used twice")
        self.book.by_run[view.run_id] = view
        others = self.book.by_workflow.setdefault(view.workflow_id, [])
        alive = [each for each in others if not each.deleted]
        require(
            not any(each.open for each in alive),
            "one open run",
            f"{view.name} beside {[each.name for each in alive]}",
        )
        asked = self._starts.get(view.create_request_id)
        if asked is not None and alive and not view.base_run_id:
            require(
                alive[-1].create_request_id != view.create_request_id
                # Deleted by this very step, perhaps after the start that found it the newest.
                or others[-1].going,
                "dedupe",
                f"{view.name} and {alive[-1].name} come from one request",
            )
            require(
                asked.workflow_id_reuse_policy != _REJECT
                or asked.workflow_id_conflict_policy == _TERMINATE
                # A policy looks at the newest run only, and that one has been deleted.
                or others[-1].deleted,
                "policy",
                f"{view.name} was started, and duplicates are to be rejected",
            )
        others.append(view)

    def _check_gone(self) -> None:
        for run_key, view in self.views.items():
            stored = run_key in self.tables.logs
            require(stored != view.deleted, "append-only", f"{view.name}: deleted={view.deleted}")

    def _check_promise(self, request: Any, value: Any, error: Exception | None) -> None:
        self.counts[type(request).__name__] += 1
        if error is None:
            check = _PROMISES.get(type(request))
            if check is not None:
                check(self.book, request, value)
            return
        self.counts[f"{type(request).__name__} refused"] += 1
        code = getattr(error, "code", "internal")
        if code == "internal":
            raise Finding("internal error", f"{type(request).__name__}: {error}")
        if code == "not_found" and isinstance(request, _NAMED_BY_ID):
            execution = request.workflow_execution
            before = self._open_before.get(execution.workflow_id, "")
            wanted = execution.run_id or before
            still = self.book.by_run.get(before)
            lie = before and wanted == before and still is not None and still.open
            require(not lie, "refused", f"{still.name if still else ''} is open: {error}")
