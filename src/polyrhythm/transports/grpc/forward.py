"""Calls passed on as they are to the process that owns the file, over its Unix socket.

Bytes, metadata, deadline, status, details and cancellation go through; nothing is parsed. Who calls
is made out here and told to the owner in a header, which it believes on its socket only. When the
owner dies, calls in flight end as UNAVAILABLE, which clients try again. The client side of gRPC is
grpcio's: a call costs a task here, which matters little in a process that only passes calls on.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from polyrhythm.service.method import Method
from polyrhythm.transports.wire import Answer, Head, StatusError, refused

# Headers of one hop: the next one makes its own.
HOP_HEADERS = frozenset((b"user-agent", b"te", b"content-type", b"content-length"))
# Who calls, as the process that passes the call on has made it out. Nobody else's word for it, and
# no key, gets through.
CALLER_HEADER = "polyrhythm-caller"
OWN_HEADERS = frozenset((CALLER_HEADER.encode(), b"authorization"))
UNLIMITED = -1
# The owner may have just started: it is dialled again at once, where gRPC pauses for 1 s.
OPTIONS = [
    ("grpc.max_receive_message_length", UNLIMITED),
    ("grpc.max_send_message_length", UNLIMITED),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 250),
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
]


class Pending:
    """The answer to a call that was passed on."""

    __slots__ = ("done", "error", "task", "value", "wake")

    def __init__(self) -> None:
        self.done = False
        self.value: Any = None
        self.error: Exception | None = None
        self.wake: Callable[[], None] | None = None
        self.task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        """The client has gone away: so has its call to the owner."""
        self.wake = None
        if self.task is not None:
            self.task.cancel()

    def settle(self, value: bytes, error: Exception | None) -> None:
        """Answer, once."""
        if not self.done:
            self.done, self.value, self.error = True, value, error
            if self.wake is not None:
                self.wake()


class ForwardedCalls:
    """Passes calls on to the server at `address`."""

    def __init__(self, address: str, encode_caller: Callable[[Any], str]) -> None:
        self.address = address
        self._encode_caller = encode_caller
        # Set when a call met no server: the owner may be gone.
        self.lost = asyncio.Event()
        self._channel = grpc.aio.insecure_channel(address, options=OPTIONS)
        self._stubs: dict[str, Any] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, method: Method, request: bytes, head: Head, deadline_ns: int) -> Answer:
        """Start the owner's call."""
        stub = self._stubs.get(method.name)
        if stub is None:
            stub = self._stubs[method.name] = self._channel.unary_unary(method.name, None, None)
        timeout_s = (deadline_ns - time.time_ns()) / 1e9 if deadline_ns else None
        metadata = metadata_of(head.fields)
        metadata.append((CALLER_HEADER, self._encode_caller(head.caller)))
        call = stub(request, timeout=timeout_s, metadata=metadata)
        pending = Pending()
        pending.task = asyncio.ensure_future(self._finish(call, pending))
        self._tasks.add(pending.task)
        pending.task.add_done_callback(self._tasks.discard)
        return pending

    async def is_ready(self, within_s: float) -> bool:
        """Return whether the owner accepts connections, waiting a moment for it."""
        try:
            await asyncio.wait_for(self._channel.channel_ready(), within_s)
        except TimeoutError:
            return False
        return True

    async def close(self, within_s: float) -> None:
        """End the connection; what the owner has not answered in that time is UNAVAILABLE."""
        await self._channel.close(within_s)

    async def _finish(self, call: Any, pending: Pending) -> None:
        try:
            pending.settle(await call, None)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                self.lost.set()
            pending.settle(b"", StatusError(_status_of(error)))
        except asyncio.CancelledError:
            # Of the client, who waits no more, or of the channel, which was closed.
            call.cancel()
            pending.settle(b"", refused("UNAVAILABLE", "the owner of the file is changing"))


def metadata_of(fields: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, str | bytes]]:
    """Return a request's headers as a client's metadata."""
    metadata: list[tuple[str, str | bytes]] = []
    for name, value in fields:
        if name in HOP_HEADERS or name in OWN_HEADERS or name.startswith(b"grpc-"):
            continue
        key = name.decode(errors="replace")
        if name.endswith(b"-bin"):
            metadata.append((key, base64.b64decode(value + b"=" * (-len(value) % 4))))
        else:
            metadata.append((key, value.decode(errors="replace")))
    return metadata


def _status_of(error: grpc.aio.AioRpcError) -> Status:
    trailers: Any = error.trailing_metadata()
    for key, value in trailers or ():
        if key == "grpc-status-details-bin":
            try:
                return Status.FromString(value)
            except DecodeError:
                break
    return Status(code=error.code().value[0], message=error.details() or "")
