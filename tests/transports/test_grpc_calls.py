"""Unary calls over a real channel: answers, every status with its details, deadlines, cancels."""

import asyncio
import gzip
import time

import grpc
import grpc.aio
import pytest
from google.rpc.status_pb2 import Status
from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope
from temporalio.api.errordetails.v1 import (
    NamespaceNotFoundFailure,
    NotFoundFailure,
    QueryFailedFailure,
    ResourceExhaustedFailure,
    WorkflowExecutionAlreadyStartedFailure,
)
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionResponse

from polyrhythm.base import errors
from polyrhythm.transports.grpc import Absent
from transports.wire import WORKFLOW, Scripted, run, wire

CODES = grpc.StatusCode
MIB = 1024 * 1024
# The head of a string of 4 MiB less these five bytes, in a field of the request but its id.
IDENTITY_FIELD = b"\x4a\xfb\xff\xff\x01"
# What the service may fail with: code, message, and the detail where there is one.
STATUSES = {
    "invalid": (errors.InvalidArgument("bad"), CODES.INVALID_ARGUMENT, None),
    "not_found": (errors.NotFound("no run"), CODES.NOT_FOUND, NotFoundFailure()),
    "namespace": (
        errors.NamespaceNotFound("nope"),
        CODES.NOT_FOUND,
        NamespaceNotFoundFailure(namespace="nope"),
    ),
    "started": (
        errors.AlreadyStarted("runs", "request", "run", "first"),
        CODES.ALREADY_EXISTS,
        WorkflowExecutionAlreadyStartedFailure(start_request_id="request", run_id="run"),
    ),
    "precondition": (errors.FailedPrecondition("too late"), CODES.FAILED_PRECONDITION, None),
    "query": (errors.QueryFailed("no"), CODES.INVALID_ARGUMENT, QueryFailedFailure()),
    "exhausted": (
        errors.ResourceExhausted("enough", "SYSTEM_OVERLOADED", "SYSTEM"),
        CODES.RESOURCE_EXHAUSTED,
        ResourceExhaustedFailure(
            cause=ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_SYSTEM_OVERLOADED,
            scope=ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_SYSTEM,
        ),
    ),
    "unimplemented": (errors.Unimplemented("not here"), CODES.UNIMPLEMENTED, None),
    "unavailable": (errors.Unavailable("later"), CODES.UNAVAILABLE, None),
    "deadline": (errors.DeadlineExceeded("late"), CODES.DEADLINE_EXCEEDED, None),
    "damaged": (errors.DataLoss("run 5"), CODES.DATA_LOSS, None),
    "store": (errors.StoreFull("disk full"), CODES.UNAVAILABLE, None),
    "text": (errors.InvalidArgument("50% größer\n\x01→"), CODES.INVALID_ARGUMENT, None),
    "nothing said": (errors.InvalidArgument(""), CODES.INVALID_ARGUMENT, None),
}


def details_of(error: grpc.aio.AioRpcError) -> list:
    values = [v for k, v in error.trailing_metadata() if k == "grpc-status-details-bin"]
    return list(Status.FromString(values[0]).details) if values else []


def test_statuses_with_their_details():
    async def main():
        script = Scripted(**{name: row[0] for name, row in STATUSES.items()})
        async with wire(script) as there:
            for name, (error, code, detail) in STATUSES.items():
                refusal = await there.refusal(name)
                assert (refusal.code(), refusal.details()) == (code, error.message), name
                found = details_of(refusal)
                assert len(found) == (detail is not None), name
                if detail is not None:
                    unpacked = type(detail)()
                    assert found[0].Unpack(unpacked), name
                    assert unpacked == detail, name

    run(main())


def test_our_own_faults_tell_nothing(caplog):
    async def main():
        async with wire(Scripted(broken=ValueError("secret path"))) as there:
            refusal = await there.refusal("broken")
            assert refusal.code() is CODES.INTERNAL
            assert "secret" not in refusal.details()

    run(main())
    assert "secret path" in caplog.text


def test_answers_are_messages_or_bytes():
    async def main():
        message = StartWorkflowExecutionResponse(run_id="r" * 40)
        raw = message.SerializeToString()
        async with wire(Scripted(message=message, raw=raw, empty=b"")) as there:
            assert await there.call("message") == raw
            assert await there.call("raw") == raw
            assert await there.call("empty") == b""

    run(main())


def test_an_answer_that_comes_later():
    async def main():
        script = Scripted()
        async with wire(script) as there:
            calls = [asyncio.ensure_future(there.call(str(number))) for number in range(100)]
            await script.until(lambda: len(script.waiting) == 100)
            for name, reply in script.waiting.items():
                reply.resolve(name.encode())
            assert await asyncio.gather(*calls) == [str(n).encode() for n in range(100)]

    run(main())


def test_a_large_answer_goes_through_the_windows():
    async def main():
        script = Scripted(large=b"x" * (20 * MIB))
        async with wire(script) as there:
            answers = await asyncio.gather(*(there.call("large") for _ in range(3)))
            assert [len(answer) for answer in answers] == [20 * MIB] * 3
        # A call whose answer waits for a window is looked at again, and still begun once.
        assert len(script.seen) == 3

    run(main())


def test_the_deadline_reaches_the_service():
    async def main():
        script = Scripted(now=b"")
        async with wire(script) as there:
            await there.call("now", timeout=30)
            await there.start("now")
        within_s = (script.deadlines[0] - time.time_ns()) / 1e9
        assert 20 < within_s <= 31
        assert script.deadlines[1] == 0

    run(main())


def test_a_client_that_gives_up_frees_its_call():
    async def main():
        script = Scripted()
        async with wire(script) as there:
            call = there.start("poll")
            await script.until(lambda: "poll" in script.waiting)
            call.cancel()
            await script.until(lambda: script.cancelled == ["poll"])
            # An answer that comes all the same goes nowhere.
            script.waiting["poll"].resolve(b"")
            refusal = await there.refusal("late", timeout=0.2)
            assert refusal.code() is CODES.DEADLINE_EXCEEDED
            await script.until(lambda: "late" in script.cancelled)

    run(main())


def test_a_connection_that_is_lost_frees_its_calls():
    async def main():
        script = Scripted()
        async with wire(script) as there:
            calls = [there.start(name) for name in "ABCDE"]
            await script.until(lambda: len(script.waiting) == 5)
            await there.channel.close()
            await script.until(lambda: sorted(script.cancelled) == ["A", "B", "C", "D", "E"])
            assert all(call.done() for call in calls)

    run(main())


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (WORKFLOW + "Nope", f"unknown method Nope for service {WORKFLOW.strip('/')}"),
        ("/no.such.Service/Nope", "unknown service no.such.Service"),
        ("/", "unknown service "),
    ],
)
def test_paths_that_nobody_serves(path, text):
    async def main():
        async with wire(Scripted()) as there:
            refusal = await there.refusal(method=path)
            assert (refusal.code(), refusal.details()) == (CODES.UNIMPLEMENTED, text)

    run(main())


def test_a_request_of_more_than_four_mebibytes():
    async def main():
        async with wire(Scripted(**{"": b"taken"})) as there:
            fits = IDENTITY_FIELD + b"x" * (4 * MIB - len(IDENTITY_FIELD))
            assert await there.send(fits) == b"taken"
            for size in (4 * MIB + 1, 5 * MIB, 90 * MIB):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await there.send(b"x" * size)
                text = f"grpc: received message larger than max ({size} vs. {4 * MIB})"
                assert caught.value.code() is CODES.RESOURCE_EXHAUSTED
                assert caught.value.details() == text
            assert await there.call("") == b"taken"

    run(main())


def test_compressed_requests():
    async def main():
        script = Scripted(squeezed=b"taken")
        async with wire(script) as there:
            for kind in (grpc.Compression.Gzip, grpc.Compression.Deflate):
                assert await there.call("squeezed", compression=kind) == b"taken"
            bomb = b"\0" * (8 * MIB)
            assert len(gzip.compress(bomb)) < 10_000
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await there.send(bomb, compression=grpc.Compression.Gzip)
            assert caught.value.code() is CODES.RESOURCE_EXHAUSTED
            assert "after decompression larger than max" in caught.value.details()

    run(main())


def test_nobody_there():
    async def main():
        async with wire(Absent("who knows")) as there:
            refusal = await there.refusal()
            assert (refusal.code(), refusal.details()) == (CODES.UNAVAILABLE, "who knows")

    run(main())
