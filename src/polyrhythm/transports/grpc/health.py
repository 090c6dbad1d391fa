"""The health service (grpc.health.v1): whether calls are welcome, asked once or watched.

The server as a whole and the workflow service have the same state. A watched service that is not
known is said to be unknown and the stream stays open, as the protocol wants it.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from polyrhythm.transports.grpc.heads import CallHead
from polyrhythm.transports.grpc.sinks import Sink
from polyrhythm.transports.wire import Answer, Settled, StatusError, refused

# The service whose health is asked for by Temporal's own command and by container set-ups.
WORKFLOW_SERVICE = "temporal.api.workflowservice.v1.WorkflowService"
NAMES = frozenset(("", WORKFLOW_SERVICE))


class Health:
    """The state, and who watches it; as a route it is the method Watch."""

    def __init__(self) -> None:
        self._serving = False
        self._watchers: dict[Sink, str] = {}

    def announce(self, serving: bool) -> None:
        """Change the state; watchers are told."""
        if serving != self._serving:
            self._serving = serving
            for sink, name in self._watchers.items():
                sink.send(self.response(name))

    def take(self, request: bytes, sink: Sink) -> None:
        """Watch a service: its state now, and whenever it changes. Raises StatusError."""
        name = name_of(request)
        self._watchers[sink] = name
        sink.send(self.response(name))

    def end(self, sink: Sink) -> None:
        """The one request was all: the watch goes on."""

    def leave(self, sink: Sink) -> None:
        """Tell a watcher no more."""
        self._watchers.pop(sink, None)

    def end_watches(self) -> None:
        """End every watch: the server closes."""
        watchers, self._watchers = self._watchers, {}
        for sink in watchers:
            sink.refuse(refused("UNAVAILABLE", "the server is shutting down"))

    def response(self, name: str) -> bytes:
        """Return the state of a service, as a response."""
        status = HealthCheckResponse.SERVICE_UNKNOWN
        if name in NAMES:
            serving = self._serving
            status = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        response: bytes = HealthCheckResponse(status=status).SerializeToString()
        return response


class HealthCheck:
    """The method Check."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def begin(self, request: bytes, head: CallHead, deadline_ns: int) -> Answer:
        """Answer at once."""
        try:
            name = name_of(request)
        except StatusError as error:
            return Settled(b"", error)
        if name not in NAMES:
            return Settled(b"", refused("NOT_FOUND", "unknown service"))
        return Settled(self._health.response(name))


def name_of(request: bytes) -> str:
    """Return the service that a request asks about. Raises StatusError."""
    try:
        name: str = HealthCheckRequest.FromString(request).service
    except DecodeError as error:
        text = f"grpc: error unmarshalling request: {error}"
        raise refused("INTERNAL", text) from None
    return name
