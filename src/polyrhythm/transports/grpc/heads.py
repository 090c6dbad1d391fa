"""The head of a call: what its headers say, made out once for all calls with the same ones.

What cannot be served is refused here, with gRPC's status or, for what is no gRPC, HTTP's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.transports.grpc.http2 import RequestHeaders
from polyrhythm.transports.grpc.messages import IDENTITY, WINDOW_BITS
from polyrhythm.transports.grpc.statuses import (
    RESPONSE_HEAD,
    encode_http_status,
    encode_trailers,
)
from polyrhythm.transports.wire import Door, Peer, StatusError, refused, status_for

UNITS_NS = {
    b"H": 3600 * 1_000_000_000,
    b"M": 60 * 1_000_000_000,
    b"S": 1_000_000_000,
    b"m": 1_000_000,
    b"u": 1000,
    b"n": 1,
}
DIGITS_MAX = 8


class CallHead:
    """`refusal` is a whole header block that answers the call, or empty; `timeout_ns` 0: none;
    `caller` is whom the door let in.
    """

    __slots__ = ("caller", "encoding", "fields", "refusal", "route", "timeout_ns")

    def __init__(self, route: Any, fields: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self.route = route
        self.fields = fields
        self.caller: Any = None
        self.refusal = b""
        self.timeout_ns = 0
        self.encoding = IDENTITY


def read_head(headers: RequestHeaders, routes: Any, door: Door, peer: Peer) -> CallHead:
    """Return the head of a call; `routes` finds who answers it, `door` knows who makes it."""
    if headers.method != b"POST":
        return _refusal(encode_http_status(405))
    fields = dict(headers.fields)
    if not fields.get(b"content-type", b"").startswith(b"application/grpc"):
        return _refusal(encode_http_status(415))
    try:
        head = CallHead(routes.find(headers.path), headers.fields)
        head.encoding = _encoding(fields)
        head.timeout_ns = _timeout_ns(fields)
        if routes.asks_who(head.route):
            head.caller = door.admit(fields, peer)
    except (StatusError, PolyrhythmError) as error:
        return _refusal(RESPONSE_HEAD + encode_trailers(status_for(error)))
    return head


def _refusal(block: bytes) -> CallHead:
    head = CallHead(None)
    head.refusal = block
    return head


def _encoding(fields: dict[bytes, bytes]) -> bytes:
    encoding = fields.get(b"grpc-encoding", IDENTITY)
    if encoding != IDENTITY and encoding not in WINDOW_BITS:
        name = encoding.decode(errors="replace")
        text = f'grpc: Decompressor is not installed for grpc-encoding "{name}"'
        raise refused("UNIMPLEMENTED", text)
    return encoding


def _timeout_ns(fields: dict[bytes, bytes]) -> int:
    value = fields.get(b"grpc-timeout")
    if value is None:
        return 0
    digits, unit = value[:-1], value[-1:]
    if unit not in UNITS_NS or not digits.isdigit() or len(digits) > DIGITS_MAX:
        text = f"malformed grpc-timeout: {value.decode(errors='replace')!r}"
        raise refused("INTERNAL", text)
    # A timeout of nothing is not the same as none.
    return max(int(digits) * UNITS_NS[unit], 1)
