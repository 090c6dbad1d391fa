"""The server's side of one HTTP/2 connection, without I/O.

`receive` takes bytes and returns what happened to streams; `take_output` gives the bytes to send.
Refuses pushing, priorities (ignored) and HTTP/1. Bounded everywhere: streams, header blocks, what
waits in bodies, resets; a peer past a bound is told to calm down. A ConnectionFault ends it all.
"""

from __future__ import annotations

from polyrhythm.transports.grpc.http2 import frames
from polyrhythm.transports.grpc.http2.blocks import HeaderBlocks
from polyrhythm.transports.grpc.http2.bounds import Bounds
from polyrhythm.transports.grpc.http2.faults import ConnectionFault, ErrorCode, StreamFault
from polyrhythm.transports.grpc.http2.frames import Kind, Setting
from polyrhythm.transports.grpc.http2.headers import check_plain
from polyrhythm.transports.grpc.http2.sending import Sender
from polyrhythm.transports.grpc.http2.streams import Event, Stream

Happened = list[tuple[Event, Stream]]


class Connection:
    """One connection; `streams` are the open ones."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._blocks = HeaderBlocks(bounds.header_bytes, bounds.blocks_kept)
        self._sender = Sender()
        self.streams: dict[int, Stream] = {}
        # The last stream that is answered, and the last one the peer has opened.
        self._last_id = 0
        self._seen_id = 0
        self.pong = True
        self.resets = 0
        self.closing = False
        self._happened: Happened = []
        self._rest = b""
        self._greeted = False
        self._settled = False
        self._window = frames.WINDOW_START
        self._waiting_bytes = 0
        self._peer_window = frames.WINDOW_START
        self._greet()

    def take_output(self) -> bytes:
        """Take the bytes to send."""
        return self._sender.take()

    @property
    def has_output(self) -> bool:
        """Whether there are bytes to send."""
        return bool(self._sender.out)

    def receive(self, data: bytes) -> Happened:
        """Take bytes from the peer. Raises ConnectionFault."""
        if self._rest:
            data = self._rest + data
        self._happened = []
        at, end = 0, len(data)
        if not self._greeted:
            if not frames.PREFACE.startswith(data[: len(frames.PREFACE)]):
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "this is no HTTP/2")
            if end < len(frames.PREFACE):
                self._rest = data
                return self._happened
            at, self._greeted = len(frames.PREFACE), True
        while end - at >= frames.HEAD_BYTES:
            length = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
            if length > self._bounds.frame:
                raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "a frame is too long")
            start = at + frames.HEAD_BYTES
            if start + length > end:
                break
            stream_id = int.from_bytes(data[at + 5 : start], "big") & frames.STREAM_MASK
            self._take_frame(data[at + 3], data[at + 4], stream_id, data[start : start + length])
            at = start + length
        self._rest = data[at:]
        return self._happened

    def send_headers(self, stream: Stream, block: bytes, end: bool = False) -> None:
        """Send response headers; `end` when nothing follows."""
        if stream.gone:
            return
        self._sender.headers(stream, block, end)
        if end:
            self._finish(stream)

    def send_data(self, stream: Stream, data: bytes) -> None:
        """Send a part of the response's body."""
        if not stream.gone:
            self._sender.data(stream, data)

    def send_trailers(self, stream: Stream, block: bytes) -> None:
        """End the response."""
        if not stream.gone and self._sender.trailers(stream, block):
            self._finish(stream)

    def take_body(self, stream: Stream, size: int) -> bytes:
        """Take the first `size` bytes of what has arrived, and give the peer as much window."""
        if stream.gone:
            return b""
        taken = bytes(stream.body[:size])
        stream.body = stream.body[size:]
        self._waiting_bytes -= size
        if not stream.ended:
            stream.receive_window += size
            self._sender.out.append(frames.encode_window(stream.id, size))
        return taken

    def reset(self, stream: Stream, code: ErrorCode) -> None:
        """Give a stream up."""
        if not stream.gone:
            self._sender.reset(stream.id, code)
            self._drop(stream)

    def go_away(self, code: ErrorCode = ErrorCode.NO_ERROR, text: str = "") -> None:
        """Say that no stream past the ones known will be answered; those are, if there is time."""
        self.closing = True
        self._sender.out.append(frames.encode_goaway(self._last_id, code, text))

    def ping(self) -> None:
        """Ask for a sign of life; `pong` tells whether it came."""
        self.pong = False
        self._sender.out.append(frames.encode_frame(Kind.PING, 0, 0, b"polyping"))

    def _greet(self) -> None:
        bounds = self._bounds
        settings = {
            Setting.MAX_CONCURRENT_STREAMS: bounds.streams,
            Setting.INITIAL_WINDOW_SIZE: bounds.stream_window,
            Setting.MAX_HEADER_LIST_SIZE: bounds.header_bytes,
        }
        self._sender.out.append(frames.encode_settings(settings))
        self._widen_own()

    def _widen_own(self) -> None:
        """Open the connection's window fully: `waiting_bytes` bounds what it lets in."""
        more = self._bounds.waiting_bytes - self._window
        self._window += more
        self._sender.out.append(frames.encode_window(0, more))

    def _take_frame(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        if self._blocks.is_open and kind != Kind.CONTINUATION:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a header block is interrupted")
        if not self._settled:
            if kind != Kind.SETTINGS or flags & frames.ACK:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "the first frame is no SETTINGS")
            self._settled = True
        if kind > Kind.CONTINUATION:
            return
        try:
            FRAME_HANDLERS[kind](self, flags, stream_id, payload)
        except StreamFault as fault:
            self._sender.reset(stream_id, fault.code)
            stream = self.streams.get(stream_id)
            if stream is not None:
                self._happened.append((Event.CANCELLED, stream))
                self._drop(stream)

    def _take_data(self, flags: int, stream_id: int, payload: bytes) -> None:
        size = len(payload)
        self._window -= size
        if self._window < 0:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "more data than the window")
        if self._window < self._bounds.waiting_bytes // 2:
            self._widen_own()
        if flags & frames.PADDED:
            payload = _unpad(payload)
        stream = self.streams.get(stream_id)
        if stream is None:
            self._refuse_unknown(stream_id)
            raise StreamFault(ErrorCode.STREAM_CLOSED, "data after the end")
        if stream.ended:
            raise StreamFault(ErrorCode.STREAM_CLOSED, "data after the end")
        stream.receive_window -= size
        if stream.receive_window < 0:
            raise StreamFault(ErrorCode.FLOW_CONTROL_ERROR, "more data than the window")
        if payload:
            self._keep_body(stream, payload)
        if flags & frames.END_STREAM:
            self._end(stream)
        elif payload:
            self._happened.append((Event.ARRIVED, stream))

    def _keep_body(self, stream: Stream, payload: bytes) -> None:
        stream.received += len(payload)
        self._waiting_bytes += len(payload)
        if self._waiting_bytes > self._bounds.waiting_bytes:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too many unfinished messages")
        if not stream.body:
            stream.body = payload
        else:
            if isinstance(stream.body, bytes):
                stream.body = bytearray(stream.body)
            stream.body += payload

    def _end(self, stream: Stream) -> None:
        expected = stream.headers.content_length
        if expected >= 0 and expected != stream.received:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "content-length is another")
        stream.ended = True
        self._happened.append((Event.ARRIVED, stream))

    def _take_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if not stream_id & 1:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "headers on a stream of ours")
        if flags & frames.PADDED:
            payload = _unpad(payload)
        own_dependency = False
        if flags & frames.PRIORITY_FLAG:
            if len(payload) < 5:
                raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "a priority is cut off")
            own_dependency = _dependency(payload) == stream_id
            payload = payload[5:]
        if not flags & frames.END_HEADERS:
            self._blocks.begin(stream_id, flags, payload)
            return
        self._take_block(flags, stream_id, payload)
        if own_dependency:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "a stream depends on itself")

    def _take_continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        whole = self._blocks.add(stream_id, payload, bool(flags & frames.END_HEADERS))
        if whole is not None:
            self._take_block(whole[0], stream_id, whole[1])

    def _take_block(self, flags: int, stream_id: int, block: bytes) -> None:
        """A whole header block: a request's, or the trailers of one."""
        stream = self.streams.get(stream_id)
        if stream is not None:
            self._take_trailers(stream, flags, block)
            return
        if stream_id <= self._seen_id:
            self._blocks.decode(block)
            raise ConnectionFault(ErrorCode.STREAM_CLOSED, "headers of a closed stream")
        self._seen_id = stream_id
        headers = self._blocks.request(block)
        if self.closing or len(self.streams) >= self._bounds.streams:
            # Refused before anything was done: the peer may ask somebody else, or later.
            raise StreamFault(ErrorCode.REFUSED_STREAM, "no more streams")
        self._last_id = stream_id
        stream = Stream(stream_id, headers, self._bounds.stream_window, self._peer_window)
        self.streams[stream_id] = stream
        self._happened.append((Event.OPENED, stream))
        if flags & frames.END_STREAM:
            self._end(stream)

    def _take_trailers(self, stream: Stream, flags: int, block: bytes) -> None:
        fields = self._blocks.decode(block)
        if stream.ended:
            raise StreamFault(ErrorCode.STREAM_CLOSED, "headers after the end")
        if not flags & frames.END_STREAM:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "trailers that end nothing")
        check_plain(fields)
        self._end(stream)

    def _take_priority(self, flags: int, stream_id: int, payload: bytes) -> None:
        if not stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a priority of stream 0")
        if len(payload) != 5:
            raise StreamFault(ErrorCode.FRAME_SIZE_ERROR, "a priority has 5 bytes")
        if _dependency(payload) == stream_id:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "a stream depends on itself")

    def _take_reset(self, flags: int, stream_id: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "a reset has 4 bytes")
        stream = self.streams.get(stream_id)
        if stream is None:
            self._refuse_unknown(stream_id)
            return
        self.resets += 1
        if self.resets > self._bounds.resets:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too many requests given up")
        self._happened.append((Event.CANCELLED, stream))
        self._drop(stream)

    def _take_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "settings of a stream")
        if len(payload) % 6 or (flags & frames.ACK and payload):
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "settings have 6 bytes each")
        if flags & frames.ACK:
            return
        for name, value in frames.decode_settings(payload):
            self._take_setting(name, value)
        self._sender.out.append(frames.encode_frame(Kind.SETTINGS, frames.ACK, 0, b""))

    def _take_setting(self, name: int, value: int) -> None:
        if name == Setting.INITIAL_WINDOW_SIZE:
            if value > frames.WINDOW_MAX:
                raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "the window is too large")
            more, self._peer_window = value - self._peer_window, value
            for stream in list(self.streams.values()):
                self._widen(stream, more)
        elif name == Setting.MAX_FRAME_SIZE:
            if not frames.FRAME_BYTES_MIN <= value <= frames.FRAME_BYTES_MAX:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "no such frame size")
            self._sender.frame_max = min(value, self._bounds.frame_sent)
        elif name == Setting.ENABLE_PUSH and value > 1:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "pushing is on or off")

    def _take_push(self, flags: int, stream_id: int, payload: bytes) -> None:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "clients do not push")

    def _take_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a ping of a stream")
        if len(payload) != 8:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "a ping has 8 bytes")
        if flags & frames.ACK:
            self.pong = True
        else:
            self._sender.out.append(frames.encode_frame(Kind.PING, frames.ACK, 0, payload))

    def _take_goaway(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a goodbye of a stream")

    def _take_window(self, flags: int, stream_id: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "a window update has 4 bytes")
        more = int.from_bytes(payload, "big") & frames.STREAM_MASK
        if not stream_id:
            if not more:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a window update of nothing")
            self._widen(None, more)
            return
        stream = self.streams.get(stream_id)
        if stream is None:
            self._refuse_unknown(stream_id)
        elif not more:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "a window update of nothing")
        elif stream.send_window + more > frames.WINDOW_MAX:
            raise StreamFault(ErrorCode.FLOW_CONTROL_ERROR, "the window is too large")
        else:
            self._widen(stream, more)

    def _widen(self, stream: Stream | None, more: int) -> None:
        for done in self._sender.widen(stream, more):
            self._finish(done)

    def _refuse_unknown(self, stream_id: int) -> None:
        """A frame for a stream that is not open: closed ones are harmless, others are not."""
        if not stream_id or not stream_id & 1 or stream_id > self._seen_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a frame of a stream that is not open")

    def _finish(self, stream: Stream) -> None:
        """Our side is sent; a peer that is not through need not go on."""
        if not stream.ended:
            self._sender.reset(stream.id, ErrorCode.NO_ERROR)
        self._drop(stream)

    def _drop(self, stream: Stream) -> None:
        self._waiting_bytes -= len(stream.body)
        stream.body = b""
        stream.gone = True
        self._sender.forget(stream)
        self.streams.pop(stream.id, None)


# In the order of Kind.
FRAME_HANDLERS = (
    Connection._take_data,
    Connection._take_headers,
    Connection._take_priority,
    Connection._take_reset,
    Connection._take_settings,
    Connection._take_push,
    Connection._take_ping,
    Connection._take_goaway,
    Connection._take_window,
    Connection._take_continuation,
)


def _unpad(payload: bytes) -> bytes:
    if not payload or payload[0] >= len(payload):
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "more padding than frame")
    return payload[1 : len(payload) - payload[0]]


def _dependency(payload: bytes) -> int:
    return int.from_bytes(payload[:4], "big") & frames.STREAM_MASK
