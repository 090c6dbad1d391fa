"""Temporal's HTTP API: paths, queries, bodies, payloads and refusals, against a service in memory.

Texts and codes that are compared were answered by a Temporal server 1.31.2 to the same requests,
but for those that docs/deviations.md names.
"""

from google.api import annotations_pb2

from polyrhythm.api import service as api
from polyrhythm.service.methods import METHODS
from polyrhythm.transports.http.bindings import SERVICES, all_bindings
from polyrhythm.transports.http.carried import CARRIED, OPAQUE
from transports.http_wire import DEFAULT, START, http, refusal
from transports.wire import run

NOT_FOUND = {
    "code": 5,
    "message": "workflow not found for ID: none",
    "details": [{"@type": "type.googleapis.com/temporal.api.errordetails.v1.NotFoundFailure"}],
}


def test_a_workflow_is_started_described_and_listed():
    async def main():
        async with http() as there:
            memo = {"fields": {"k": "v"}}
            run_id = await there.start("w1", input=[{"a": 1}], memo=memo)
            found = (await there.get(f"{DEFAULT}/workflows/w1")).json()
            info = found["workflowExecutionInfo"]
            assert info["execution"] == {"workflowId": "w1", "runId": run_id}
            assert info["status"] == "WORKFLOW_EXECUTION_STATUS_RUNNING"
            assert info["historyLength"] == "2"
            assert info["memo"] == memo
            listed = (await there.get(f"{DEFAULT}/workflows?query=WorkflowType%3D'T'")).json()
            assert [one["execution"]["runId"] for one in listed["executions"]] == [run_id]
            assert (await there.get(f"{DEFAULT}/workflow-count")).json() == {"count": "1"}
            # The path without a prefix is the protocol's first spelling.
            same = await there.get(f"/namespaces/default/workflows/w1?execution.run_id={run_id}")
            assert same.json()["workflowExecutionInfo"]["execution"]["runId"] == run_id

    run(main())


def test_signals_cancels_and_ends():
    async def main():
        async with http() as there:
            await there.start("w/1 ü".replace("/", "%2F").replace(" ", "%20"))
            path = f"{DEFAULT}/workflows/w%2F1%20ü"
            assert (await there.post(f"{path}/signal/go", {"input": [1]})).json() == {}
            assert (await there.post(f"{path}/cancel")).json() == {}
            assert (await there.post(f"{path}/terminate", {"reason": "done"})).json() == {}
            events = (await there.get(f"{path}/history")).json()["history"]["events"]
            kinds = [event["eventType"].removeprefix("EVENT_TYPE_") for event in events]
            assert kinds == [
                "WORKFLOW_EXECUTION_STARTED",
                "WORKFLOW_TASK_SCHEDULED",
                "WORKFLOW_EXECUTION_SIGNALED",
                "WORKFLOW_EXECUTION_CANCEL_REQUESTED",
                "WORKFLOW_EXECUTION_TERMINATED",
            ]
            assert events[2]["workflowExecutionSignaledEventAttributes"]["input"] == [1]

    run(main())


def test_payloads_in_shorthand_and_long():
    async def main():
        async with http() as there:
            values = [{"a": 1}, None, "x", [], 12345678901234567890, 1.5]
            await there.start("short", input=values)
            long = {"metadata": {"encoding": "YmluYXJ5L251bGw="}}
            path = f"{DEFAULT}/workflows/short/history?maximumPageSize=1"
            started = (await there.get(path)).json()["history"]["events"][0]
            found = started["workflowExecutionStartedEventAttributes"]["input"]
            # A null is written in its long form, or it would come back as another encoding.
            assert found == [{"a": 1}, long, "x", [], 12345678901234567890, 1.5]

            raw = (await there.get(f"{path}&noPayloadShorthand")).json()["history"]["events"][0]
            payloads = raw["workflowExecutionStartedEventAttributes"]["input"]["payloads"]
            assert payloads[0] == {
                "metadata": {"encoding": "anNvbi9wbGFpbg=="},
                "data": "eyJhIjoxfQ==",
            }
            assert payloads[1] == long

            binary = {"metadata": {"encoding": "YmluYXJ5L3BsYWlu"}, "data": "aGk="}
            proto = {"_protoMessageType": "shop.Order", "id": 7}
            await there.start("mixed", input=[binary])
            await there.start("proto", input=[proto])
            for workflow_id, wanted in (("mixed", {"payloads": [binary]}), ("proto", [proto])):
                page = (await there.get(f"{DEFAULT}/workflows/{workflow_id}/history")).json()
                event = page["history"]["events"][0]
                assert event["workflowExecutionStartedEventAttributes"]["input"] == wanted

            # What was read is taken as it is, in either form.
            accept = {"accept": "application/json+no-payload-shorthand"}
            again = await there.get(f"{DEFAULT}/workflows/mixed/history", **accept)
            assert "shorthand" not in again.headers["content-type"]
            body = {"payloads": payloads}
            await there.start("again", input=body)
            page = (await there.get(f"{DEFAULT}/workflows/again/history")).json()
            event = page["history"]["events"][0]
            assert event["workflowExecutionStartedEventAttributes"]["input"] == found

    run(main())


def test_pretty_is_for_people():
    async def main():
        async with http() as there:
            plain = await there.get("/api/v1/system-info")
            pretty = await there.get("/api/v1/system-info?pretty")
            assert plain.json() == pretty.json()
            assert "\n  " in pretty.text
            assert "\n" not in plain.text
            by_header = await there.get("/api/v1/system-info", accept="application/json+pretty")
            assert by_header.text == pretty.text

    run(main())


def test_refusals_are_statuses():
    async def main():
        async with http() as there:
            path = f"{DEFAULT}/workflows"
            missing = await there.get(f"{path}/none")
            assert (missing.status_code, missing.json()) == (404, NOT_FOUND)
            assert refusal(await there.get("/nope")) == (404, 5, "Not Found")
            put = await there.client.put("/api/v1/namespaces")
            assert refusal(put) == (501, 12, "Method Not Allowed")
            run_id = await there.start("w1")
            twice = await there.post(f"{path}/w1", START)
            code, number, text = refusal(twice)
            assert (code, number) == (409, 6)
            assert text == (
                f"Workflow execution is already running. WorkflowId: w1, RunId: {run_id}."
            )
            assert twice.json()["details"][0]["runId"] == run_id
            bad_run = await there.get(f"{path}/w1?execution.runId=abc")
            assert refusal(bad_run) == (400, 3, "Invalid RunId.")
            assert refusal(await there.get(f"{path}?pageSize=x")) == (
                400,
                3,
                'parsing field "page_size": strconv.ParseInt: parsing "x": invalid syntax',
            )
            assert refusal(await there.get(f"{path}?query=Foo%3D1")) == (
                400,
                3,
                "invalid query: invalid expression: column name 'Foo' is not a valid search"
                " attribute",
            )
            assert refusal(await there.get(f"{path}?pageSize=1&pageSize=2"))[0] == 400
            assert (await there.get(f"{path}?nothing.of=ours&also=nothing")).status_code == 200

    run(main())


def test_bodies_that_are_no_requests():
    async def main():
        async with http() as there:
            path = f"{DEFAULT}/workflows/w"

            async def told(body: bytes) -> str:
                answer = await there.client.post(path, content=body)
                code, number, text = refusal(answer)
                assert (code, number) == (400, 3)
                return text

            assert await told(b'{"bogus":1}') == 'unknown field "bogus"'
            assert "workflowType.nme" in await told(b'{"workflowType":{"nme":"T"}}')
            for body in (b'{"workflowType":', b"[]", b"7", b"\xff\xfe", b"[" * 100_000):
                assert await told(body)
            assert await told(b'{"workflowType":3}')
            assert await told(b'{"workflowTaskTimeout":"soon"}')
            assert await told(b'{"input":[{"_protoMessageType":3}]}')

    run(main())


def test_enums_in_camel_case():
    async def main():
        async with http() as there:
            kind = {"name": "q", "kind": "Normal"}
            await there.start("w", taskQueue=kind, workflowIdReusePolicy="AllowDuplicate")
            answer = await there.post(
                f"{DEFAULT}/workflows/v", START | {"workflowIdReusePolicy": "Never"}
            )
            assert answer.status_code == 400

    run(main())


def test_every_method_has_its_paths():
    bindings = list(all_bindings())
    annotated = 0
    for service in SERVICES:
        for method in service.methods:
            annotated += method.GetOptions().HasExtension(annotations_pb2.http)
    of_paths = {(one.verb, one.template) for one in bindings}
    assert len(of_paths) == len(bindings)
    assert {one.method.name for one in bindings} == set(METHODS)
    # The protocol's 106 and our own.
    assert annotated >= 106


def test_methods_without_a_path_of_their_own_are_called_by_name():
    async def main():
        async with http() as there:
            await there.start("w")
            request = {"namespace": "default", "workflowExecution": {"workflowId": "w"}}
            answer = await there.post("/api/poly/v1/call/DeleteWorkflowExecution", request)
            assert (answer.status_code, answer.json()) == (200, {})
            unbuilt = await there.post("/api/poly/v1/call/AddOrUpdateRemoteCluster")
            assert refusal(unbuilt)[:2] == (501, 12)

    run(main())


def test_carried_messages_are_written_as_what_they_are():
    bytes_fields = {
        field.full_name
        for message in api.DESCRIPTOR.message_types_by_name.values()
        for field in message.fields
        if field.type == field.TYPE_BYTES
    }
    assert bytes_fields == set(CARRIED) | OPAQUE

    async def main():
        async with http() as there:
            await there.start("w", input=[1])
            request = {"namespace": "default", "workflowId": "w"}
            past = (await there.post("/api/poly/v1/call/GetRunAt", request)).json()
            started = past["history"]["events"][0]["workflowExecutionStartedEventAttributes"]
            assert started["input"] == [1]
            assert past["description"]["workflowExecutionInfo"]["historyLength"] == "2"

    run(main())
