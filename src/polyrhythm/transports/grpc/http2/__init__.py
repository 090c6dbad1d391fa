"""HTTP/2 for one server connection, without I/O: bytes in, events and bytes out (RFC 9113)."""

from polyrhythm.transports.grpc.http2.bounds import Bounds
from polyrhythm.transports.grpc.http2.connection import Connection
from polyrhythm.transports.grpc.http2.faults import ConnectionFault, ErrorCode
from polyrhythm.transports.grpc.http2.headers import RequestHeaders
from polyrhythm.transports.grpc.http2.hpack import encode_header
from polyrhythm.transports.grpc.http2.streams import Event, Stream

__all__ = [
    "Bounds",
    "Connection",
    "ConnectionFault",
    "ErrorCode",
    "Event",
    "RequestHeaders",
    "Stream",
    "encode_header",
]
