"""The headers of a request, checked as RFC 9113 section 8 wants them.

A request that breaks the rules is malformed: its stream is reset, the connection goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polyrhythm.transports.grpc.http2.faults import ErrorCode, StreamFault
from polyrhythm.transports.grpc.http2.hpack import Field

PSEUDO = (b":method", b":scheme", b":path", b":authority")
# Headers of HTTP/1.1 connections.
FORBIDDEN = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)


class RequestHeaders:
    """A request's pseudo-headers and its other fields, in order.

    One object serves all requests with the same block; `memo` is for what its reader makes of it.
    """

    __slots__ = ("content_length", "fields", "memo", "method", "path")

    def __init__(self, method: bytes, path: bytes, fields: Sequence[Field]) -> None:
        self.method = method
        self.path = path
        self.fields = fields
        self.memo: Any = None
        # -1 when the request does not say.
        self.content_length = -1


def check_request(fields: Sequence[Field]) -> RequestHeaders:
    """Return a request's headers. Raises StreamFault for a malformed one."""
    pseudo: dict[bytes, bytes] = {}
    for name, value in fields:
        if not name.startswith(b":"):
            break
        if name not in PSEUDO or name in pseudo:
            raise _malformed("an unknown or repeated pseudo-header")
        pseudo[name] = value
    plain = fields[len(pseudo) :]
    check_plain(plain)
    if not (pseudo.get(b":method") and pseudo.get(b":scheme") and pseudo.get(b":path")):
        raise _malformed("a pseudo-header is missing")
    headers = RequestHeaders(pseudo[b":method"], pseudo[b":path"], plain)
    for name, value in plain:
        if name == b"content-length":
            if not value.isdigit() or len(value) > 18:
                raise _malformed("content-length is no number")
            headers.content_length = int(value)
    return headers


def check_plain(fields: Sequence[Field]) -> None:
    """Refuse what no header or trailer may be. Raises StreamFault."""
    for name, value in fields:
        if name[:1] in (b":", b"") or name != name.lower():
            raise _malformed("a header's name")
        if name in FORBIDDEN or (name == b"te" and value != b"trailers"):
            raise _malformed("a header of HTTP/1.1 connections")


def _malformed(text: str) -> StreamFault:
    return StreamFault(ErrorCode.PROTOCOL_ERROR, text)
