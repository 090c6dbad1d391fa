"""Every setting of the HTTP wire, with its unit and why it has its value.

Sizes of requests are those of the Temporal server 1.31.2, whose HTTP API takes what gRPC takes. The
rest bounds what one connection may cost: HTTP/1.1 has one call at a time on each.
"""

from __future__ import annotations

from dataclasses import dataclass
from ssl import SSLContext

MEBIBYTE = 1024 * 1024


@dataclass(slots=True)
class HttpSettings:
    """Sizes in bytes, times in seconds."""

    # The body of a request: the Temporal server's value for HTTP, and gRPC's for a message.
    request_bytes_max: int = 4 * MEBIBYTE
    # Request line and headers together; a browser sends 1 to 2 kB, cookies of other programs on
    # the same host included some more.
    head_bytes_max: int = 32 * 1024
    # A request that has begun is there after this long: whoever sends a byte a second is cut off.
    request_s: float = 30.0
    # A connection without a call is closed after this: the Temporal server's value for HTTP.
    connection_idle_s: float = 120.0
    # A client that takes nothing of its answer for this long is cut off.
    write_s: float = 30.0
    # Connections at once, each some 15 kB; past it new ones are answered 503. A process may have
    # no more than its limit of open files allows.
    connections_max: int = 4_000
    # Event streams at once: each is a call that waits, and the lane has room for 20,000 of those.
    streams_max: int = 2_000
    # What an event stream may have unsent before it waits for its client.
    stream_buffer_bytes_max: int = 256 * 1024
    # A comment goes out on a stream that is silent for this long: proxies close silent ones after
    # a minute, and a client that is gone is noticed.
    stream_beat_s: float = 15.0
    # The shared look at what changed in a namespace, while somebody listens. Half of it is what an
    # event is late on average; the target is 250 ms from the event to the screen.
    changes_s: float = 0.1
    # Hosts that a request may name; None for any. A server that asks nobody for a key must not
    # answer a page of another site that has had its name point here (DNS rebinding).
    hosts: frozenset[str] | None = None
    # Off, so that a second server on a taken port fails instead of getting half of its calls.
    reuse_port: bool = False
    backlog: int = 1024
    # How often connections are looked at for all of the above.
    sweep_s: float = 5.0
    tls: SSLContext | None = None
    tls_handshake_s: float = 10.0
