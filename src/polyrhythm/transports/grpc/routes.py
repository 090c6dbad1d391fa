"""The one generic handler: from a full method name to what runs for it.

Built once from the service's method table, so a method that the protocol gains later is served
without a line here. An unknown method answers as grpc-go does, naming it. Health and reflection
are the libraries' own servicers; reflection is offered under both of its names, since clients ask
for the newer one first.
"""

from __future__ import annotations

from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from polyrhythm.service.method import Method
from polyrhythm.service.methods import METHODS
from polyrhythm.transports.grpc.calls import Switch
from polyrhythm.transports.grpc.settings import GrpcSettings

HEALTH = "grpc.health.v1.Health"
REFLECTIONS = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
# The service whose health is asked for by Temporal's own command and by container set-ups.
WORKFLOW_SERVICE = "temporal.api.workflowservice.v1.WorkflowService"


class Routes:
    """Every method of this server; `service` is what grpc.aio asks for each call."""

    def __init__(self, switch: Switch, settings: GrpcSettings) -> None:
        # The stubs of both libraries do not know their `aio`.
        self.health: Any = health.aio.HealthServicer()  # type: ignore[attr-defined]
        self._services = {name.split("/")[1] for name in METHODS}
        self._handlers: dict[str, Any] = {}
        for name, method in METHODS.items():
            route = Route(method, switch, settings.request_bytes_max)
            self._handlers[name] = grpc.unary_unary_rpc_method_handler(route.answer)
        self._add_health()
        self._add_reflection()

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        """Return the handler of a call."""
        handler = self._handlers.get(details.method)
        if handler is None:
            unknown = Unknown(details.method, self._services)
            return grpc.unary_unary_rpc_method_handler(unknown.answer)
        return handler

    async def announce(self, serving: bool) -> None:
        """Say through the health service whether calls are welcome."""
        states = health_pb2.HealthCheckResponse
        status = states.SERVING if serving else states.NOT_SERVING
        for name in ("", WORKFLOW_SERVICE):
            await self.health.set(name, status)

    def _add_health(self) -> None:
        self._services.add(HEALTH)
        parse = health_pb2.HealthCheckRequest.FromString
        encode = health_pb2.HealthCheckResponse.SerializeToString
        check = grpc.unary_unary_rpc_method_handler(self.health.Check, parse, encode)
        watch = grpc.unary_stream_rpc_method_handler(self.health.Watch, parse, encode)
        self._handlers[f"/{HEALTH}/Check"] = check
        self._handlers[f"/{HEALTH}/Watch"] = watch

    def _add_reflection(self) -> None:
        self._services.update(REFLECTIONS)
        aio: Any = reflection.aio  # type: ignore[attr-defined]
        servicer = aio.ReflectionServicer(sorted(self._services))
        handler = grpc.stream_stream_rpc_method_handler(
            servicer.ServerReflectionInfo,
            reflection_pb2.ServerReflectionRequest.FromString,
            reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        for name in REFLECTIONS:
            self._handlers[f"/{name}/ServerReflectionInfo"] = handler


class Route:
    """One method of the table."""

    __slots__ = ("_method", "_request_bytes_max", "_switch")

    def __init__(self, method: Method, switch: Switch, request_bytes_max: int) -> None:
        self._method = method
        self._switch = switch
        self._request_bytes_max = request_bytes_max

    async def answer(self, request: bytes, context: Any) -> bytes:
        """Refuse what is too long in the words of grpc-go; the rest goes to who answers now."""
        if len(request) > self._request_bytes_max:
            sizes = f"({len(request)} vs. {self._request_bytes_max})"
            text = f"grpc: received message larger than max {sizes}"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, text)
        return await self._switch.target.answer(self._method, request, context)


class Unknown:
    """A method that nobody serves."""

    def __init__(self, name: str, services: set[str]) -> None:
        service, _, method = name.lstrip("/").rpartition("/")
        self._text = f"unknown service {service}"
        if service in services:
            self._text = f"unknown method {method} for service {service}"

    async def answer(self, request: bytes, context: Any) -> bytes:
        """Refuse with UNIMPLEMENTED."""
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, self._text)
        raise AssertionError("abort always raises")
