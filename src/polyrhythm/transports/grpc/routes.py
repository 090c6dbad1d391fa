"""From the path of a call to who answers it.

Built once from the service's method table, so a method that the protocol gains later is served
without a line here; beside it stand health and reflection. An unknown path is refused as grpc-go
does it, naming what is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from polyrhythm.service.method import Method
from polyrhythm.service.methods import METHODS
from polyrhythm.transports.grpc import reflection
from polyrhythm.transports.grpc.heads import CallHead
from polyrhythm.transports.grpc.health import Health, HealthCheck
from polyrhythm.transports.grpc.sinks import StreamRoute
from polyrhythm.transports.wire import Answer, Switch, refused

HEALTH = "grpc.health.v1.Health"


class MethodRoute:
    """One method of the service: whoever answers now."""

    __slots__ = ("_method", "_switch")

    def __init__(self, method: Method, switch: Switch) -> None:
        self._method = method
        self._switch = switch

    def begin(self, request: bytes, head: CallHead, deadline_ns: int) -> Answer:
        """Take a call."""
        return self._switch.target.begin(self._method, request, head, deadline_ns)


class UnaryRoute(Protocol):
    """Answers a method that takes one message and gives one."""

    def begin(self, request: bytes, head: CallHead, deadline_ns: int) -> Answer:
        """Take a call; `deadline_ns` 0: the client waits for ever. Never raises."""
        ...


class Routes:
    """Every method of this server; `others` are methods, by path, of services beside ours."""

    def __init__(self, switch: Switch, others: Mapping[str, UnaryRoute] | None = None) -> None:
        others = others or {}
        self.health = Health()
        self._services = {name.split("/")[1] for name in (*METHODS, *others)}
        self._services |= {HEALTH, *reflection.NAMES}
        self._unary: dict[bytes, UnaryRoute] = {
            name.encode(): MethodRoute(method, switch) for name, method in METHODS.items()
        }
        self._unary |= {name.encode(): route for name, route in others.items()}
        self._unary[f"/{HEALTH}/Check".encode()] = HealthCheck(self.health)
        self._streams: dict[bytes, StreamRoute] = {f"/{HEALTH}/Watch".encode(): self.health}
        mirror = reflection.Reflection(self._services)
        for name in reflection.NAMES:
            self._streams[f"/{name}/ServerReflectionInfo".encode()] = mirror

    def find(self, path: bytes) -> UnaryRoute | StreamRoute:
        """Return who answers a call. Raises StatusError for a path that nobody serves."""
        route = self._unary.get(path) or self._streams.get(path)
        if route is None:
            service, _, method = path.decode(errors="replace").lstrip("/").rpartition("/")
            known = service in self._services
            text = f"unknown method {method} for service {service}"
            raise refused("UNIMPLEMENTED", text if known else f"unknown service {service}")
        return route

    def asks_who(self, route: UnaryRoute | StreamRoute) -> bool:
        """Return whether a route has to know who calls."""
        return isinstance(route, MethodRoute)

    def is_unary(self, route: UnaryRoute | StreamRoute) -> bool:
        """Return whether a route takes one message and gives one."""
        return not isinstance(route, (Health, reflection.Reflection))
