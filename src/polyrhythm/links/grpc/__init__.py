"""A service behind a gRPC address, ours or a Temporal server's."""

from polyrhythm.links.grpc.link import GrpcLink

__all__ = ["GrpcLink"]
