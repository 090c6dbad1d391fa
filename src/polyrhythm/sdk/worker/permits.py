"""Permits that attempts wait for: the tokens of a task's rate, the places of its concurrency, and
the tokens that retries take. The service keeps them, so all workers together stay within them.

A short wait happens in the worker. For a longer one the attempt is given back to the service before
its function has begun, and handed out again when its time has come: it holds no place in a worker
meanwhile, keeps its number, and its timeout begins anew. What it has paid already travels in front
of its heartbeat details, as a mark that the next worker takes off.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.workflowservice.v1 import RespondActivityTaskFailedRequest

from polyrhythm.api import service as api
from polyrhythm.base.durations import parse_rate
from polyrhythm.base.errors import FailedPrecondition, PolyrhythmError
from polyrhythm.sdk.link import OWN_SERVICE
from polyrhythm.sdk.retry import Bucket, bucket_for, next_delay_s
from polyrhythm.sdk.worker.answers import LOG, Answers
from polyrhythm.sdk.worker.attempt import Attempt, FailedElsewhere, StopReason

SECOND_NS = 1_000_000_000
# Up to this long, and this share of its timeout, an attempt waits in its worker.
INSIDE_S_MAX = 1.0
INSIDE_SHARE = 0.25
# How often a place is asked for meanwhile, and the pause before an attempt that was given back
# asks again: doubling, so that an hour of waiting is about 700 small notes in the run's log.
ASK_S = 0.1
BACK_S_MIN = 0.5
BACK_S_MAX = 5.0
# A worker that dies gives its places back by this; one that lives renews them three times as often.
LEASE_S = 30.0
RENEW_S = LEASE_S / 3
MARK_KEY, MARK_VALUE = "polyrhythm", b"permit"


@dataclass(slots=True)
class Mark:
    """What an attempt that was given back has had: its token, and so many waits for a place."""

    attempt: int
    waits: int


READ_MARK = msgspec.json.Decoder(Mark)


class Postponed(Exception):
    """The attempt was given back: nobody waits for an answer."""


def take_mark(details: Payloads) -> Mark | None:
    """Take the mark off heartbeat details, before anybody else sees them."""
    if not details.payloads or details.payloads[0].metadata.get(MARK_KEY) != MARK_VALUE:
        return None
    payload = details.payloads[0]
    del details.payloads[0]
    try:
        return READ_MARK.decode(payload.data)
    except msgspec.DecodeError:
        return None


def put_mark(mark: Mark, details: Payloads) -> Payloads:
    """Return details with the mark in front."""
    payload = Payload(data=msgspec.json.encode(mark))
    payload.metadata["encoding"] = b"json/plain"
    payload.metadata[MARK_KEY] = MARK_VALUE
    return Payloads(payloads=[payload, *details.payloads])


def wants_permits(attempt: Attempt) -> bool:
    """Whether the attempt's task was declared with a rate or a concurrency."""
    options = attempt.definition.options
    return bool(options.rate or options.concurrency)


class Permits:
    """The permits of one worker's attempts."""

    def __init__(self, answers: Answers, namespace: str) -> None:
        self._answers = answers
        self._namespace = namespace

    @asynccontextmanager
    async def admitted(
        self, attempt: Attempt, mark: Mark | None, details: Payloads
    ) -> AsyncIterator[None]:
        """Wait until the attempt's function may begin; hold its place while the block runs.

        `details` are those of its last heartbeat, as they came. Raises Postponed, and
        CancelledError when the attempt was asked to end.
        """
        if mark is None or mark.attempt != attempt.info.attempt:
            mark = Mark(attempt.info.attempt, 0)
            await self._pay(attempt, mark, details)
        if not attempt.definition.options.concurrency:
            yield
            return
        await self._take_place(attempt, mark, details)
        renewing = asyncio.ensure_future(self._renew(attempt))
        try:
            yield
        finally:
            renewing.cancel()
            request = api.ReleaseLeaseRequest(namespace=self._namespace)
            request.key, request.holder = _key(attempt), _holder(attempt)
            with contextlib.suppress(PolyrhythmError):
                await self._send("ReleaseLease", request)

    async def delay_retry(self, attempt: Attempt, error: BaseException, answer: Message) -> None:
        """Let the retry after a failure take a token, where its strategy has a bucket: the retry is
        made when the strategy says, or when the token is there, whichever is later.
        """
        if attempt.strategy is None or not isinstance(answer, RespondActivityTaskFailedRequest):
            return
        info = answer.failure.application_failure_info
        if isinstance(error, FailedElsewhere):
            bucket = error.bucket
        else:
            bucket = bucket_for(attempt.strategy, error)
            if next_delay_s(attempt.strategy, attempt.info.attempt, error, _half) is None:
                return
        if bucket is None or info.non_retryable:
            return
        try:
            delay_s = await self._reserve(f"retry/{bucket.key}", bucket)
        except PolyrhythmError as fault:
            LOG.warning("%s is tried again without a token: %s", attempt.info, fault)
            return
        planned = info.next_retry_delay
        if delay_s > planned.seconds + planned.nanos / SECOND_NS:
            planned.FromNanoseconds(int(delay_s * SECOND_NS))

    async def _pay(self, attempt: Attempt, mark: Mark, details: Payloads) -> None:
        options = attempt.definition.options
        if not options.rate:
            return
        rate = parse_rate(options.rate)
        delay_s = await self._reserve(_key(attempt), Bucket("", rate.count / rate.per_s, 1))
        if delay_s > _inside_s(attempt):
            await self._give_back(attempt, delay_s, mark, details)
        if delay_s > 0:
            await _wait(attempt, delay_s)

    async def _take_place(self, attempt: Attempt, mark: Mark, details: Payloads) -> None:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + _inside_s(attempt)
        while not await self._acquire(attempt):
            if loop.time() > until_s:
                back_s = min(BACK_S_MAX, BACK_S_MIN * 2.0 ** min(mark.waits, 16))
                back_s *= random.uniform(0.5, 1.0)
                mark = Mark(mark.attempt, mark.waits + 1)
                await self._give_back(attempt, back_s, mark, details)
            await _wait(attempt, ASK_S * random.uniform(0.5, 1.0))

    async def _give_back(
        self, attempt: Attempt, delay_s: float, mark: Mark, details: Payloads
    ) -> None:
        """Have the attempt handed out later. Returns only if it has to wait here after all."""
        request = api.PostponeActivityTaskRequest(
            namespace=self._namespace,
            task_token=attempt.info.token,
            delay_ns=max(1, int(delay_s * SECOND_NS)),
            details=put_mark(mark, details).SerializeToString(),
        )
        try:
            if await self._send("PostponeActivityTask", request) is None:
                attempt.stop(StopReason.GONE)
        except FailedPrecondition:
            # It should end; the answer to a heartbeat says how.
            attempt.note(details)
            return
        raise Postponed

    async def _reserve(self, key: str, bucket: Bucket) -> float:
        request = api.ReservePermitRequest(
            namespace=self._namespace,
            key=key,
            count=bucket.rate_per_s,
            per_ns=SECOND_NS,
            burst=bucket.burst,
        )
        answer = await self._send("ReservePermit", request)
        assert isinstance(answer, api.ReservePermitResponse)
        return answer.delay_ns / SECOND_NS

    async def _acquire(self, attempt: Attempt) -> bool:
        request = api.AcquireLeaseRequest(
            namespace=self._namespace,
            key=_key(attempt),
            holder=_holder(attempt),
            limit=attempt.definition.options.concurrency,
            ttl_ns=int(LEASE_S * SECOND_NS),
        )
        answer = await self._send("AcquireLease", request)
        assert isinstance(answer, api.AcquireLeaseResponse)
        return answer.granted

    async def _renew(self, attempt: Attempt) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await self._acquire(attempt)
            except PolyrhythmError as error:
                LOG.warning("the place of %s was not renewed: %s", attempt.info, error)

    async def _send(self, method: str, request: Message) -> Message | None:
        return await self._answers.send(method, request, OWN_SERVICE)


def _key(attempt: Attempt) -> str:
    return f"task/{attempt.info.queue}/{attempt.info.task}"


def _holder(attempt: Attempt) -> str:
    info = attempt.info
    return f"{info.run_id}/{info.task_id}/{info.attempt}"


def _inside_s(attempt: Attempt) -> float:
    timeout_s = attempt.info.timeout_s
    return min(INSIDE_S_MAX, INSIDE_SHARE * timeout_s) if timeout_s else INSIDE_S_MAX


async def _wait(attempt: Attempt, seconds: float) -> None:
    """Wait, unless the attempt is asked to end first. Raises CancelledError then."""
    asked = asyncio.Event()
    before, attempt.asked_listener = attempt.asked_listener, asked.set
    try:
        attempt.raise_if_stopped()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), seconds)
    finally:
        attempt.asked_listener = before
    attempt.raise_if_stopped()


def _half() -> float:
    return 0.5
