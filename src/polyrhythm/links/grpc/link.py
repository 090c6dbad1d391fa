"""Calls a service over gRPC, with grpcio's client; must be used on one running loop.

The channel is opened at the first call. TLS, an API key and headers of the caller go with every
call. A status becomes the error of `base.errors` it was made from as far as that can be told: by
its detail, then by its code.
"""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from temporalio.api.operatorservice.v1 import service_pb2 as operator_pb2
from temporalio.api.workflowservice.v1 import service_pb2 as workflow_pb2

from polyrhythm.api import service as own
from polyrhythm.links.grpc.statuses import error_of
from polyrhythm.sdk.connection import ConnectionSettings
from polyrhythm.sdk.link import Traits

SERVICES: dict[str, Any] = {
    descriptor.full_name: descriptor
    for file in (workflow_pb2.DESCRIPTOR, operator_pb2.DESCRIPTOR, own.DESCRIPTOR)
    for descriptor in file.services_by_name.values()
}
UNLIMITED = -1
# A service that was restarted is dialled again soon, where gRPC would pause for up to 2 minutes.
OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", UNLIMITED),
    ("grpc.max_send_message_length", UNLIMITED),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 15_000),
    ("grpc.enable_retries", 0),
]


class GrpcLink:
    """A Link to `host:port` or `unix:path`."""

    def __init__(self, address: str, settings: ConnectionSettings | None = None) -> None:
        self._settings = settings or ConnectionSettings()
        self._channel = _open(address, self._settings)
        self._metadata = list(self._settings.headers.items())
        if self._settings.api_key:
            self._metadata.append(("authorization", f"Bearer {self._settings.api_key}"))
        self._stubs: dict[str, Any] = {}
        # Of a Polyrhythm service; whoever connects to another one says so.
        self._traits = Traits(
            f"the service at {address}", permits=True, notes=True, standalone_activities=True
        )

    @property
    def traits(self) -> Traits:
        """What the service can."""
        return self._traits

    async def call(self, method_name: str, request: Message, timeout_s: float) -> Message:
        """Call a method and wait for its answer. Raises an error of `base.errors`."""
        stub = self._stubs.get(method_name) or self._stub(method_name)
        metadata = self._metadata
        namespace = getattr(request, "namespace", "")
        if namespace:
            # Proxies in front of services of many tenants route by it.
            metadata = [*metadata, ("temporal-namespace", namespace)]
        try:
            response: Message = await stub(
                request.SerializeToString(), timeout=timeout_s, metadata=metadata
            )
        except grpc.aio.AioRpcError as error:
            raise error_of(error) from error
        return response

    async def close(self) -> None:
        """End the connection; open calls fail."""
        await self._channel.close(None)

    def _stub(self, method_name: str) -> Any:
        service, _, method = method_name.lstrip("/").partition("/")
        response_class = GetMessageClass(SERVICES[service].methods_by_name[method].output_type)
        stub = self._channel.unary_unary(method_name, None, response_class.FromString)
        self._stubs[method_name] = stub
        return stub


def _open(address: str, settings: ConnectionSettings) -> grpc.aio.Channel:
    tls = settings.tls
    if tls is None:
        return grpc.aio.insecure_channel(address, options=OPTIONS)
    credentials = grpc.ssl_channel_credentials(
        tls.server_ca or None, tls.private_key or None, tls.certificate or None
    )
    options: list[tuple[str, Any]] = list(OPTIONS)
    if tls.domain:
        options.append(("grpc.ssl_target_name_override", tls.domain))
    return grpc.aio.secure_channel(address, credentials, options=options)
