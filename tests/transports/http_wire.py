"""An HTTP server on a free port, in front of a service in memory or of prepared answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from polyrhythm.access.identity import anonymous
from polyrhythm.app.compose import Place, own
from polyrhythm.base.limits import Limits
from polyrhythm.transports.http import HttpServer, HttpSettings, Part, build_router
from polyrhythm.transports.wire import Calls, Door, OpenDoor, Switch

DEFAULT = "/api/v1/namespaces/default"
START = {"workflowType": {"name": "T"}, "taskQueue": {"name": "q"}}


class Http:
    """A running server and one client of it."""

    def __init__(self, server: HttpServer, port: int, switch: Switch) -> None:
        self.server = server
        self.port = port
        self.switch = switch
        self.ready = True
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers)

    async def post(self, path: str, tree: Any = None, **headers: str) -> httpx.Response:
        return await self.client.post(path, json=tree or {}, headers=headers)

    async def start(self, workflow_id: str, **fields: Any) -> str:
        """Start a workflow and return its run id."""
        answer = await self.post(f"{DEFAULT}/workflows/{workflow_id}", START | fields)
        assert answer.status_code == 200, answer.text
        run_id: str = answer.json()["runId"]
        return run_id

    async def raw(self, data: bytes) -> bytes:
        """What a client gets that sends these bytes and listens until the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        try:
            return await asyncio.wait_for(reader.read(), 20)
        finally:
            writer.close()


@asynccontextmanager
async def http(
    calls: Calls | None = None,
    settings: HttpSettings | None = None,
    door: Door | None = None,
    parts: Sequence[Part] = (),
) -> AsyncIterator[Http]:
    """Serve for a `with` block: a service in memory, or `calls`."""
    owned = None
    if calls is None:
        owned = own(Place("", "memory"), Limits())
        calls = owned.calls()
    switch = Switch(calls)
    settings = settings or HttpSettings()
    door = door or OpenDoor(anonymous())
    router = build_router(switch, door, lambda: made.ready, settings, parts)
    server = HttpServer(router, settings)
    made = Http(server, await server.listen("127.0.0.1:0"), switch)
    try:
        yield made
    finally:
        await made.client.aclose()
        await server.stop(1)
        if owned is not None:
            await owned.finish()
            owned.close()


def refusal(answer: httpx.Response) -> tuple[int, int, str]:
    """The HTTP status, the code and the message of a refusal."""
    tree = answer.json()
    return answer.status_code, tree["code"], tree["message"]


def parts(answer: bytes) -> tuple[int, Any]:
    """The status and the JSON of the last answer in some bytes."""
    head, _, body = answer.rpartition(b"\r\n\r\n")
    status = int(head.rpartition(b"HTTP/1.1 ")[2][:3])
    return status, json.loads(body) if body else None
