"""Machinery as users hold it: what is refused, results with types, blocking code."""

import pytest

from machinery_shop import WAIT_S, Shop, run
from polyrhythm import App, Machinery
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.brokers.errors import WrongValue
from polyrhythm.brokers.machinery.kinds import typed
from polyrhythm.dialects.machinery.replies import CallFailed
from polyrhythm.dialects.machinery.sender import call
from polyrhythm.sdk.errors import MisuseError
from redis_servers import redis_server


@pytest.fixture
def redis():
    with redis_server() as one:
        yield one


def test_wrong_use_is_said(redis):
    app = App("shop", durability="memory")

    @app.task
    def add(a: int, b: int) -> int:
        return a + b

    with pytest.raises(MisuseError, match="say whose"):
        Machinery(redis.url).serve(add)
    work = Machinery(redis.url, app=app)
    work.serve(add)
    with pytest.raises(MisuseError, match="have their task already"):
        work.serve(add)
    with pytest.raises(WrongValue, match="map"):
        work.serve(add, "other", kinds=["map"])
    with pytest.raises(MisuseError, match="no setting speed"):
        Machinery(redis.url, speed=1)
    with pytest.raises(MisuseError, match="lease is a second or more"):
        Machinery(redis.url, lease="10ms")
    with pytest.raises(MisuseError, match="concurrency"):
        Machinery(redis.url, concurrency=0)
    with pytest.raises(InvalidArgument, match="not a broker"):
        Machinery("https://sqs.example")
    with pytest.raises(WrongValue):
        call("add", {})


def test_declared_kinds_of_results(redis):
    async def scenario():
        app = App("shop", durability="memory")

        @app.task
        def split(text: str) -> tuple[int, bytes, str]:
            return len(text), text.encode(), text

        @app.task
        def nothing() -> None:
            return None

        @app.task
        def mapping() -> dict[str, int]:
            return {"a": 1}

        work = Machinery(redis.url, app=app)
        work.serve(split, kinds=("uint8", "[]byte", "string"))
        work.serve(nothing)
        work.serve(mapping)
        async with app:
            reply = await work.send(call("split", typed("abc", "string")))
            assert await reply.result(timeout=WAIT_S) == (3, b"abc", "abc")
            assert [one.kind for one in (await reply.state()).results] == [
                "uint8",
                "[]byte",
                "string",
            ]
            assert await (await work.send(call("nothing"))).result(timeout=WAIT_S) is None
            with pytest.raises(CallFailed, match="dict has no type"):
                await (await work.send(call("mapping"))).result(timeout=WAIT_S)
            with pytest.raises(CallFailed, match="not a value of uint8"):
                await (await work.send(call("split", "x" * 256))).result(timeout=WAIT_S)

    run(scenario())


def test_blocking_code_waits_through_the_app(redis):
    shop = Shop(redis.url)
    with shop.app:
        reply = shop.work.wait(shop.work.send(call("add", 1, 2)))
        assert shop.work.wait(reply.result(timeout=WAIT_S)) == 3
