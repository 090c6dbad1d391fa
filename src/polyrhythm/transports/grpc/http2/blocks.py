"""Header blocks: put together from their frames, decoded, checked, and kept decoded.

A client sends the same block for the same method again and again. As long as its table stands
still the same bytes mean the same headers, and one dictionary look-up replaces some 15 us.
"""

from __future__ import annotations

from polyrhythm.transports.grpc.http2.faults import ConnectionFault, ErrorCode
from polyrhythm.transports.grpc.http2.headers import RequestHeaders, check_request
from polyrhythm.transports.grpc.http2.hpack import Decoder, Field


class HeaderBlocks:
    """The blocks of one connection. `bytes_max` bounds one of them, `kept_max` how many stay."""

    def __init__(self, bytes_max: int, kept_max: int) -> None:
        self._decoder = Decoder(bytes_max)
        self._bytes_max = bytes_max
        self._kept_max = kept_max
        self._kept: dict[bytes, RequestHeaders] = {}
        self._kept_at = 0
        # A block whose end has not come: its stream, the flags of its first frame, its parts.
        self._open: tuple[int, int, bytearray] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the next frame has to continue a block."""
        return self._open is not None

    def begin(self, stream_id: int, flags: int, part: bytes) -> None:
        """Start a block that other frames continue."""
        self._open = (stream_id, flags, bytearray(part))

    def add(self, stream_id: int, part: bytes, is_last: bool) -> tuple[int, bytes] | None:
        """Continue a block; at its end return its first frame's flags and all of it."""
        if self._open is None or self._open[0] != stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a continuation of nothing")
        _, flags, block = self._open
        block += part
        if len(block) > self._bytes_max:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "the headers are too long")
        if not is_last:
            return None
        self._open = None
        return flags, bytes(block)

    def decode(self, block: bytes) -> list[Field]:
        """Return the fields of a block, unchecked. Raises ConnectionFault."""
        return self._decoder.decode(block)

    def request(self, block: bytes) -> RequestHeaders:
        """Return a request's headers. Raises ConnectionFault, StreamFault for malformed ones.

        NOTE: the headers found are those the block means now: a block that changes the table is
        not kept, and after any change nothing kept before it is used.
        """
        decoder = self._decoder
        if decoder.changes != self._kept_at:
            self._kept.clear()
            self._kept_at = decoder.changes
        headers = self._kept.get(block)
        if headers is None:
            headers = check_request(decoder.decode(block))
            if decoder.changes == self._kept_at and len(self._kept) < self._kept_max:
                self._kept[block] = headers
        return headers
