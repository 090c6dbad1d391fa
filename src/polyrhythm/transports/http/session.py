"""A session: one connection of a client, from its bytes to requests and back.

h11 reads and writes HTTP/1.1; this file says what is taken and when a connection ends. Called by
the event loop (asyncio's protocol interface) and by answers that come later. A connection has one
request at a time; what a client sends ahead waits, with reading paused.
"""

from __future__ import annotations

import asyncio
import logging
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import h11

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.transports.http.exchange import Exchange, Fields, Request
from polyrhythm.transports.http.guard import check_browser
from polyrhythm.transports.http.router import Router
from polyrhythm.transports.http.settings import HttpSettings
from polyrhythm.transports.wire import (
    Peer,
    Roster,
    StatusError,
    peer_of,
    refused,
    status_for,
)

LOG = logging.getLogger("polyrhythm.http")

REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
# Refusals of the wire that HTTP has a code of its own for.
TOO_LARGE = 413
TOO_SLOW = 408
HEAD_TOO_LARGE = 431
# How long a refused client may go on sending.
LINGER_S = 1.0
# Whoever sends one of these twice wants two readers to see different ones.
SINGLE_FIELDS = frozenset((b"origin", b"host", b"authorization"))


class Session:
    """One connection."""

    def __init__(self, router: Router, settings: HttpSettings, roster: Roster[Session]) -> None:
        self._router = router
        self._settings = settings
        self._roster = roster
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._peer = Peer()
        self._wire = h11.Connection(h11.SERVER, max_incomplete_event_size=settings.head_bytes_max)
        self._exchange: Exchange | None = None
        self._request = Request("", "", "", {}, self._peer)
        self._body = bytearray()
        self._advancing = self._draining = self._failed = False
        # When the request in hand began (0: there is none), when there last was one, and since when
        # the client takes nothing.
        self._begun_at = self._stuck_at = 0.0
        self._busy_at = self._loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Note who it is, unless there are too many already."""
        self._transport = transport
        self._peer = peer_of(
            transport.get_extra_info("peername"), transport.get_extra_info("peercert")
        )
        full = len(self._roster.sessions) >= self._settings.connections_max
        self._roster.add(self)
        if full:
            LOG.warning("too many connections: one of %s is refused", self._peer.address)
            transport.write(b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\r\n")
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Take bytes; begin the request that they complete."""
        if self._transport is None or self._transport.is_closing() or self._failed:
            return
        try:
            self._wire.receive_data(data)
            self._advance()
        except Exception:
            # Our own fault must not leave a client waiting.
            LOG.exception("internal error in a connection")
            self._transport.abort()

    def eof_received(self) -> None:
        """The client sends no more: nor do we."""

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody waits for the answer any more."""
        self._transport = None
        self._roster.discard(self)
        self._leave()

    def pause_writing(self) -> None:
        """The client does not read."""
        self._stuck_at = self._loop.time()

    def resume_writing(self) -> None:
        """It reads again."""
        self._stuck_at = 0.0

    def drain(self) -> None:
        """Close after the answer in hand; a stream has no end of its own and ends now."""
        self._draining = True
        exchange = self._exchange
        if exchange is None:
            self._close()
        elif exchange.begun:
            exchange.end_stream()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def look(self) -> None:
        """Close who is idle or too slow; called every few seconds."""
        settings, now = self._settings, self._loop.time()
        if self._stuck_at and now - self._stuck_at > settings.write_s:
            self.abort()
        elif self._begun_at and self._exchange is None:
            if now - self._begun_at > settings.request_s:
                self._fail(TOO_SLOW, refused("DEADLINE_EXCEEDED", "the request did not arrive"))
        elif self._exchange is None and now - self._busy_at > settings.connection_idle_s:
            self._close()

    @property
    def unsent(self) -> int:
        """How many bytes wait for the client to take them."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def send_whole(self, code: int, fields: Fields, body: bytes) -> None:
        """Send an answer, and take what the client has sent ahead."""
        length = (b"content-length", str(len(body)).encode())
        data = self._head(code, [*fields, length])
        if body and self._request.method != "HEAD":
            data += self._sent(h11.Data(data=body))
        self._write(data + self._sent(h11.EndOfMessage()))
        self._next()

    def send_head(self, code: int, fields: Fields) -> None:
        """Begin an answer of unknown length."""
        self._write(self._head(code, fields))

    def send_part(self, data: bytes) -> None:
        """Send a part of it."""
        self._write(self._sent(h11.Data(data=data)))

    def send_end(self) -> None:
        """End it."""
        self._write(self._sent(h11.EndOfMessage()))
        self._next()

    def _advance(self) -> None:
        """Go through what has arrived, up to a request whose answer comes later."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while not (self._failed or self._transport is None or self._transport.is_closing()):
                event = self._wire.next_event()
                if event is h11.NEED_DATA:
                    if self._wire.trailing_data[0] and not self._begun_at:
                        self._begun_at = self._loop.time()
                    if self._wire.they_are_waiting_for_100_continue:
                        self._go_on()
                    break
                if event is h11.PAUSED:
                    self._read(False)
                    break
                if type(event) is h11.ConnectionClosed:
                    self._close()
                    break
                self._take(event)
        except h11.RemoteProtocolError as error:
            code = error.error_status_hint
            self._fail(code, refused("INVALID_ARGUMENT", str(error)))
        finally:
            self._advancing = False

    def _take(self, event: Any) -> None:
        if type(event) is h11.Request:
            self._begin(event)
        elif type(event) is h11.Data:
            self._body += event.data
            if len(self._body) > self._settings.request_bytes_max:
                self._fail(TOO_LARGE, self._too_large())
        elif type(event) is h11.EndOfMessage:
            self._dispatch()

    def _begin(self, event: h11.Request) -> None:
        """A request's head is there: it is refused here if its body is not worth waiting for."""
        self._begun_at = self._begun_at or self._loop.time()
        fields: dict[bytes, bytes] = {}
        # h11 bounds what it has to keep; a head that came in one piece may be longer.
        size = len(event.target) + sum(len(name) + len(value) for name, value in event.headers)
        if size > self._settings.head_bytes_max:
            bytes_max = self._settings.head_bytes_max
            text = f"path and headers are longer than {bytes_max} bytes"
            self._fail(HEAD_TOO_LARGE, refused("INVALID_ARGUMENT", text))
            return
        for name, value in event.headers:
            if name in SINGLE_FIELDS and name in fields:
                self._fail(400, refused("INVALID_ARGUMENT", f"two headers {name.decode()}"))
                return
            fields.setdefault(name, value)
        path, _, query = event.target.decode("ascii", errors="replace").partition("?")
        method = event.method.decode("ascii")
        self._body.clear()
        self._request = Request(method, path, query, fields, self._peer)
        if int(fields.get(b"content-length", b"0")) > self._settings.request_bytes_max:
            self._fail(TOO_LARGE, self._too_large())

    def _dispatch(self) -> None:
        request, self._begun_at = self._request, 0.0
        request.body = bytes(self._body)
        self._body.clear()
        exchange = self._exchange = Exchange(self, request)
        try:
            check_browser(request.method, request.fields, self._settings.hosts)
            route, request.parameters = self._router.find(request.method, request.path)
            route.take(exchange)
        except (StatusError, PolyrhythmError) as error:
            exchange.refuse(status_for(error))
        except Exception as error:
            LOG.exception("internal error in %s %s", request.method, request.path)
            if exchange.begun:
                self.abort()
            else:
                exchange.refuse(status_for(error))

    def _fail(self, code: int, error: StatusError) -> None:
        """Refuse a request that is not all there, and close: what follows it cannot be told."""
        if self._wire.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._draining = True
            self._failed = True
            Exchange(self, self._request).refuse(status_for(error), code)
        else:
            self._close()

    def _next(self) -> None:
        """The answer is sent: close, or look at what the client has sent meanwhile."""
        self._exchange = None
        self._busy_at = self._loop.time()
        done = self._wire.our_state is h11.DONE and self._wire.their_state is h11.DONE
        if self._failed:
            self._linger()
            return
        if self._draining or not done:
            self._close()
            return
        self._wire.start_next_cycle()
        self._read(True)
        self._advance()

    def _head(self, code: int, fields: Fields) -> bytes:
        fields = [*fields, (b"date", formatdate(usegmt=True).encode())]
        if self._draining:
            fields.append((b"connection", b"close"))
        return self._sent(
            h11.Response(status_code=code, headers=fields, reason=REASONS.get(code, b""))
        )

    def _go_on(self) -> None:
        self._write(self._sent(h11.InformationalResponse(status_code=100, headers=[])))

    def _sent(self, event: Any) -> bytes:
        return self._wire.send(event) or b""

    def _write(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._transport.write(data)

    def _read(self, wanted: bool) -> None:
        """Read nothing ahead of an answer that is not there: it would pile up."""
        transport = self._transport
        if transport is None or transport.is_closing() or transport.is_reading() is wanted:
            return
        if wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _linger(self) -> None:
        """Say that this is all, and take what the client still sends for a moment: closing with
        bytes unread makes its system forget the answer."""
        transport = self._transport
        if transport is not None and not transport.is_closing():
            if transport.can_write_eof():
                transport.write_eof()
            self._loop.call_later(LINGER_S, self._close)

    def _leave(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.leave()

    def _too_large(self) -> StatusError:
        bytes_max = self._settings.request_bytes_max
        return refused("RESOURCE_EXHAUSTED", f"the body is larger than {bytes_max} bytes")
