"""Calls passed on as they are to the process that owns the file, over its Unix socket.

Bytes, metadata, deadline, status, details and cancellation go through; nothing is parsed. When the
owner dies, calls in flight end as UNAVAILABLE, which clients try again.
"""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio

from polyrhythm.service.method import Method
from polyrhythm.transports.grpc.settings import forward_options

# Headers of one hop: gRPC makes its own for the next, and its core refuses some from us.
HOP_HEADERS = frozenset(("user-agent", "te", "content-type", "accept-encoding"))


class ForwardedCalls:
    """Passes calls on to the server at `address`."""

    def __init__(self, address: str) -> None:
        self.address = address
        # Set when a call met no server: the owner may be gone.
        self.lost = asyncio.Event()
        self._channel = grpc.aio.insecure_channel(address, options=forward_options())
        self._stubs: dict[str, Any] = {}
        self._closed = False

    async def answer(self, method: Method, request: bytes, context: Any) -> bytes:
        """Return the owner's answer, or end the call as the owner did."""
        stub = self._stubs.get(method.name)
        if stub is None:
            stub = self._stubs[method.name] = self._channel.unary_unary(method.name, None, None)
        metadata = [
            (key, value)
            for key, value in context.invocation_metadata()
            if key not in HOP_HEADERS and not key.startswith("grpc-")
        ]
        call = stub(request, timeout=context.time_remaining(), metadata=metadata)
        try:
            answer: bytes = await call
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                self.lost.set()
            await context.abort(error.code(), error.details(), _trailers(error))
            raise
        except asyncio.CancelledError:
            if not self._closed:
                raise
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the owner of the file is changing")
            raise
        return answer

    async def is_ready(self, within_s: float) -> bool:
        """Return whether the owner accepts connections, waiting a moment for it."""
        try:
            await asyncio.wait_for(self._channel.channel_ready(), within_s)
        except TimeoutError:
            return False
        return True

    async def close(self, within_s: float) -> None:
        """End the connection; what the owner has not answered in that time is UNAVAILABLE."""
        self._closed = True
        await self._channel.close(within_s)


def _trailers(error: grpc.aio.AioRpcError) -> tuple[tuple[str, Any], ...]:
    metadata: Any = error.trailing_metadata()
    return tuple((key, value) for key, value in metadata)
