"""The sending side of a streaming call, and what a streaming route is.

Only the two services beside the protocol stream (health's Watch, reflection); a unary call needs
none of this.
"""

from __future__ import annotations

from typing import Protocol

from polyrhythm.transports.grpc.http2 import Connection, Stream
from polyrhythm.transports.grpc.messages import encode_message
from polyrhythm.transports.grpc.statuses import (
    RESPONSE_HEAD,
    SUCCESS,
    encode_trailers,
)
from polyrhythm.transports.wire import StatusError


class Flushing(Protocol):
    """A session, as far as a sink needs it."""

    connection: Connection

    def flush_soon(self) -> None:
        """Send what is there before the loop rests."""
        ...


class Sink:
    """Where the answers of one streaming call go; `ended` once its status is on its way."""

    __slots__ = ("_begun", "_session", "_stream", "ended")

    def __init__(self, session: Flushing, stream: Stream) -> None:
        self._session = session
        self._stream = stream
        self._begun = False
        self.ended = False

    def send(self, message: bytes) -> None:
        """Send one message."""
        self._begin()
        self._session.connection.send_data(self._stream, encode_message(message))
        self._session.flush_soon()

    def finish(self) -> None:
        """End the call in success."""
        self._end(SUCCESS)

    def refuse(self, error: StatusError) -> None:
        """End the call with a status."""
        self._end(encode_trailers(error.status))

    def _end(self, trailers: bytes) -> None:
        self.ended = True
        self._begin()
        self._session.connection.send_trailers(self._stream, trailers)
        self._session.flush_soon()

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._session.connection.send_headers(self._stream, RESPONSE_HEAD)


class StreamRoute(Protocol):
    """Answers a streaming method."""

    def take(self, request: bytes, sink: Sink) -> None:
        """Take one message of the client. Raises StatusError to end the call."""
        ...

    def end(self, sink: Sink) -> None:
        """The client has sent everything."""
        ...

    def leave(self, sink: Sink) -> None:
        """The client has gone away, or the call was ended."""
        ...
