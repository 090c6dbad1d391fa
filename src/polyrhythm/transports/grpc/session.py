"""A session: one connection of a client, from its bytes to calls and back.

Called by the event loop (asyncio's protocol interface) and by answers that come later; both only
fill the connection's output, which leaves in one write: at the end of what has arrived, or before
the loop rests when a turn of the engine has answered many calls at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.transports.grpc.heads import CallHead, read_head
from polyrhythm.transports.grpc.http2 import (
    Connection,
    ConnectionFault,
    ErrorCode,
    Event,
    Stream,
)
from polyrhythm.transports.grpc.messages import decode_message, encode_message, message_size
from polyrhythm.transports.grpc.routes import Routes
from polyrhythm.transports.grpc.settings import GrpcSettings
from polyrhythm.transports.grpc.sinks import Sink
from polyrhythm.transports.grpc.statuses import RESPONSE_HEAD, SUCCESS, encode_trailers
from polyrhythm.transports.wire import (
    Answer,
    Door,
    Peer,
    Roster,
    StatusError,
    peer_of,
    refused,
    status_for,
)

LOG = logging.getLogger("polyrhythm.grpc")

# A caller counts its time from when it sent, and timers of clients run some milliseconds late. This
# much later here, it is the client that says that its time is over, in its own words.
DEADLINE_SLACK_NS = 20_000_000


class Session:
    """One connection."""

    def __init__(
        self, routes: Routes, settings: GrpcSettings, roster: Roster[Session], door: Door
    ) -> None:
        self.connection = Connection(settings.bounds)
        self._door = door
        self._peer = Peer()
        self._routes = routes
        self._settings = settings
        self._roster = roster
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._flushing = False
        self._heard_at = self._begun_at = self._busy_at = self._loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Greet, unless there are too many already."""
        self._transport = transport
        self._peer = peer_of(
            transport.get_extra_info("peername"), transport.get_extra_info("peercert")
        )
        if len(self._roster.sessions) >= self._settings.connections_max:
            LOG.warning("too many connections: one of %s is refused", self._peer.address)
            self._end(ErrorCode.ENHANCE_YOUR_CALM, "too many connections")
            return
        self._roster.add(self)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Take bytes, begin the calls they bring, send what is ready."""
        if self._transport is None or self._transport.is_closing():
            return
        self._heard_at = self._loop.time()
        try:
            happened = self.connection.receive(data)
            if happened:
                self._busy_at = self._heard_at
            for event, stream in happened:
                if event is Event.CANCELLED:
                    self._cancel(stream)
                elif not stream.gone:
                    self._take(stream)
        except ConnectionFault as fault:
            self._end(fault.code, fault.text)
            return
        except Exception:
            # Our own fault must not leave a client with half an answer.
            LOG.exception("internal error in a connection")
            self._end(ErrorCode.INTERNAL_ERROR, "")
            return
        self._flush()

    def eof_received(self) -> None:
        """The client sends no more: nor do we."""

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody waits for the answers any more."""
        self._transport = None
        self._roster.discard(self)
        for stream in list(self.connection.streams.values()):
            self._cancel(stream)

    def pause_writing(self) -> None:
        """Read nothing from a client that does not read: what it asks would pile up."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It reads again."""
        if self._transport is not None:
            self._transport.resume_reading()

    def flush_soon(self) -> None:
        """Send what is there before the loop rests, together with what else comes until then."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def drain(self) -> None:
        """Take no more calls; close when those in flight are answered."""
        if not self.connection.closing:
            self.connection.go_away()
        self._flush()

    def refuse_calls(self, error: StatusError) -> None:
        """End every unary call that still waits: whoever was to answer it never will."""
        for stream in list(self.connection.streams.values()):
            owner = stream.owner
            if owner is not None and not isinstance(owner, Sink) and not owner.done:
                owner.cancel()
                self._refuse(stream, error)

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def look(self) -> None:
        """Ping who is silent, close who is idle, too old or dead; called every few seconds."""
        settings, now = self._settings, self._loop.time()
        silent_s, age_s = now - self._heard_at, now - self._begun_at
        self.connection.resets = 0
        if self.connection.streams:
            self._busy_at = now
        if silent_s > settings.keep_alive_s + settings.keep_alive_timeout_s:
            self.abort()
        elif now - self._busy_at > settings.connection_idle_s:
            self.drain()
        elif settings.connection_age_s and age_s > settings.connection_age_s:
            self.drain()
            if age_s > settings.connection_age_s + settings.connection_age_grace_s:
                self.abort()
        elif silent_s > settings.keep_alive_s:
            self.connection.ping()
            self._flush()

    def _take(self, stream: Stream) -> None:
        """A stream has begun or gone on."""
        head: CallHead | None = stream.headers.memo
        if head is None:
            head = stream.headers.memo = read_head(
                stream.headers, self._routes, self._door, self._peer
            )
        if head.refusal:
            self.connection.send_headers(stream, head.refusal, end=True)
        elif not self._routes.is_unary(head.route):
            self._take_streaming(stream, head)
        elif stream.owner is None:
            self._take_unary(stream, head)

    def _take_unary(self, stream: Stream, head: CallHead) -> None:
        body = stream.body
        try:
            size = message_size(body, self._settings.request_bytes_max)
            if not stream.ended:
                return
            if not size or size != len(body):
                raise refused("INTERNAL", "unexpected EOF" if not size else "more than one message")
            request = decode_message(body, head.encoding, self._settings.request_bytes_max)
        except StatusError as error:
            self._refuse(stream, error)
            return
        deadline_ns = 0
        if head.timeout_ns:
            deadline_ns = time.time_ns() + head.timeout_ns + DEADLINE_SLACK_NS
        answer: Answer = head.route.begin(request, head, deadline_ns)
        # Before it is answered: a stream whose answer waits for a window may be looked at again,
        # and its call must not begin twice.
        stream.owner = answer
        if answer.done:
            self._finish(stream, answer)
        else:
            # NOTE: answers are resolved on this loop, so none can be between the look at it and
            # the line below.
            answer.wake = partial(self._finish, stream, answer)

    def _finish(self, stream: Stream, answer: Answer) -> None:
        """Send the answer of a unary call."""
        error = answer.error
        if error is not None:
            if not isinstance(error, (PolyrhythmError, StatusError)):
                LOG.error("internal error in %s", stream.headers.path, exc_info=error)
            self._refuse(stream, error)
            return
        value = answer.value
        data = value if type(value) is bytes else value.SerializeToString()
        connection = self.connection
        connection.send_headers(stream, RESPONSE_HEAD)
        connection.send_data(stream, encode_message(data))
        connection.send_trailers(stream, SUCCESS)
        self.flush_soon()

    def _refuse(self, stream: Stream, error: Exception) -> None:
        block = RESPONSE_HEAD + encode_trailers(status_for(error))
        self.connection.send_headers(stream, block, end=True)
        self.flush_soon()

    def _take_streaming(self, stream: Stream, head: CallHead) -> None:
        """Hand whole messages to the route, as they come."""
        sink = stream.owner
        if sink is None:
            sink = stream.owner = Sink(self, stream)
        bytes_max = self._settings.request_bytes_max
        try:
            while size := message_size(stream.body, bytes_max):
                data = self.connection.take_body(stream, size)
                head.route.take(decode_message(data, head.encoding, bytes_max), sink)
        except StatusError as error:
            head.route.leave(sink)
            sink.refuse(error)
            return
        if stream.ended and not sink.ended:
            head.route.end(sink)

    def _cancel(self, stream: Stream) -> None:
        """The client waits for this no more."""
        owner, stream.owner = stream.owner, None
        if isinstance(owner, Sink):
            stream.headers.memo.route.leave(owner)
        elif owner is not None:
            owner.cancel()

    def _end(self, code: ErrorCode, text: str) -> None:
        """Close a connection that cannot go on; its calls are cancelled when it is lost."""
        self.connection.go_away(code, text)
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        self._flushing = False
        transport = self._transport
        if transport is None:
            return
        if self.connection.has_output:
            transport.write(self.connection.take_output())
        if self.connection.closing and not self.connection.streams:
            transport.close()
