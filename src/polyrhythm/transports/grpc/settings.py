"""Every setting of the gRPC wire, with its unit and why it has its value.

Values that clients can observe are those of the Temporal server 1.31.2 (its dynamic configuration
`frontend.keepAlive*`, and grpc-go's defaults where it sets nothing). TCP_NODELAY has no setting:
gRPC's core turns Nagle's algorithm off on every connection it makes or accepts.
"""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024
# gRPC's word for "no limit" of a message's size.
UNLIMITED = -1


@dataclass(slots=True)
class GrpcSettings:
    """Sizes in bytes, times in seconds."""

    # A longer request is refused in the words of grpc-go, whose default of 4 MiB the Temporal
    # server keeps: SDKs recognise the text and fail the task instead of sending it again for ever.
    request_bytes_max: int = 4 * MEBIBYTE
    # What gRPC itself refuses, in words that SDKs do not know. Between the two limits a request is
    # read in order to be refused properly; past this one it is not worth the memory.
    request_bytes_read_max: int = 64 * MEBIBYTE
    # Pings to a silent client, and how long its answer may take: the Temporal server's values. A
    # worker that vanished without closing is noticed, and its parked polls freed, in 70 s.
    keep_alive_s: float = 60.0
    keep_alive_timeout_s: float = 10.0
    # Clients may ping this often, with or without calls in flight: the Temporal server's value.
    # SDKs ping every 30 s.
    client_ping_s_min: float = 10.0
    # A connection without calls is closed after this: the Temporal server's value.
    connection_idle_s: float = 120.0
    # How old a connection may get, 0 for any age. The Temporal server says 300 s, to spread
    # clients over its frontends; there is one process here, so reconnecting would buy nothing.
    connection_age_s: float = 0.0
    connection_age_grace_s: float = 70.0
    # Off, so that a second server on a taken port fails instead of getting half of its calls.
    reuse_port: bool = False


def server_options(settings: GrpcSettings) -> list[tuple[str, int]]:
    """Return the settings as arguments of gRPC's core."""
    options = [
        ("grpc.max_receive_message_length", settings.request_bytes_read_max),
        ("grpc.max_send_message_length", UNLIMITED),
        ("grpc.keepalive_time_ms", _ms(settings.keep_alive_s)),
        ("grpc.keepalive_timeout_ms", _ms(settings.keep_alive_timeout_s)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", _ms(settings.client_ping_s_min)),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", _ms(settings.client_ping_s_min)),
        ("grpc.max_connection_idle_ms", _ms(settings.connection_idle_s)),
        ("grpc.so_reuseport", int(settings.reuse_port)),
    ]
    if settings.connection_age_s:
        options.append(("grpc.max_connection_age_ms", _ms(settings.connection_age_s)))
        options.append(("grpc.max_connection_age_grace_ms", _ms(settings.connection_age_grace_s)))
    return options


def forward_options() -> list[tuple[str, int]]:
    """Return the arguments of a channel to the owner of a file, on the same machine.

    It is dialled again at once, since the owner may have just started; gRPC's own pause is 1 s.
    """
    return [
        ("grpc.max_receive_message_length", UNLIMITED),
        ("grpc.max_send_message_length", UNLIMITED),
        ("grpc.initial_reconnect_backoff_ms", 50),
        ("grpc.min_reconnect_backoff_ms", 50),
        ("grpc.max_reconnect_backoff_ms", 250),
        ("grpc.enable_http_proxy", 0),
        ("grpc.enable_retries", 0),
    ]


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
