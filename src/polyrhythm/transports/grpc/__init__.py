"""gRPC: the wire that every official Temporal SDK speaks."""

from polyrhythm.transports.grpc.calls import Absent, Answer, Calls, LocalCalls, Switch
from polyrhythm.transports.grpc.forward import ForwardedCalls
from polyrhythm.transports.grpc.routes import Routes
from polyrhythm.transports.grpc.server import AddressTaken, GrpcServer
from polyrhythm.transports.grpc.settings import GrpcSettings

__all__ = [
    "Absent",
    "AddressTaken",
    "Answer",
    "Calls",
    "ForwardedCalls",
    "GrpcServer",
    "GrpcSettings",
    "LocalCalls",
    "Routes",
    "Switch",
]
