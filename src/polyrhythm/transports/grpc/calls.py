"""Who answers the calls of this process: its own service, or nobody just now.

A `Calls` takes one call as bytes and ends it with bytes or a status. The server asks a `Switch`,
whose target is replaced when the process gains or loses the file; calls in flight keep theirs.
One call costs no task of its own: gRPC made one for it, and that one waits for the Reply.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, Protocol

import grpc
from google.protobuf.message import DecodeError

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.service.method import Method
from polyrhythm.service.service import Service
from polyrhythm.service.status import status_of
from polyrhythm.transports.grpc.errors import abort_with

LOG = logging.getLogger("polyrhythm.grpc")


class Calls(Protocol):
    """Answers calls."""

    async def answer(self, method: Method, request: bytes, context: Any) -> bytes:
        """Return the serialized response, or abort the call through its context."""
        ...


class Switch:
    """Names who answers from now on."""

    __slots__ = ("target",)

    def __init__(self, target: Calls) -> None:
        self.target = target


class Absent:
    """Answers every call that it should come back later."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def answer(self, method: Method, request: bytes, context: Any) -> bytes:
        """Refuse with UNAVAILABLE: nothing was done."""
        await context.abort(grpc.StatusCode.UNAVAILABLE, self._reason)
        raise AssertionError("abort always raises")


class LocalCalls:
    """Hands calls to the service of this process.

    `caller` is the identity of everybody, until callers prove who they are.
    """

    def __init__(self, service: Service, caller: Any) -> None:
        self._service = service
        self._caller = caller
        self._loop = asyncio.get_running_loop()

    async def answer(self, method: Method, request: bytes, context: Any) -> bytes:
        """Parse, call, wait for the reply, serialize."""
        try:
            message = method.request_class.FromString(request)
        except DecodeError as bad:
            text = f"grpc: error unmarshalling request: {bad}"
            await context.abort(grpc.StatusCode.INTERNAL, text)
        remaining_s = context.time_remaining()
        deadline_ns = 0
        if remaining_s is not None:
            deadline_ns = time.time_ns() + int(remaining_s * 1e9)
        try:
            reply = self._service.call(method.name, message, self._caller, deadline_ns)
        except Exception as fault:
            LOG.exception("internal error in %s", method.name)
            await abort_with(context, status_of(fault))
        if not reply.done:
            await self._wait(reply)
        error = reply.error
        if error is not None:
            if not isinstance(error, PolyrhythmError):
                LOG.error("internal error in %s", method.name, exc_info=error)
            await abort_with(context, status_of(error))
        value: Any = reply.value
        return value if type(value) is bytes else value.SerializeToString()

    async def _wait(self, reply: Any) -> None:
        """Wait until the reply is there; when the client goes away, nobody waits any more.

        NOTE: replies are resolved on this loop (the host performs its turns on it), so the reply
        cannot become done between the caller's look at it and `wake` being set.
        """
        future = self._loop.create_future()
        reply.wake = _Wake(future)
        try:
            await future
        except asyncio.CancelledError:
            reply.cancel()
            raise


class _Wake:
    """Ends the wait for a reply; a call that was cancelled meanwhile waits no more."""

    __slots__ = ("_future",)

    def __init__(self, future: asyncio.Future[None]) -> None:
        self._future = future

    def __call__(self) -> None:
        if not self._future.done():
            self._future.set_result(None)
