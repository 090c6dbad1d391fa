"""gRPC: the wire that every official Temporal SDK speaks."""

from polyrhythm.transports.grpc.forward import CALLER_HEADER, ForwardedCalls
from polyrhythm.transports.grpc.heads import CallHead
from polyrhythm.transports.grpc.routes import Routes
from polyrhythm.transports.grpc.server import GrpcServer
from polyrhythm.transports.grpc.settings import GrpcSettings
from polyrhythm.transports.wire import (
    Absent,
    AddressTaken,
    Answer,
    BadTlsError,
    Calls,
    Door,
    LocalCalls,
    OpenDoor,
    Peer,
    Switch,
    TlsFiles,
    server_context,
)

__all__ = [
    "CALLER_HEADER",
    "Absent",
    "AddressTaken",
    "Answer",
    "BadTlsError",
    "CallHead",
    "Calls",
    "Door",
    "ForwardedCalls",
    "GrpcServer",
    "GrpcSettings",
    "LocalCalls",
    "OpenDoor",
    "Peer",
    "Routes",
    "Switch",
    "TlsFiles",
    "server_context",
]
