"""The sending side of a connection: what may leave now, and what waits for the peer's windows.

Everything is collected in `out` and leaves in one write when the owner of the connection takes it,
so that the answers of one turn of the engine cost one system call a connection.
"""

from __future__ import annotations

from polyrhythm.transports.grpc.http2.faults import ConnectionFault, ErrorCode
from polyrhythm.transports.grpc.http2.frames import (
    FRAME_BYTES_MIN,
    WINDOW_MAX,
    WINDOW_START,
    Kind,
    encode_frame,
    encode_head,
    encode_headers,
    encode_reset,
)
from polyrhythm.transports.grpc.http2.streams import Stream


class Sender:
    """Frames on their way out."""

    def __init__(self) -> None:
        self.out: list[bytes | memoryview] = []
        self.frame_max = FRAME_BYTES_MIN
        self._window = WINDOW_START
        self._blocked: dict[int, Stream] = {}

    def take(self) -> bytes:
        """Take everything that may leave now."""
        taken = b"".join(self.out)
        self.out.clear()
        return taken

    def headers(self, stream: Stream, block: bytes, end: bool) -> None:
        """Send a header block."""
        self.out.append(encode_headers(stream.id, block, end, self.frame_max))

    def data(self, stream: Stream, data: bytes) -> None:
        """Send a part of the body, as far as the windows allow; the rest follows by itself."""
        size = len(data)
        room = min(self._window, stream.send_window, self.frame_max)
        if size <= room and not stream.queue:
            self._window -= size
            stream.send_window -= size
            self.out.append(encode_frame(Kind.DATA, 0, stream.id, data))
            return
        stream.queue.append(memoryview(data))
        self._blocked[stream.id] = stream
        self._drain(stream)

    def trailers(self, stream: Stream, block: bytes) -> bool:
        """End a body; False when some of it waits and the trailers with it."""
        if stream.queue:
            stream.trailers = block
            return False
        self.headers(stream, block, end=True)
        return True

    def reset(self, stream_id: int, code: ErrorCode) -> None:
        """Give a stream up."""
        self.out.append(encode_reset(stream_id, code))
        self._blocked.pop(stream_id, None)

    def forget(self, stream: Stream) -> None:
        """Send nothing more for a stream that is gone."""
        self._blocked.pop(stream.id, None)

    def widen(self, stream: Stream | None, more: int) -> list[Stream]:
        """Add to a window (None: the connection's); return streams that are all sent by that."""
        if stream is None:
            if self._window + more > WINDOW_MAX:
                raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "the window is too large")
            self._window += more
            waiting = list(self._blocked.values())
        else:
            stream.send_window += more
            waiting = [stream] if stream.queue else []
        return [one for one in waiting if self._drain(one)]

    def _drain(self, stream: Stream) -> bool:
        """Send what the windows allow; True when that was all, trailers included."""
        queue = stream.queue
        while queue:
            part = queue.popleft()
            room = min(self._window, stream.send_window, self.frame_max)
            if room <= 0:
                queue.appendleft(part)
                return False
            if len(part) > room:
                queue.appendleft(part[room:])
                part = part[:room]
            self._window -= len(part)
            stream.send_window -= len(part)
            self.out.append(encode_head(Kind.DATA, 0, stream.id, len(part)))
            self.out.append(part)
        self._blocked.pop(stream.id, None)
        if stream.trailers is None:
            return False
        self.out.append(encode_headers(stream.id, stream.trailers, True, self.frame_max))
        return True
