"""Server reflection: which services there are and what their messages look like.

The answers are those of the grpcio-reflection package; only the stream around them is ours. Both of
its names are served: clients ask for the newer one first, and the messages are the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha.reflection import ReflectionServicer
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest

from polyrhythm.transports.grpc.sinks import Sink
from polyrhythm.transports.wire import refused

NAMES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")


class Reflection:
    """The method ServerReflectionInfo."""

    def __init__(self, services: Iterable[str]) -> None:
        self._servicer: Any = ReflectionServicer(sorted(services))

    def take(self, request: bytes, sink: Sink) -> None:
        """Answer one question with one message. Raises StatusError."""
        try:
            question = ServerReflectionRequest.FromString(request)
        except DecodeError as error:
            text = f"grpc: error unmarshalling request: {error}"
            raise refused("INTERNAL", text) from None
        for answer in self._servicer.ServerReflectionInfo(iter((question,)), None):
            sink.send(answer.SerializeToString())

    def end(self, sink: Sink) -> None:
        """No more questions."""
        sink.finish()

    def leave(self, sink: Sink) -> None:
        """Nothing is kept of a client."""
