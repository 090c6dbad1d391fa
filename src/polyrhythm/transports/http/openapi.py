"""`/openapi.json`: the calls of this server as OpenAPI 3.1, made from the same bindings as routes.

Made when somebody first asks, and kept. Paths without the prefix `/api/v1` are left out: they are
the same calls once more. Text of the protocol's comments is not in its descriptors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

import msgspec
from google.rpc.status_pb2 import Status

from polyrhythm.transports.http.bindings import CALL_PATH, WHOLE_BODY, Binding, all_bindings
from polyrhythm.transports.http.changes import CHANGES_PATH
from polyrhythm.transports.http.exchange import JSON, Exchange
from polyrhythm.transports.http.run_events import RUN_EVENTS_PATH
from polyrhythm.transports.http.schemas import FORMS, Schemas

PREFIX = "/api/"
PLACEHOLDER = re.compile(r"\{[^}]*\}")
STREAM = {"text/event-stream": {"schema": {"type": "string"}}}
TEXT: dict[str, Any] = {"type": "string"}
# How deep fields of messages are spelled out as `outer.inner` in queries.
QUERY_DEPTH_MAX = 2
# What is no call of the protocol: path, its operation, what it says, and its query.
OWN = (
    (
        CHANGES_PATH,
        "StreamChanges",
        "Changes of runs as Server-Sent Events",
        ("position",),
    ),
    (
        RUN_EVENTS_PATH,
        "StreamRunEvents",
        "Events of a run as Server-Sent Events",
        ("position", "runId"),
    ),
)


class OpenApi:
    """Answers with the document."""

    def __init__(self, paths: Mapping[str, Any]) -> None:
        self._paths = paths
        self._body = b""

    def take(self, exchange: Exchange) -> None:
        """Answer with it; the first time it is made (some 30 ms)."""
        self._body = self._body or msgspec.json.encode(document(self._paths))
        body = self._body
        if exchange.request.is_pretty:
            body = msgspec.json.format(body, indent=2)
        exchange.answer(200, JSON, body)


def document(more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document, with path items of other parts."""
    schemas = Schemas()
    refusal = {
        "description": "A refusal",
        "content": {"application/json": {"schema": schemas.refer(Status.DESCRIPTOR)}},
    }
    paths: dict[str, dict[str, Any]] = {}
    # Two paths that differ in the names of their parameters alone are one path to OpenAPI.
    spelled: dict[str, str] = {}
    taken: dict[str, int] = {}
    for binding in all_bindings():
        if binding.template.startswith(PREFIX):
            shape = PLACEHOLDER.sub("{}", binding.template)
            path = spelled.setdefault(shape, binding.template)
            operation = _operation(binding, path, schemas)
            operation["operationId"] = _operation_id(binding, taken)
            operation["responses"]["default"] = refusal
            paths.setdefault(path, {})[binding.verb.lower()] = operation
    for path, name, summary, query in OWN:
        ok = {"description": "Messages", "content": STREAM}
        paths[path] = {
            "get": {
                "operationId": name,
                "summary": summary,
                "tags": ["Streams"],
                "parameters": [*_path_parameters(path), *(_in_query(one, TEXT) for one in query)],
                "responses": {"200": ok, "204": {"description": "Over"}, "default": refusal},
            }
        }
    for path, item in more.items():
        parameters = _path_parameters(path)
        paths[path] = {
            verb: operation
            | {"parameters": [*parameters, *operation.get("parameters", ())]}
            | {"responses": operation["responses"] | {"default": refusal}}
            for verb, operation in item.items()
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Polyrhythm", "version": version("polyrhythm")},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.found.items())),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        # A server without keys asks for none.
        "security": [{}, {"key": []}],
    }


def _operation_id(binding: Binding, taken: dict[str, int]) -> str:
    name = binding.method.short_name
    if binding.template.startswith(CALL_PATH):
        return f"Call{name}"
    taken[name] = taken.get(name, 0) + 1
    return name if taken[name] == 1 else f"{name}{taken[name]}"


def _operation(binding: Binding, path: str, schemas: Schemas) -> dict[str, Any]:
    method = binding.method
    request, response = method.request_class.DESCRIPTOR, method.response_class.DESCRIPTOR
    operation: dict[str, Any] = {
        "tags": [method.name.split("/")[1].rpartition(".")[2]],
        "responses": {
            "200": {
                "description": response.name,
                "content": {"application/json": {"schema": schemas.refer(response)}},
            }
        },
    }
    parameters = _path_parameters(path)
    if binding.body == WHOLE_BODY:
        schema = schemas.refer(request)
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    else:
        parameters += _query_parameters(request, binding.taken, schemas)
    if parameters:
        operation["parameters"] = parameters
    return operation


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = (found[1:-1] for found in PLACEHOLDER.findall(path))
    return [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in names]


def _in_query(name: str, schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


def _query_parameters(
    request: Any, taken: frozenset[str], schemas: Schemas
) -> list[dict[str, Any]]:
    found = _query_fields(request, "", "", 1, schemas)
    return [_in_query(name, schema) for original, name, schema in found if original not in taken]


def _query_fields(
    message: Any, original: str, name: str, depth: int, schemas: Schemas
) -> Iterator[tuple[str, str, Any]]:
    """Yield each field that a query may name: as the protocol and as JSON spells it."""
    for field in message.fields:
        full, spelled = original + field.name, name + field.json_name
        inner = field.message_type
        if inner is None or inner.full_name in FORMS:
            yield full, spelled, schemas.field(field)
        elif not field.is_repeated and depth < QUERY_DEPTH_MAX:
            yield from _query_fields(inner, f"{full}.", f"{spelled}.", depth + 1, schemas)
