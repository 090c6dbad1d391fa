"""Event streams (Server-Sent Events): their number, their form and their beat.

A stream is an answer that goes on. Each of its messages has an id, by which a client that lost its
connection goes on where it was: a browser does so by itself with `Last-Event-ID`, others say
`position` in the query. One timer beats for all streams, so that an idle one costs nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from polyrhythm.transports.http.exchange import Exchange, Owner, Request
from polyrhythm.transports.http.settings import HttpSettings
from polyrhythm.transports.wire import refused

EVENT_STREAM = b"text/event-stream"
LAST_EVENT_ID = b"last-event-id"
POSITION = "position"
POSITION_DIGITS_MAX = 18
# A client that lost its stream comes back after this.
GREETING = b"retry: 1000\n\n"
BEAT = b": still here\n\n"


def message_of_stream(position: int, kind: str, tree: Any) -> bytes:
    """Return one message; JSON has no line ends, so its data is one line."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (position, kind.encode(), msgspec.json.encode(tree))


def asked_position(request: Request) -> int | None:
    """Return after which position a client goes on, None if it does not say. Raises StatusError."""
    text = request.fields.get(LAST_EVENT_ID, b"").decode(errors="replace")
    text = text or request.value(POSITION)
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > POSITION_DIGITS_MAX:
        raise refused("INVALID_ARGUMENT", f"invalid position: {text!r} is no number of a message")
    return int(text)


class Stream:
    """One stream's way out."""

    __slots__ = ("_exchange", "_sent_at", "_streams")

    def __init__(self, exchange: Exchange, streams: Streams) -> None:
        self._exchange = exchange
        self._streams = streams
        self._sent_at = streams.time()

    @property
    def unsent(self) -> int:
        """How many bytes wait for the client to take them."""
        return self._exchange.unsent

    def send(self, messages: bytes) -> None:
        """Send messages."""
        self._sent_at = self._streams.time()
        self._exchange.send(messages)

    def beat(self, silent_since: float) -> None:
        """Say something if nothing was said since then."""
        if self._sent_at <= silent_since:
            self.send(BEAT)

    def end(self) -> None:
        """End it; the client comes back unless it was told not to."""
        self._exchange.end_stream()


class Streams:
    """All streams of this process."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._open: set[Stream] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many there are."""
        return len(self._open)

    def time(self) -> float:
        """Now, by the loop's clock."""
        return self._loop.time()

    def check_room(self) -> None:
        """Raises StatusError when there are too many already."""
        if len(self._open) >= self._settings.streams_max:
            raise refused("RESOURCE_EXHAUSTED", "too many event streams")

    def begin(self, exchange: Exchange, owner: Owner) -> Stream:
        """Begin a stream; `owner` is told when its client has gone, and calls `discard`."""
        stream = Stream(exchange, self)
        self._open.add(stream)
        exchange.owner = owner
        exchange.begin_stream(EVENT_STREAM)
        stream.send(GREETING)
        if self._timer is None:
            self._wind()
        return stream

    def discard(self, stream: Stream) -> None:
        """Forget one that has ended."""
        self._open.discard(stream)

    def is_full(self, stream: Stream) -> bool:
        """Whether its client has to take what there is before it is sent more."""
        return stream.unsent > self._settings.stream_buffer_bytes_max

    def _wind(self) -> None:
        # Looked at twice in a span, so that no silence is longer than one and a half.
        self._timer = self._loop.call_later(self._settings.stream_beat_s / 2, self._beat)

    def _beat(self) -> None:
        self._timer = None
        silent_since = self.time() - self._settings.stream_beat_s
        for stream in list(self._open):
            stream.beat(silent_since)
        if self._open:
            self._wind()
