"""Jobs over HTTP: put as JSON without any Python, changed by id and tag, refused with reasons."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from openapi_spec_validator import validate

from poly_process import POLY, PolyProcess
from polyrhythm.app.job_routes import PATHS, JobRoutes
from polyrhythm.transports.http.openapi import document
from transports.http_wire import Http, http, refusal
from transports.wire import run

JOBS = "/api/poly/v1/namespaces/default/jobs"
TAGS = "/api/poly/v1/namespaces/default/job-tags"


async def put(there: Http, job: str, **tree: Any) -> httpx.Response:
    return await there.client.put(f"{JOBS}/{job}", json=tree)


def test_a_job_is_put_shown_changed_and_removed() -> None:
    async def main() -> None:
        async with http(parts=[JobRoutes()]) as there:
            first = await put(there, "hi", spec="@every 1h", shell="echo hi", tags=["t"])
            assert first.json() == {"created": True, "changed": True}
            again = await put(there, "hi", spec="@every 1h", shell="echo hi", tags=["t"])
            assert again.json() == {"created": False, "changed": False}
            taken = await there.post(f"{JOBS}/hi", {"spec": "@every 1h", "shell": "true"})
            assert refusal(taken)[:2] == (409, 6)
            await put(there, "ping", spec="0 9 * * *", http="https://example.com", tz="Asia/Tokyo")
            await put(there, "flow", workflow="checkout", args=[1, {"a": 2}], queue="shop")
            listed = (await there.get(JOBS)).json()["jobs"]
            assert [one["id"] for one in listed] == ["flow", "hi", "ping"]
            assert [one["tz"] for one in listed] == ["UTC", "UTC", "Asia/Tokyo"]
            tagged = (await there.get(f"{JOBS}?tag=t")).json()["jobs"]
            assert [one["id"] for one in tagged] == ["hi"]
            paused = await there.post(f"{JOBS}/hi/pause", {"reason": "it is moving"})
            assert paused.json() == {"jobs": ["hi"]}
            one = (await there.get(f"{JOBS}/hi")).json()
            assert (one["paused"], one["note"], one["next"]) == (True, "it is moving", [])
            assert (await there.post(f"{TAGS}/t/resume")).json() == {"jobs": ["hi"]}
            assert (await there.post(f"{JOBS}/flow/run")).json() == {"jobs": ["flow"]}
            ran = (await there.get(f"{JOBS}/flow")).json()["recent"]
            assert [one["status"] for one in ran] == ["RUNNING"]
            started = await there.get("/api/v1/namespaces/default/workflows")
            (info,) = started.json()["executions"]
            assert (info["type"]["name"], info["taskQueue"]) == ("checkout", "shop")
            assert (await there.client.delete(f"{TAGS}/t")).json() == {"jobs": ["hi"]}
            gone = await there.get(f"{JOBS}/hi")
            assert refusal(gone) == (404, 5, 'there is no job "hi"')

    run(main())


@pytest.mark.parametrize(
    ("tree", "saying"),
    [
        ({"spec": "@every 5s"}, "say one of shell, http and workflow"),
        ({"spec": "@every 5s", "shell": "a", "http": "http://b"}, "say one of"),
        ({"spec": "0 0 30 2 *", "shell": "a"}, "no time to come"),
        ({"spec": "every now and then", "shell": "a"}, "every now and then"),
        ({"spec": 5, "shell": "a"}, "not 5"),
        ({"spec": "@every 5s", "shell": ""}, "a command is a text"),
        ({"spec": "@every 5s", "http": "ftp://x"}, "http:// or https://"),
        ({"spec": "@every 5s", "shell": "a", "colour": 1}, "no setting colour"),
        ({"spec": "@every 5s", "shell": "a", "on_error": 1}, "no setting on_error"),
        ({"spec": "@every 5s", "shell": "a", "tz": "Mars/North"}, "Mars/North"),
        ({"spec": "@every 5s", "shell": "a", "tz": 5}, "wrong kind"),
        ({"spec": "@every 5s", "shell": "a", "tags": 5}, ""),
        ({"spec": "@every 5s", "shell": "a", "timeout": []}, ""),
        ({"spec": "@every 5s", "shell": "a", "queue": 5}, ""),
        ({"spec": "@every 5s", "workflow": "w", "args": 5}, "its args are a list"),
        ({"spec": "@every 5s", "workflow": 5}, "by its name"),
    ],
)
def test_what_cannot_be_a_job_is_refused_with_its_reason(tree: Any, saying: str) -> None:
    async def main() -> None:
        async with http(parts=[JobRoutes()]) as there:
            answer = await put(there, "j", **tree)
            status, code, message = refusal(answer)
            assert (status, code) == (400, 3), message
            assert saying in message
            assert (await there.get(JOBS)).json() == {"jobs": []}

    run(main())


def test_bodies_that_are_no_objects_and_jobs_that_are_not_there() -> None:
    async def main() -> None:
        async with http(parts=[JobRoutes()]) as there:
            for body in (b"[1]", b"{", b'"x"'):
                answer = await there.client.put(f"{JOBS}/j", content=body)
                assert refusal(answer)[:2] == (400, 3)
            assert refusal(await there.post(f"{JOBS}/none/run"))[0] == 404
            answer = await there.client.post(f"{JOBS}/none/pause", json={"reason": 5})
            assert refusal(answer) == (400, 3, "a reason is a text")

    run(main())


def test_openapi_has_them() -> None:
    found = document(PATHS)
    validate(found)
    putting = found["paths"][JOBS.replace("default", "{namespace}") + "/{job}"]["put"]
    assert [one["name"] for one in putting["parameters"]] == ["namespace", "job"]


def closing_event(url: str, workflow_id: str) -> str:
    """The type of a run's last event, once it has closed."""
    history = f"{url}/api/v1/namespaces/default/workflows/{quote(workflow_id, safe='')}/history"
    wanted = "waitNewEvent=true&historyEventFilterType=HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT"
    for _ in range(10):
        events = httpx.get(f"{history}?{wanted}", timeout=60).json()["history"].get("events")
        if events:
            return str(events[-1]["eventType"])
    raise AssertionError("it did not end")


def test_a_worker_runs_what_was_put_over_http(tmp_path: Path) -> None:
    with PolyProcess(tmp_path, "--ui-port", "0") as server:
        url = f"http://{server.line().rpartition('HTTP on ')[2]}"
        work = [str(POLY), "schedule", "work", f"poly://{server.address}"]
        with subprocess.Popen(work, stderr=subprocess.DEVNULL) as worker:
            try:
                tree = {"spec": "@every 1h", "shell": f"{sys.executable} -c 'print(6 * 7)'"}
                assert httpx.put(f"{url}{JOBS}/sum", json=tree).status_code == 200
                assert httpx.post(f"{url}{JOBS}/sum/run").status_code == 200
                (begun,) = httpx.get(f"{url}{JOBS}/sum").json()["recent"]
                assert closing_event(url, begun["workflow_id"]).endswith("EXECUTION_COMPLETED")
                (ran,) = httpx.get(f"{url}{JOBS}/sum").json()["recent"]
                assert ran["status"] == "COMPLETED"
            finally:
                worker.terminate()
