"""Takes runs into a file from the lines that `exporting` writes, or from a plain history.

The file must have no owner: its lane is claimed for as long as it takes. A run of the full form
goes on as if it had always been there; a plain history becomes a closed run, made by the same fold
as any other. Each run is folded before it is written and refused if its fold is not what the
export said. Runs are committed some hundred at a time, each whole, in the order of the lines, so
that the last run of a workflow id is its newest.
"""

from __future__ import annotations

import json
import os
import socket
import time
from base64 import b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError
from temporalio.api.enums.v1 import workflow_pb2 as statuses
from temporalio.api.history.v1 import History

from polyrhythm.app.compose import LANE, Place, open_store
from polyrhythm.app.exporting import FULL_FORM
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import AlreadyExists, InvalidArgument
from polyrhythm.base.ids import UuidSource
from polyrhythm.base.limits import DAY_NS
from polyrhythm.core.durations import span_ns
from polyrhythm.core.fold import fold_row
from polyrhythm.core.state import RunState
from polyrhythm.core.transfer import close_history, is_closed, move_notes
from polyrhythm.engine.cache import LoadedRun
from polyrhythm.engine.namespaces import new_row
from polyrhythm.engine.recovery import DEFAULT_NAMESPACE, DEFAULT_RETENTION_NS
from polyrhythm.engine.rows import project_row
from polyrhythm.stores.port import (
    Batch,
    LaneOwner,
    LogRow,
    NamespaceRow,
    RunRow,
    RunWrite,
    Store,
)

# One commit holds this many runs, or as many as make this many bytes of logs.
COMMIT_RUNS = 200
COMMIT_BYTES = 32 * 1024 * 1024
# A namespace that is made for histories keeps them: they closed long ago, and are there to be read.
HISTORY_RETENTION_NS = 3650 * DAY_NS
RUNNING = statuses.WORKFLOW_EXECUTION_STATUS_RUNNING


@dataclass(slots=True)
class Ways:
    """How runs are taken. `namespace`, `workflow_id` and `run_id` are for plain histories: where
    they go, and what one that does not say it is called."""

    namespace: str = ""
    workflow_id: str = ""
    run_id: str = ""
    skip_existing: bool = False
    skip_open: bool = False


@dataclass(slots=True)
class Taken:
    """What an import did. `expired`: runs that closed so long ago that retention deletes them;
    `skipped` were there, `left_open` are histories of open runs that were left out."""

    runs: int = 0
    open_runs: int = 0
    skipped: int = 0
    left_open: int = 0
    expired: int = 0


@dataclass(slots=True)
class _Import:
    store: Store
    owner: LaneOwner
    ways: Ways
    now_ns: int
    next_key: int
    taken: Taken = field(default_factory=Taken)
    namespaces: dict[str, NamespaceRow] = field(default_factory=dict)
    # Keys of the file that the lines come from -> keys here.
    namespace_keys: dict[int, int] = field(default_factory=dict)
    run_keys: dict[int, int] = field(default_factory=dict)
    writes: list[RunWrite] = field(default_factory=list)
    waiting: set[tuple[int, str]] = field(default_factory=set)
    bytes: int = 0


def import_runs(lines: Iterable[str], file: str, ways: Ways) -> Taken:
    """Take the runs of the lines into a file, which is made when it is not there.

    Raises LaneHeld while a server has the file, InvalidArgument for lines that cannot be taken,
    AlreadyExists for a run that is there. What was committed before stays.
    """
    store = open_store(Place(file, "full"))
    owner = store.claim_lane(LANE, f"{socket.gethostname()}/{os.getpid()}", "")
    try:
        job = _Import(store, owner, ways, time.time_ns(), store.run_key_last() + 1)
        for row in store.load_namespaces():
            job.namespaces[row.name] = row
        for number, text in enumerate(documents(lines), 1):
            try:
                _take(job, json.loads(text))
            except (KeyError, TypeError, ValueError) as error:
                raise InvalidArgument(f"line {number} is no run: {error!r}") from error
            except InvalidArgument as error:
                raise InvalidArgument(f"line {number}: {error.message}") from error
        _commit(job)
        return job.taken
    finally:
        store.close()


def documents(lines: Iterable[str]) -> Iterator[str]:
    """Yield JSON documents: one a line, or a single one over all lines, as people save them."""
    source = iter(lines)
    for first in source:
        if not first.strip():
            continue
        try:
            json.loads(first)
        except ValueError:
            yield first + "".join(source)
            return
        yield first
        yield from (line for line in source if line.strip())


def _take(job: _Import, line: dict[str, Any]) -> None:
    if "format" in line:
        if line["format"] != FULL_FORM:
            raise InvalidArgument(f"the format {line['format']!r} is not known here")
        for told in line["namespaces"]:
            _take_namespace(job, told)
    elif "log" in line:
        _take_full(job, line)
    elif "events" in line:
        _take_history(job, line)
    else:
        raise InvalidArgument("neither a history (`events`) nor a run (`log`)")
    if len(job.writes) >= COMMIT_RUNS or job.bytes >= COMMIT_BYTES:
        _commit(job)


def _take_namespace(job: _Import, told: dict[str, Any]) -> None:
    name = str(told["name"])
    if name not in job.namespaces:
        row = NamespaceRow(
            _next_namespace(job),
            name,
            told["id"],
            int(told["retentionNs"]),
            b64decode(told["body"]),
        )
        _add_namespace(job, row)
    job.namespace_keys[int(told["key"])] = job.namespaces[name].key


def _take_full(job: _Import, line: dict[str, Any]) -> None:
    if job.ways.namespace and job.ways.namespace != line["namespace"]:
        return
    if line["namespace"] not in job.namespaces or not job.namespace_keys:
        raise InvalidArgument("the line of namespaces, which begins a full export, is missing")
    namespace = job.namespaces[line["namespace"]]
    if not _is_new(job, namespace.key, line["workflowId"], line["runId"]):
        return
    key = job.run_keys[int(line["runKey"])] = _next_run(job)
    state, rows = RunState(), []
    for sequence, (first_id, count, events, notes) in enumerate(line["log"], 1):
        moved = move_notes(b64decode(notes), job.namespace_keys, job.run_keys)
        entry = LogRow(key, sequence, int(first_id), int(count), b64decode(events), moved)
        fold_row(state, entry.events, entry.notes)
        rows.append(entry)
    row = project_row(LoadedRun(key, state, None), job.now_ns)
    row.execution_ns = int(line["executionNs"])
    told = (line["runId"], line["historyEvents"], line["historyBytes"], line["transitions"])
    if (row.run_id, row.history_events, row.history_bytes, row.transitions) != told:
        raise InvalidArgument(f"the log of run {line['runId']} is not what the export says of it")
    _add(job, row, rows)


def _take_history(job: _Import, line: dict[str, Any]) -> None:
    name = job.ways.namespace or str(line.get("namespace", "")) or DEFAULT_NAMESPACE
    if name not in job.namespaces:
        _make_namespace(job, name)
    namespace = job.namespaces[name]
    try:
        history = ParseDict({"events": line["events"]}, History(), ignore_unknown_fields=True)
    except ParseError as error:
        raise InvalidArgument(f"not a history in Temporal's JSON: {error}") from error
    if job.ways.skip_open and not is_closed(history.events):
        job.taken.left_open += 1
        return
    workflow_id = str(line.get("workflowId", "")) or job.ways.workflow_id
    run_id = str(line.get("runId", "")) or job.ways.run_id
    closed = close_history(history.events, namespace.key, workflow_id, run_id)
    state = closed.state
    if not _is_new(job, namespace.key, state.workflow_id, state.run_id):
        return
    key = _next_run(job)
    row = project_row(LoadedRun(key, state, None), job.now_ns)
    start = history.events[0].workflow_execution_started_event_attributes
    row.execution_ns = state.start_ns + span_ns(start.first_workflow_task_backoff)
    _add(job, row, [LogRow(key, 1, 1, len(history.events), closed.events, closed.notes)])


def _is_new(job: _Import, namespace_key: int, workflow_id: str, run_id: str) -> bool:
    """Whether a run is to be taken. Raises AlreadyExists when it, or an open one, is there."""
    kind, store = EntityKind.WORKFLOW, job.store
    if store.find_run(namespace_key, kind, workflow_id, run_id):
        if job.ways.skip_existing:
            job.taken.skipped += 1
            return False
        raise AlreadyExists(f"run {run_id} of workflow {workflow_id} is in the file already")
    current = store.load_row(store.find_current(namespace_key, kind, workflow_id))
    is_open = current is not None and current.status == RUNNING
    if is_open or (namespace_key, workflow_id) in job.waiting:
        raise AlreadyExists(f"workflow {workflow_id} has an open run in the file")
    return True


def _add(job: _Import, row: RunRow, log: list[LogRow]) -> None:
    if row.status == RUNNING:
        job.taken.open_runs += 1
        job.waiting.add((row.namespace_key, row.workflow_id))
    retention_ns = next(
        known.retention_ns for known in job.namespaces.values() if known.key == row.namespace_key
    )
    job.taken.expired += bool(row.close_ns) and row.close_ns + retention_ns < job.now_ns
    job.taken.runs += 1
    job.writes.append(RunWrite(row, created=True, log=log[-1], earlier=log[:-1]))
    job.bytes += sum(len(entry.events) + len(entry.notes) for entry in log)


def _make_namespace(job: _Import, name: str) -> None:
    if DEFAULT_NAMESPACE not in job.namespaces:
        row = new_row(1, DEFAULT_NAMESPACE, _new_id(job), DEFAULT_RETENTION_NS)
        _add_namespace(job, row)
    if name not in job.namespaces:
        row = new_row(_next_namespace(job), name, _new_id(job), HISTORY_RETENTION_NS)
        _add_namespace(job, row)


def _add_namespace(job: _Import, row: NamespaceRow) -> None:
    owner = job.owner
    job.store.commit(Batch(owner.lane, owner.epoch, job.now_ns, namespaces=[row]))
    job.namespaces[row.name] = row


def _new_id(job: _Import) -> str:
    ids = UuidSource()
    ids.tick(job.now_ns)
    return ids.run_id()


def _next_namespace(job: _Import) -> int:
    return max((row.key for row in job.namespaces.values()), default=0) + 1


def _next_run(job: _Import) -> int:
    key, job.next_key = job.next_key, job.next_key + 1
    return key


def _commit(job: _Import) -> None:
    if job.writes:
        owner = job.owner
        job.store.commit(Batch(owner.lane, owner.epoch, job.now_ns, runs=job.writes))
    job.writes, job.bytes = [], 0
