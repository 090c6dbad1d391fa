"""Messages inside a stream: five bytes of head, then the message, perhaps compressed.

The refusals and their words are grpc-go's: SDKs compare them. The official SDKs compress what they
send with gzip; answers are never compressed, which every client takes and which costs nothing.
"""

from __future__ import annotations

import struct
import zlib

from polyrhythm.transports.wire import refused

HEAD = struct.Struct(">BI")
# Encoding -> zlib's word for its frame.
WINDOW_BITS = {b"gzip": 31, b"deflate": 15}
IDENTITY = b"identity"


def encode_message(data: bytes) -> bytes:
    """Return a message as it is sent."""
    return HEAD.pack(0, len(data)) + data


def message_size(body: bytes | bytearray, bytes_max: int) -> int:
    """Return the size of the first message with its head, or 0 while too little is there.

    Raises StatusError for one that is too long: before it has arrived.
    """
    if len(body) < HEAD.size:
        return 0
    _, length = HEAD.unpack_from(body)
    if length > bytes_max:
        raise refused("RESOURCE_EXHAUSTED", _too_long(length, bytes_max))
    size = HEAD.size + int(length)
    return size if len(body) >= size else 0


def decode_message(data: bytes | bytearray, encoding: bytes, bytes_max: int) -> bytes:
    """Return the content of one whole message. Raises StatusError."""
    if not data[0]:
        return bytes(data[HEAD.size :])
    if data[0] != 1:
        raise refused("INTERNAL", f"grpc: received unexpected payload format {data[0]}")
    if encoding == IDENTITY:
        raise refused("INTERNAL", "grpc: compressed flag set with identity or empty encoding")
    unpacker = zlib.decompressobj(WINDOW_BITS[encoding])
    try:
        content = unpacker.decompress(memoryview(data)[HEAD.size :], bytes_max + 1)
    except zlib.error as error:
        raise refused("INTERNAL", f"grpc: failed to decompress the message: {error}") from None
    if len(content) > bytes_max:
        text = f"grpc: received message after decompression larger than max {bytes_max}"
        raise refused("RESOURCE_EXHAUSTED", text)
    if not unpacker.eof:
        raise refused("INTERNAL", "grpc: failed to decompress the message: it is cut off")
    return content


def _too_long(length: int, bytes_max: int) -> str:
    return f"grpc: received message larger than max ({length} vs. {bytes_max})"
