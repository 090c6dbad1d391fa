"""What every wire has: listeners, doors, TLS, who answers calls, and how calls end.

A wire (gRPC, HTTP) turns bytes into calls of the service's methods and answers back; this package
is what they share, and knows none of them.
"""

from polyrhythm.transports.wire.calls import (
    Absent,
    Answer,
    Calls,
    Head,
    LocalCalls,
    Settled,
    Switch,
)
from polyrhythm.transports.wire.doors import Door, OpenDoor, Peer, peer_of
from polyrhythm.transports.wire.listener import AddressTaken, Listener, ListenSettings, Roster
from polyrhythm.transports.wire.statuses import StatusError, refused, status_for
from polyrhythm.transports.wire.tls import BadTlsError, TlsFiles, server_context

__all__ = [
    "Absent",
    "AddressTaken",
    "Answer",
    "BadTlsError",
    "Calls",
    "Door",
    "Head",
    "ListenSettings",
    "Listener",
    "LocalCalls",
    "OpenDoor",
    "Peer",
    "Roster",
    "Settled",
    "StatusError",
    "Switch",
    "TlsFiles",
    "peer_of",
    "refused",
    "server_context",
    "status_for",
]
