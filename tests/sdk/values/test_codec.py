"""Codecs: every payload of a message goes through, and nothing else does."""

import asyncio
import zlib

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueResponse,
    RespondWorkflowTaskCompletedRequest,
    StartWorkflowExecutionRequest,
)

from polyrhythm import App
from polyrhythm.sdk.values import Converter, decode_message, encode_message
from polyrhythm.sdk.values.codec import payload_groups

CONVERTER = Converter()


class Zlib:
    """Compresses; leaves alone what it did not compress."""

    async def encode(self, payloads: list[Payload]) -> list[Payload]:
        return [
            Payload(
                metadata={"encoding": b"binary/zlib"}, data=zlib.compress(p.SerializeToString())
            )
            for p in payloads
        ]

    async def decode(self, payloads: list[Payload]) -> list[Payload]:
        return [
            Payload.FromString(zlib.decompress(p.data))
            if p.metadata["encoding"] == b"binary/zlib"
            else p
            for p in payloads
        ]


class Broken:
    async def encode(self, payloads: list[Payload]) -> list[Payload]:
        return []

    decode = encode


def full_start() -> StartWorkflowExecutionRequest:
    request = StartWorkflowExecutionRequest(workflow_id="w")
    request.input.CopyFrom(CONVERTER.encode_values([1, "two"]))
    request.memo.fields["m"].CopyFrom(CONVERTER.encode("memo"))
    request.header.fields["h"].CopyFrom(CONVERTER.encode("header"))
    request.user_metadata.summary.CopyFrom(CONVERTER.encode("summary"))
    request.search_attributes.indexed_fields["K"].CopyFrom(CONVERTER.encode("plain"))
    return request


def test_a_start_goes_through_and_comes_back():
    request, before = full_start(), full_start()
    asyncio.run(encode_message(Zlib(), request))
    changed = [*request.input.payloads, request.memo.fields["m"], request.header.fields["h"]]
    changed.append(request.user_metadata.summary)
    assert {p.metadata["encoding"] for p in changed} == {b"binary/zlib"}
    # The service reads search attributes.
    assert request.search_attributes == before.search_attributes
    asyncio.run(decode_message(Zlib(), request))
    assert request == before


def test_commands_failures_and_histories_are_reached():
    answer = RespondWorkflowTaskCompletedRequest()
    task = answer.commands.add().schedule_activity_task_command_attributes
    task.input.CopyFrom(CONVERTER.encode_values([1]))
    failed = answer.commands.add().fail_workflow_execution_command_attributes.failure
    failed.application_failure_info.details.CopyFrom(CONVERTER.encode_values([2]))
    failed.cause.cause.encoded_attributes.CopyFrom(CONVERTER.encode({"message": "x"}))
    answer.query_results["q"].answer.CopyFrom(CONVERTER.encode_values([3]))
    poll = PollWorkflowTaskQueueResponse()
    event = poll.history.events.add().activity_task_completed_event_attributes
    event.result.CopyFrom(CONVERTER.encode_values([4]))
    assert sum(len(group) for group in payload_groups(answer)) == 4
    assert sum(len(group) for group in payload_groups(poll)) == 1


def test_a_codec_that_loses_payloads_is_found_out():
    with pytest.raises(ValueError, match="made 0 payloads of 2"):
        asyncio.run(encode_message(Broken(), full_start()))


def test_an_application_with_a_codec_stores_nothing_readable():
    app = App("codec-tests", durability="memory", codec=Zlib())

    @app.task
    def double(text: str) -> str:
        return text * 2

    @app.workflow
    async def secret(text: str) -> str:
        return await double(text)

    with app:
        run = secret.start("hush-hush ")
        assert run.result() == "hush-hush hush-hush "
        readable = run.history().events
        run.aio.session.codec = None
        stored = run.history().events
    decoded = b"".join(event.SerializeToString() for event in readable)
    assert len(stored) == len(readable)
    assert not any(b"json/plain" in event.SerializeToString() for event in stored)
    assert b"json/plain" in decoded
