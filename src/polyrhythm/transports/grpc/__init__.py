"""gRPC: the wire that every official Temporal SDK speaks, served by grpc.aio."""

from polyrhythm.transports.grpc.calls import Absent, Calls, LocalCalls, Switch
from polyrhythm.transports.grpc.forward import ForwardedCalls
from polyrhythm.transports.grpc.routes import Routes
from polyrhythm.transports.grpc.server import AddressTaken, GrpcServer
from polyrhythm.transports.grpc.settings import GrpcSettings

__all__ = [
    "Absent",
    "AddressTaken",
    "Calls",
    "ForwardedCalls",
    "GrpcServer",
    "GrpcSettings",
    "LocalCalls",
    "Routes",
    "Switch",
]
