"""Frames: their kinds, flags and layout (RFC 9113, section 6), as bytes.

Encoding only packs; decoding is done where a frame is taken, since each kind has its own rules.
"""

from __future__ import annotations

import struct
from enum import IntEnum

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9
# What a peer may send without being told more.
FRAME_BYTES_MIN = 16_384
FRAME_BYTES_MAX = (1 << 24) - 1
WINDOW_START = 65_535
WINDOW_MAX = (1 << 31) - 1
STREAM_MASK = (1 << 31) - 1

END_STREAM = 0x1
ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY_FLAG = 0x20


class Kind(IntEnum):
    """What a frame is; others are ignored."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Setting(IntEnum):
    """What SETTINGS frames name; others are ignored."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


_HEAD = struct.Struct(">HBBBI")
_LONG = struct.Struct(">I")
_PAIR = struct.Struct(">HI")


def encode_frame(kind: Kind, flags: int, stream_id: int, payload: bytes) -> bytes:
    """Return a frame."""
    return encode_head(kind, flags, stream_id, len(payload)) + payload


def encode_head(kind: Kind, flags: int, stream_id: int, length: int) -> bytes:
    """Return the head of a frame whose payload follows."""
    return _HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream_id)


def encode_headers(stream_id: int, block: bytes, end: bool, frame_max: int) -> bytes:
    """Return a block as HEADERS, with CONTINUATION frames when it does not fit into one."""
    last = END_STREAM if end else 0
    if len(block) <= frame_max:
        return encode_frame(Kind.HEADERS, last | END_HEADERS, stream_id, block)
    frames = [encode_frame(Kind.HEADERS, last, stream_id, block[:frame_max])]
    for at in range(frame_max, len(block), frame_max):
        part = block[at : at + frame_max]
        flags = END_HEADERS if at + frame_max >= len(block) else 0
        frames.append(encode_frame(Kind.CONTINUATION, flags, stream_id, part))
    return b"".join(frames)


def encode_settings(values: dict[Setting, int]) -> bytes:
    """Return a SETTINGS frame."""
    payload = b"".join(_PAIR.pack(name, value) for name, value in values.items())
    return encode_frame(Kind.SETTINGS, 0, 0, payload)


def decode_settings(payload: bytes) -> list[tuple[int, int]]:
    """Return the pairs of a SETTINGS frame."""
    return list(_PAIR.iter_unpack(payload))


def encode_window(stream_id: int, more: int) -> bytes:
    """Return a WINDOW_UPDATE frame."""
    return encode_frame(Kind.WINDOW_UPDATE, 0, stream_id, _LONG.pack(more))


def encode_reset(stream_id: int, code: int) -> bytes:
    """Return a RST_STREAM frame."""
    return encode_frame(Kind.RST_STREAM, 0, stream_id, _LONG.pack(code))


def encode_goaway(last_stream_id: int, code: int, text: str) -> bytes:
    """Return a GOAWAY frame."""
    payload = _LONG.pack(last_stream_id) + _LONG.pack(code) + text.encode()
    return encode_frame(Kind.GOAWAY, 0, 0, payload)
