"""Runs as lines of JSON, for replayers and for another file.

Two forms. `temporal`: a history a line, the JSON that `temporal workflow show --output json`
writes and the SDKs' replayers read, with its ids beside the events. `full`: a line of namespaces,
then a run a line with every row of its log, notes included, as bytes in base64: only that can go
on elsewhere. A file is read as of one instant, whoever owns it; a service gives histories only.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

# Imported for its descriptors: the link finds a method's answer by them.
import temporalio.api.workflowservice.v1.service_pb2  # noqa: F401
from google.protobuf.json_format import MessageToDict
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
    ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
)

from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import NamespaceNotFound
from polyrhythm.links.grpc import GrpcLink
from polyrhythm.stores.port import NamespaceRow, RunRow
from polyrhythm.stores.sqlite import FileReader

# Says what a line of the full form is; a release that changes its fields raises the number.
FULL_FORM = "polyrhythm-runs/1"
SERVICE = "/temporal.api.workflowservice.v1.WorkflowService/"
CALL_S = 30.0
LIST_PAGE = 1000


@dataclass(slots=True)
class Wanted:
    """Which runs: empty means any."""

    namespace: str = ""
    workflow_id: str = ""
    run_id: str = ""


def file_lines(path: str, wanted: Wanted, full: bool) -> Iterator[str]:
    """Yield the lines of a file's runs. Raises StoreError, DataLoss, NamespaceNotFound."""
    with FileReader(path) as reader:
        namespaces = reader.namespaces()
        names = {row.key: row.name for row in namespaces}
        keys = {row.name: row.key for row in namespaces}
        if wanted.namespace and wanted.namespace not in keys:
            raise NamespaceNotFound(wanted.namespace)
        if full:
            yield _dump({"format": FULL_FORM, "namespaces": list(map(_namespace, namespaces))})
        key = keys[wanted.namespace] if wanted.namespace else 0
        for row in reader.runs(key, wanted.workflow_id, wanted.run_id):
            if row.kind != EntityKind.WORKFLOW:
                continue
            name = names[row.namespace_key]
            log = reader.log(row.run_key)
            if full:
                rows = [
                    [
                        entry.first_event_id,
                        entry.event_count,
                        _text(entry.events),
                        _text(entry.notes),
                    ]
                    for entry in log
                ]
                yield _dump({**_ids(name, row.workflow_id, row.run_id), **_facts(row), "log": rows})
            else:
                events = History.FromString(b"".join(entry.events for entry in log)).events
                yield history_line(name, row.workflow_id, row.run_id, events)


async def service_lines(address: str, wanted: Wanted) -> AsyncGenerator[str, None]:
    """Yield the histories that a service has, its own or any Temporal server.

    Raises the errors of `base.errors` that its calls are answered with.
    """
    link = GrpcLink(address)
    name = wanted.namespace or "default"
    try:
        async for workflow_id, run_id in _runs(link, name, wanted):
            events = await _history(link, name, workflow_id, run_id)
            yield history_line(name, workflow_id, run_id, events)
    finally:
        await link.close()


def history_line(
    namespace: str, workflow_id: str, run_id: str, events: Iterable[HistoryEvent]
) -> str:
    """Return one history with its ids."""
    told = [MessageToDict(event) for event in events]
    return _dump({**_ids(namespace, workflow_id, run_id), "events": told})


async def _runs(link: GrpcLink, name: str, wanted: Wanted) -> AsyncIterator[tuple[str, str]]:
    if wanted.workflow_id and wanted.run_id:
        yield wanted.workflow_id, wanted.run_id
        return
    request = ListWorkflowExecutionsRequest(namespace=name, page_size=LIST_PAGE)
    if wanted.workflow_id:
        request.query = f"WorkflowId = {_quote(wanted.workflow_id)}"
    elif wanted.run_id:
        request.query = f"RunId = {_quote(wanted.run_id)}"
    while True:
        page = await link.call(SERVICE + "ListWorkflowExecutions", request, CALL_S)
        assert isinstance(page, ListWorkflowExecutionsResponse)
        for found in page.executions:
            yield found.execution.workflow_id, found.execution.run_id
        if not page.next_page_token:
            return
        request.next_page_token = page.next_page_token


async def _history(link: GrpcLink, name: str, workflow_id: str, run_id: str) -> list[HistoryEvent]:
    request = GetWorkflowExecutionHistoryRequest(namespace=name)
    request.execution.workflow_id, request.execution.run_id = workflow_id, run_id
    events: list[HistoryEvent] = []
    while True:
        page = await link.call(SERVICE + "GetWorkflowExecutionHistory", request, CALL_S)
        assert isinstance(page, GetWorkflowExecutionHistoryResponse)
        events.extend(page.history.events)
        if not page.next_page_token:
            return events
        request.next_page_token = page.next_page_token


def _ids(namespace: str, workflow_id: str, run_id: str) -> dict[str, Any]:
    return {"namespace": namespace, "workflowId": workflow_id, "runId": run_id}


def _facts(row: RunRow) -> dict[str, Any]:
    """Return what an import needs beside the log, and what it checks the log's fold against."""
    return {
        "status": _status(row.status),
        "runKey": row.run_key,
        "executionNs": row.execution_ns,
        "historyEvents": row.history_events,
        "historyBytes": row.history_bytes,
        "transitions": row.transitions,
    }


def _status(number: int) -> str:
    name = WorkflowExecutionStatus.Name(WorkflowExecutionStatus.ValueType(number))
    return name.removeprefix("WORKFLOW_EXECUTION_STATUS_")


def _namespace(row: NamespaceRow) -> dict[str, Any]:
    return {
        "key": row.key,
        "name": row.name,
        "id": row.namespace_id,
        "retentionNs": row.retention_ns,
        "body": _text(row.body),
    }


def _quote(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
