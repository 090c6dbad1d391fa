"""A stream: one request and its answer, as far as the protocol is concerned.

`body` is what arrived and was not taken yet; `queue` is what was to be sent and found no window.
`ended`: the peer sends no more. `gone`: it is over, and whatever is sent to it is dropped.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import Any

from polyrhythm.transports.grpc.http2.headers import RequestHeaders


class Event(Enum):
    """What happened to a stream."""

    # Its headers are there.
    OPENED = auto()
    # More of its body is there, or its end (`stream.ended`).
    ARRIVED = auto()
    # The peer has given it up; it is gone.
    CANCELLED = auto()


class Stream:
    """One request; `owner` is for whoever answers it."""

    __slots__ = (
        "body",
        "ended",
        "gone",
        "headers",
        "id",
        "owner",
        "queue",
        "receive_window",
        "received",
        "send_window",
        "trailers",
    )

    def __init__(
        self, stream_id: int, headers: RequestHeaders, receive_window: int, send_window: int
    ) -> None:
        self.id = stream_id
        self.headers = headers
        self.body: bytes | bytearray = b""
        self.received = 0
        self.ended = False
        self.gone = False
        self.receive_window = receive_window
        self.send_window = send_window
        self.queue: deque[memoryview] = deque()
        self.trailers: bytes | None = None
        self.owner: Any = None
