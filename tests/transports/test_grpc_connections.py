"""Connections: who is silent is pinged and dropped, who is idle or old is sent away, draining."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest

from polyrhythm.transports.grpc import (
    AddressTaken,
    GrpcServer,
    GrpcSettings,
    LocalCalls,
    OpenDoor,
    Routes,
    Switch,
)
from polyrhythm.transports.grpc.http2.frames import Kind
from transports.frames_of_a_client import (
    CONNECT,
    data,
    headers,
    request_block,
    settings,
    split_frames,
    window,
)
from transports.wire import START, Scripted, run, wire

# 26 bytes of request: a workflow id of 24 letters.
NAME = "a" * 24


def raw_call(stream_id: int) -> bytes:
    body = b"\0\0\0\0\x1a\x12\x18" + NAME.encode()
    return headers(stream_id, request_block(START.encode())) + data(stream_id, body)


async def read_to_end(reader: asyncio.StreamReader) -> list:
    received = b""
    while part := await asyncio.wait_for(reader.read(1 << 16), 10):
        received += part
    return split_frames(received)


async def read_until(reader: asyncio.StreamReader, marker: bytes) -> bytes:
    received = b""
    while marker not in received:
        part = await asyncio.wait_for(reader.read(1 << 16), 10)
        assert part, f"the connection ended after {received!r}"
        received += part
    return received


@asynccontextmanager
async def dialled(
    address: str, first: bytes = CONNECT
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(first)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def test_a_silent_client_is_pinged_and_then_dropped_with_its_polls():
    async def main():
        script = Scripted()
        settings = GrpcSettings(keep_alive_s=0.1, keep_alive_timeout_s=0.2, sweep_s=0.02)
        async with wire(script, settings) as there, dialled(there.address) as (reader, writer):
            writer.write(raw_call(1))
            await script.until(lambda: NAME in script.waiting)
            assert any(kind is Kind.PING for kind, *_ in await read_to_end(reader))
            await script.until(lambda: script.cancelled == [NAME])

    run(main())


def test_a_client_that_answers_pings_keeps_its_poll():
    async def main():
        script = Scripted()
        settings = GrpcSettings(keep_alive_s=0.05, keep_alive_timeout_s=0.2, sweep_s=0.01)
        async with wire(script, settings) as there:
            call = there.start("poll")
            await script.until(lambda: "poll" in script.waiting)
            # Many times longer than a dead client would last.
            await asyncio.wait([asyncio.ensure_future(call.code())], timeout=1.0)
            assert script.cancelled == []
            script.waiting["poll"].resolve(b"still here")
            assert await call == b"still here"

    run(main())


def test_an_idle_connection_is_closed():
    async def main():
        settings = GrpcSettings(connection_idle_s=0.05, sweep_s=0.01)
        async with wire(Scripted(), settings) as there, dialled(there.address) as (reader, _):
            sent = await read_to_end(reader)
            assert sent[-1][0] is Kind.GOAWAY

    run(main())


def test_a_busy_connection_is_not_idle_between_its_calls():
    async def main():
        settings = GrpcSettings(connection_idle_s=0.1, sweep_s=0.01)
        async with (
            wire(Scripted(x=b"fine"), settings) as there,
            dialled(there.address) as (reader, writer),
        ):
            # Each call is over long before the next look of the sweeper.
            give_up_at = asyncio.get_running_loop().time() + 0.4
            stream_id = 1
            while asyncio.get_running_loop().time() < give_up_at:
                writer.write(headers(stream_id, request_block(b"/nobody/here"), end=True))
                answer = split_frames(await read_until(reader, b"unknown service"))
                assert Kind.GOAWAY not in [kind for kind, *_ in answer]
                stream_id += 2
            assert (await read_to_end(reader))[-1][0] is Kind.GOAWAY

    run(main())


def test_an_old_connection_is_closed_when_its_calls_are_answered():
    async def main():
        script = Scripted()
        settings = GrpcSettings(connection_age_s=0.05, connection_age_grace_s=30, sweep_s=0.01)
        async with wire(script, settings) as there, dialled(there.address) as (reader, writer):
            writer.write(raw_call(1))
            await script.until(lambda: NAME in script.waiting)
            await read_until(reader, b"\x07\x00\0\0\0\0")
            script.waiting[NAME].resolve(b"in time")
            kinds = [kind for kind, *_ in await read_to_end(reader)]
            assert kinds == [Kind.HEADERS, Kind.DATA, Kind.HEADERS]

    run(main())


def test_draining_answers_what_is_begun_and_takes_nothing_new():
    async def main():
        script = Scripted()
        async with wire(script) as there:
            call = there.start("begun")
            await script.until(lambda: "begun" in script.waiting)
            stopping = asyncio.ensure_future(there.server.stop(10))
            # The channel leaves at the goodbye; a new call finds nobody.
            refusal = await there.refusal("new")
            assert refusal.code() is grpc.StatusCode.UNAVAILABLE
            script.waiting["begun"].resolve(b"done")
            assert await call == b"done"
            await asyncio.wait_for(stopping, 5)

    run(main())


def test_draining_ends_in_time_whatever_waits():
    async def main():
        script = Scripted()
        async with wire(script) as there:
            call = there.start("for ever")
            await script.until(lambda: "for ever" in script.waiting)
            await asyncio.wait_for(there.server.stop(0.05), 5)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            await script.until(lambda: script.cancelled == ["for ever"])

    run(main())


@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.1\r\nhost: here\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
        CONNECT + b"\xff" * 64,
        CONNECT + headers(1, b"\x80"),
    ],
    ids=["http1", "tls", "frames", "hpack"],
)
def test_hostile_bytes_end_their_connection_only(noise):
    async def main():
        async with (
            wire(Scripted(x=b"fine")) as there,
            dialled(there.address, noise) as (reader, _writer),
        ):
            assert (await read_to_end(reader))[-1][0] is Kind.GOAWAY
            assert await there.call("x") == b"fine"

    run(main())


REFUSED = {
    "another method": (b"\x04POST", b"\x03GET", b"405"),
    "another content": (b"\x10application/grpc", b"\x10application/json", b"415"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_grpc_is_told_so(name):
    async def main():
        old, new, status = REFUSED[name]
        async with wire(Scripted()) as there, dialled(there.address) as (reader, writer):
            writer.write(headers(1, request_block(START.encode()).replace(old, new), end=True))
            received = await read_until(reader, b":status")
            assert b":status\x03" + status in received

    run(main())


MESSAGES = {
    "nothing": (b"", b"unexpected EOF"),
    "cut off": (b"\0\0\0\0\x09abc", b"unexpected EOF"),
    "two": (b"\0\0\0\0\0" * 2, b"more than one message"),
    "an unknown format": (b"\x07\0\0\0\0", b"unexpected payload format"),
    "compressed with nothing": (b"\x01\0\0\0\x01x", b"compressed flag set"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_damaged_messages_are_refused(name):
    async def main():
        body, text = MESSAGES[name]
        async with wire(Scripted()) as there, dialled(there.address) as (reader, writer):
            writer.write(headers(1, request_block(START.encode())) + data(1, body))
            received = await read_until(reader, b"grpc-message")
            assert text in received
            assert b"grpc-status\x0213" in received

    run(main())


def test_what_is_no_protobuf_is_refused_before_the_service_sees_it():
    async def main():
        async with wire(LocalCalls(None)) as there:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await there.send(b"\xff\xff")
            assert caught.value.code() is grpc.StatusCode.INTERNAL
            assert caught.value.details().startswith("grpc: error unmarshalling request: ")

    run(main())


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ((b"grpc-timeout", b"soon"), b"malformed grpc-timeout"),
        ((b"grpc-timeout", b"123456789S"), b"malformed grpc-timeout"),
        ((b"grpc-encoding", b"zstd"), b"Decompressor is not installed"),
    ],
)
def test_headers_of_a_call_that_make_no_sense(field, text):
    async def main():
        async with wire(Scripted()) as there, dialled(there.address) as (reader, writer):
            writer.write(headers(1, request_block(START.encode(), field)) + data(1, b"\0" * 5))
            received = await read_until(reader, b"grpc-message")
            assert text in received

    run(main())


def test_a_client_that_does_not_read_is_not_read_from():
    async def main():
        script = Scripted(**{NAME: b"x" * 60_000})
        async with wire(script) as there, dialled(there.address) as (_, writer):
            writer.write(settings(initial_window_size=1 << 30) + window(0, 1 << 30))
            asked = 0
            # Each call is answered by 60 kB that nobody reads: soon asking finds no room either.
            while asked < 4000:
                asked += 1
                writer.write(raw_call(2 * asked - 1))
                if asked % 50 == 0:
                    try:
                        await asyncio.wait_for(writer.drain(), 0.5)
                    except TimeoutError:
                        break
            assert len(script.seen) < 4000

    run(main())


def test_an_address_that_is_taken():
    async def main():
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            server = GrpcServer(Routes(Switch(Scripted())), GrpcSettings(), OpenDoor(None))
            with pytest.raises(AddressTaken, match="in use"):
                await server.listen(f"127.0.0.1:{holder.getsockname()[1]}")

    run(main())


def test_a_unix_socket_is_for_this_user_only(tmp_path):
    async def main():
        path = tmp_path / "here.sock"
        server = GrpcServer(Routes(Switch(Scripted(x=b"hello"))), GrpcSettings(), OpenDoor(None))
        await server.listen(f"unix:{path}")
        assert path.stat().st_mode & 0o777 == 0o600
        async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
            assert await channel.unary_unary(START)(b"\x12\x01x") == b"hello"
        await server.stop(1)

    run(main())
