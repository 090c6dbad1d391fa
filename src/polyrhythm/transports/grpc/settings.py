"""Every setting of the gRPC wire, with its unit and why it has its value.

Values that clients can observe are those of the Temporal server 1.31.2 (its dynamic configuration
`frontend.keepAlive*`, and grpc-go's defaults where it sets nothing). TCP_NODELAY has no setting:
uvloop and asyncio turn Nagle's algorithm off on every connection. There are no worker threads to
set: calls are parsed and answered on the loop that the engine's turns run on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ssl import SSLContext

from polyrhythm.transports.grpc.http2 import Bounds

MEBIBYTE = 1024 * 1024


@dataclass(slots=True)
class GrpcSettings:
    """Sizes in bytes, times in seconds."""

    # A longer request is refused in the words of grpc-go, whose default of 4 MiB the Temporal
    # server keeps: SDKs recognise the text and fail the task instead of sending it again for ever.
    request_bytes_max: int = 4 * MEBIBYTE
    # A client that was silent for this long is pinged, and has that long to answer: the Temporal
    # server's values. The parked polls of a worker that vanished are freed after 70 s.
    keep_alive_s: float = 60.0
    keep_alive_timeout_s: float = 10.0
    # A connection without calls is closed after this: the Temporal server's value.
    connection_idle_s: float = 120.0
    # How old a connection may get, 0 for any age. The Temporal server says 300 s, to spread
    # clients over its frontends; there is one process here, so reconnecting would buy nothing.
    connection_age_s: float = 0.0
    # What calls in flight get when a connection is closed for its age: the Temporal server's value.
    connection_age_grace_s: float = 70.0
    # Off, so that a second server on a taken port fails instead of getting half of its calls.
    reuse_port: bool = False
    # Connections that wait to be accepted; a fleet of workers reconnects at once.
    backlog: int = 1024
    # How often connections are looked at for all of the above.
    sweep_s: float = 5.0
    # Connections at once, each some 20 kB; past it new ones are told to go. A process may have no
    # more than its limit of open files allows.
    connections_max: int = 10_000
    # What an address, not a Unix socket, wants of its clients; None: nothing is encrypted. Whoever
    # does not get through the handshake in time is cut off.
    tls: SSLContext | None = None
    tls_handshake_s: float = 10.0
    bounds: Bounds = field(default_factory=Bounds)
