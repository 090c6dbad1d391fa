"""Calls passed on to the owner of a file: everything goes through, in both directions."""

import asyncio
from contextlib import asynccontextmanager

import grpc

from polyrhythm.base import errors
from polyrhythm.transports.grpc import (
    ForwardedCalls,
    GrpcServer,
    GrpcSettings,
    OpenDoor,
    Routes,
    Switch,
)
from transports.test_grpc_calls import STATUSES, details_of
from transports.wire import Scripted, run, wire


@asynccontextmanager
async def passed_on(script, tmp_path):
    """A server on a Unix socket, and one that passes its calls on to it."""
    address = f"unix:{tmp_path / 'owner.sock'}"
    owner = GrpcServer(Routes(Switch(script)), GrpcSettings(), OpenDoor(None))
    await owner.listen(address)
    forwarded = ForwardedCalls(address, str)
    assert await forwarded.is_ready(5)
    async with wire(forwarded) as there:
        try:
            yield there, owner, forwarded
        finally:
            await forwarded.close(0)
            await owner.stop(0.1)


def test_bytes_metadata_and_deadline(tmp_path):
    async def main():
        script = Scripted(x=b"\x00\xffanswer")
        async with passed_on(script, tmp_path) as (there, _, _):
            metadata = (("temporal-namespace", "here"), ("trace-bin", b"\x00\x01\xfe"))
            assert await there.call("x", metadata=metadata, timeout=17) == b"\x00\xffanswer"
        name, _, fields = script.seen[0]
        assert name == "StartWorkflowExecution"
        assert fields[b"temporal-namespace"] == b"here"
        assert fields[b"trace-bin"].rstrip(b"=") == b"AAH+"
        assert script.deadlines[0] > 0

    run(main())


def test_statuses_and_details(tmp_path):
    async def main():
        script = Scripted(**{name: row[0] for name, row in STATUSES.items()})
        async with passed_on(script, tmp_path) as (there, _, _):
            for name, (error, code, detail) in STATUSES.items():
                refusal = await there.refusal(name)
                assert (refusal.code(), refusal.details()) == (code, error.message), name
                assert len(details_of(refusal)) == (detail is not None), name

    run(main())


def test_a_client_that_gives_up_reaches_the_owner(tmp_path):
    async def main():
        script = Scripted()
        async with passed_on(script, tmp_path) as (there, _, _):
            call = there.start("poll")
            await script.until(lambda: "poll" in script.waiting)
            call.cancel()
            await script.until(lambda: script.cancelled == ["poll"])

    run(main())


def test_an_owner_that_dies_is_noticed(tmp_path):
    async def main():
        script = Scripted()
        async with passed_on(script, tmp_path) as (there, owner, forwarded):
            call = asyncio.ensure_future(there.refusal("poll"))
            await script.until(lambda: "poll" in script.waiting)
            await owner.stop(0)
            assert (await call).code() is grpc.StatusCode.UNAVAILABLE
            await asyncio.wait_for(forwarded.lost.wait(), 5)
            assert (await there.refusal("x")).code() is grpc.StatusCode.UNAVAILABLE

    run(main())


def test_changing_owners_ends_calls_in_flight(tmp_path):
    async def main():
        script = Scripted(now=errors.Unavailable("stalled"))
        async with passed_on(script, tmp_path) as (there, _, forwarded):
            call = asyncio.ensure_future(there.refusal("poll"))
            await script.until(lambda: "poll" in script.waiting)
            await forwarded.close(0.01)
            refusal = await call
            assert refusal.code() is grpc.StatusCode.UNAVAILABLE

    run(main())
