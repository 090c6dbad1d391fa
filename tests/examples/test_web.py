"""The FastAPI example: requests start runs, ask them, and find them again after a restart."""

import asyncio
import sys
from types import ModuleType

import httpx
import pytest

from polyrhythm.app.finding import find_app
from polyrhythm.app.loops import new_loop
from tidy.source import ROOT

WEB = ROOT / "examples" / "native" / "web.py"


@pytest.fixture
def web(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(WEB.parent))
    app = find_app(str(WEB))
    app.move(str(tmp_path / "web.db"))
    return sys.modules["web"]


async def serve(web: ModuleType, *requests: tuple[str, str, object]) -> list[httpx.Response]:
    """What the service answers between one start and one shutdown."""
    transport = httpx.ASGITransport(app=web.api)
    async with (
        web.lifespan(web.api),
        httpx.AsyncClient(transport=transport, base_url="http://shop") as client,
    ):
        return [await client.request(verb, path, json=body) for verb, path, body in requests]


def test_an_order_waits_over_a_restart_for_its_payment(web):
    with asyncio.Runner(loop_factory=new_loop) as runner:
        taken, again, unknown, waits = runner.run(
            serve(
                web,
                ("POST", "/orders/7", {"lines": ["tea", "kettle"]}),
                ("POST", "/orders/7", {"lines": ["tea"]}),
                ("GET", "/orders/8", None),
                ("GET", "/orders/7", None),
            )
        )
        assert (taken.status_code, taken.json()) == (201, {"order": "order-7"})
        assert (again.status_code, unknown.status_code) == (409, 404)
        assert waits.json() == {"status": "waiting for the payment"}

        async def pay() -> str:
            await serve(web, ("POST", "/orders/7/payment", None))
            async with web.app:
                result: str = await web.app.aio.run("order-7", result=str).result(timeout="20s")
                return result

        assert runner.run(pay()) == "a parcel with tea, kettle"
        late = runner.run(serve(web, ("POST", "/orders/7/payment", None)))
        assert late[0].status_code == 404
