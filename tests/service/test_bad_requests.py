"""Every recorded malformed call whose method is built: refused here as the real server refused it.

A row whose answer depends on what exists must reach the engine instead, untouched by a guess.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from polyrhythm.access.identity import anonymous
from polyrhythm.base.errors import Unimplemented
from polyrhythm.service.methods import METHODS
from polyrhythm.service.status import code_name_of, status_of
from service.fakes import MINUTE_NS, NOW_NS, Fixture

CORPUS = Path(__file__).parents[1] / "corpus" / "temporal"
ROWS = json.loads((CORPUS / "bad_requests.json").read_text())

# What only the engine can know: which workflows, runs, activities and namespaces there are.
NEEDS_STATE = frozenset(
    """start_running_default start_running_reject start_running_use_existing start_closed_reject
    start_closed_failed_only start_empty_request_id start_details_too_large
    signal_unknown_run signal_unknown_workflow signal_closed_run cancel_unknown cancel_closed
    cancel_wrong_first_run terminate_closed delete_unknown describe_unknown
    describe_run_of_other_workflow history_negative_page query_unknown list_negative_page
    list_open_without_start_filter activity_by_id_unknown activity_pause_unknown
    namespace_register_existing
    update_closed update_poll_unknown
    schedule_missing_id schedule_unknown schedule_create_no_action
    reset_bad_point batch_describe_unknown""".split()
)
NAMES = {
    "x1001": "x" * 1001,
    "x1000": "x" * 1000,
    "new": "~new",
    "other": "~other",
    "wf": "~running",
    "closed": "~closed",
    "closed_run": "22222222-2222-4333-8444-555555555555",
    "queue": "~tq",
    "uuid": "33333333-2222-4333-8444-555555555555",
}


def fill(value: Any) -> Any:
    """Put values in for the placeholders of a row, as the corpus's own runner does."""
    if isinstance(value, dict):
        if "$blob" in value:
            data = b'"' + b"x" * (value["$blob"] - 2) + b'"'
            return {
                "metadata": {"encoding": base64.b64encode(b"json/plain").decode()},
                "data": base64.b64encode(data).decode(),
            }
        if "$token" in value:
            return base64.b64encode(value["$token"].encode()).decode()
        return {key: fill(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner) for inner in value]
    if isinstance(value, str):
        for name, text in NAMES.items():
            value = value.replace("{" + name + "}", text)
    return value


def method_of(row: dict[str, Any]) -> str:
    service, method = row["rpc"].split(".")
    package = "workflowservice" if service == "WorkflowService" else "operatorservice"
    return f"/temporal.api.{package}.v1.{service}/{method}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_row(row: dict[str, Any]) -> None:
    method = METHODS[method_of(row)]
    request = json_format.ParseDict(fill(row["request"]), method.request_class())
    fixture = Fixture()
    deadline_ns = NOW_NS + MINUTE_NS
    reply = fixture.service.call(method.name, request, anonymous(), deadline_ns)
    if method.handler is None:
        assert isinstance(reply.error, Unimplemented)
    elif row["name"] in NEEDS_STATE:
        assert fixture.engine.submitted
        assert reply.error is None
    else:
        assert not fixture.engine.submitted
        assert answer(reply.error) == {
            key: row[key] for key in ("code", "message", "details") if key in row
        }


def answer(error: Exception | None) -> dict[str, Any]:
    """A refusal as the corpus writes it: details unpacked, positions in a query masked."""
    assert error is not None
    status = status_of(error)
    message = re.sub(r"position \d+( near '[^']*')?", "position <n>", status.message)
    found: dict[str, Any] = {"code": code_name_of(error), "message": message}
    if status.details:
        found["details"] = [unpacked(detail) for detail in status.details]
    return found


def unpacked(detail: Any) -> dict[str, Any]:
    fields = json_format.MessageToDict(detail, preserving_proto_field_name=True)
    named: dict[str, Any] = name_types(fields)
    return named


def name_types(value: Any) -> Any:
    """Types as the corpus names them, without an address, at any depth."""
    if isinstance(value, dict):
        named = {key: name_types(inner) for key, inner in value.items()}
        return {**named, "@type": named["@type"].rpartition("/")[2]} if "@type" in named else named
    return [name_types(inner) for inner in value] if isinstance(value, list) else value


def test_rows_named_here_are_in_the_corpus() -> None:
    assert {row["name"] for row in ROWS} >= NEEDS_STATE
