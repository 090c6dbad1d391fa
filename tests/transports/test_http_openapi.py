"""`/openapi.json`: valid as OpenAPI 3.1, complete, and what the server answers follows it."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from polyrhythm.transports.http.bindings import all_bindings
from polyrhythm.transports.http.openapi import PREFIX, document
from transports.http_wire import DEFAULT, http
from transports.wire import run


def strict(document: dict[str, Any]) -> dict[str, Any]:
    """The document with a refusal of fields that it does not name."""
    for schema in document["components"]["schemas"].values():
        if schema.get("type") == "object":
            schema["additionalProperties"] = False
            schema.setdefault("properties", {})
    return document


def test_it_is_openapi_and_has_every_call():
    found = document({})
    validate(found)
    operations = {
        operation["operationId"] for path in found["paths"].values() for operation in path.values()
    }
    wanted = [one for one in all_bindings() if one.template.startswith(PREFIX)]
    assert len(operations) == len(wanted) + len(("changes", "events of a run"))
    assert {f"Call{one.method.short_name}" for one in wanted} <= operations
    listing = found["paths"]["/api/v1/namespaces/{namespace}/workflows"]["get"]
    assert listing["operationId"] == "ListWorkflowExecutions"
    named = {one["name"]: one["in"] for one in listing["parameters"]}
    assert named == {
        "namespace": "path",
        "pageSize": "query",
        "nextPageToken": "query",
        "query": "query",
    }
    describing = found["paths"]["/api/v1/namespaces/{namespace}/workflows/{workflow_id}"]["get"]
    assert "execution.runId" in {one["name"] for one in describing["parameters"]}


ANSWERS = (
    ("GET", "/api/v1/system-info", "GetSystemInfoResponse"),
    ("GET", "/api/v1/cluster-info", "GetClusterInfoResponse"),
    ("GET", "/api/v1/namespaces/default", "DescribeNamespaceResponse"),
    ("GET", f"{DEFAULT}/workflows", "ListWorkflowExecutionsResponse"),
    ("GET", f"{DEFAULT}/workflow-count", "CountWorkflowExecutionsResponse"),
    ("GET", f"{DEFAULT}/workflows/w", "DescribeWorkflowExecutionResponse"),
    ("GET", f"{DEFAULT}/workflows/w/history", "GetWorkflowExecutionHistoryResponse"),
    ("GET", f"{DEFAULT}/task-queues/q", "DescribeTaskQueueResponse"),
    ("POST", "/api/poly/v1/call/GetRunAt", "GetRunAtResponse"),
    ("POST", "/api/poly/v1/call/ReadLog", "ReadLogResponse"),
    ("POST", "/api/poly/v1/call/GetMetrics", "GetMetricsResponse"),
)
BODIES = {
    "GetRunAtResponse": {"namespace": "default", "workflowId": "w"},
    "ReadLogResponse": {"namespace": "default"},
    "GetMetricsResponse": {},
}


@pytest.mark.parametrize(("verb", "path", "message"), ANSWERS)
def test_answers_are_as_it_says(verb, path, message):
    async def main():
        async with http() as there:
            await there.start("w", memo={"fields": {"k": [1, None]}}, input=[{"a": 1}])
            await there.post(f"{DEFAULT}/workflows/w/signal/go", {"input": ["x"]})
            served = (await there.get("/openapi.json")).json()
            components = {"components": strict(served)["components"]}
            answer = await there.client.request(verb, path, json=BODIES.get(message))
            assert answer.status_code == 200, answer.text
            package = "polyrhythm.api.v1" if verb == "POST" else "temporal.api.workflowservice.v1"
            schema = {"$ref": f"#/components/schemas/{package}.{message}", **components}
            Draft202012Validator(schema).validate(answer.json())

            refused = await there.get(f"{DEFAULT}/workflows/none")
            status = {"$ref": "#/components/schemas/google.rpc.Status", **components}
            Draft202012Validator(status).validate(refused.json())

    run(main())
