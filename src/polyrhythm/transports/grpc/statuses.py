"""Statuses on the wire: how a call ends, as header blocks.

`service.status` owns the table from errors to statuses. Details travel as a serialized
google.rpc.Status in `grpc-status-details-bin`, and only when there are any, as grpc-go does it.
"""

from __future__ import annotations

import base64

from google.rpc.status_pb2 import Status

from polyrhythm.transports.grpc.http2 import encode_header

# :status 200, from the static table.
HTTP_OK = b"\x88"
RESPONSE_HEAD = (
    HTTP_OK
    + encode_header(b"content-type", b"application/grpc")
    + encode_header(b"grpc-accept-encoding", b"identity,deflate,gzip")
)
SUCCESS = encode_header(b"grpc-status", b"0")
# Bytes of a message that are sent as they are: printable ASCII but for the escape character.
PLAIN = frozenset(range(0x20, 0x7F)) - {ord("%")}
# Clients refuse trailers past some size (grpc-go 16 MiB, grpcio and tonic 16 KiB); a status without
# its details is better than none.
DETAILS_BYTES_MAX = 8 * 1024
MESSAGE_BYTES_MAX = 4 * 1024


def encode_trailers(status: Status) -> bytes:
    """Return the trailers of a status."""
    block = encode_header(b"grpc-status", str(status.code).encode())
    if status.message:
        text = status.message.encode()[:MESSAGE_BYTES_MAX]
        block += encode_header(b"grpc-message", _percent(text))
    if status.details:
        details = base64.b64encode(status.SerializeToString()).rstrip(b"=")
        if len(details) <= DETAILS_BYTES_MAX:
            block += encode_header(b"grpc-status-details-bin", details)
    return block


def encode_http_status(code: int) -> bytes:
    """Return the headers of an answer to what is no gRPC."""
    return encode_header(b":status", str(code).encode())


def _percent(text: bytes) -> bytes:
    if all(byte in PLAIN for byte in text):
        return text
    return b"".join(bytes((b,)) if b in PLAIN else b"%%%02X" % b for b in text)
