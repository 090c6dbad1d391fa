"""Calls a Temporal service through the raw service calls of the official client library.

What that library knows about reaching a cluster (TLS, mutual TLS, API keys, keep-alive, proxies of
the environment) is known here too; nothing else of it is used: no worker, no converter, no retries
of its own. The only place of ours that imports more of `temporalio` than its messages. The
connection is made at the first call.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from temporalio.api.common.v1 import GrpcStatus
from temporalio.service import (
    ConnectConfig,
    GrpcCompression,
    RPCError,
    ServiceClient,
    TLSConfig,
)

from polyrhythm.base.errors import Unavailable, Unimplemented
from polyrhythm.sdk.connection import ConnectionSettings
from polyrhythm.sdk.link import Traits
from polyrhythm.sdk.statuses import error_of_status

CONNECT_S = 10.0
SERVICES = {
    "temporal.api.workflowservice.v1.WorkflowService": "workflow_service",
    "temporal.api.operatorservice.v1.OperatorService": "operator_service",
}


class TemporalLink:
    """A Link to a Temporal service at `host:port`."""

    def __init__(self, address: str, settings: ConnectionSettings | None = None) -> None:
        self._address = address
        self._settings = settings or ConnectionSettings()
        self._client: ServiceClient | None = None
        self._calls: dict[str, Callable[..., Any]] = {}
        self._traits = Traits(f"the Temporal service at {address}", standalone_activities=True)

    @property
    def traits(self) -> Traits:
        """What the service can."""
        return self._traits

    async def call(self, method_name: str, request: Message, timeout_s: float) -> Message:
        """Call a method and wait for its answer. Raises an error of `base.errors`."""
        call = self._calls.get(method_name) or await self._find(method_name)
        namespace = getattr(request, "namespace", "")
        metadata = {"temporal-namespace": namespace} if namespace else {}
        try:
            response: Message = await call(
                request, metadata=metadata, timeout=timedelta(seconds=timeout_s)
            )
        except RPCError as error:
            status = GrpcStatus()
            status.ParseFromString(error.raw_grpc_status)
            detail = status.details[0] if status.details else AnyMessage()
            raise error_of_status(int(error.status), error.message, detail) from error
        return response

    async def close(self) -> None:
        """Let the connection go: the library closes it with its last user."""
        self._client = None
        self._calls.clear()

    async def _find(self, method_name: str) -> Callable[..., Any]:
        service, _, method = method_name.lstrip("/").partition("/")
        if self._client is None:
            self._client = await self._connect()
        stub = getattr(self._client, SERVICES.get(service, ""), None)
        call = getattr(stub, _snake(method), None)
        if call is None:
            raise Unimplemented(f"the client library has no call {method}")
        self._calls[method_name] = call
        return call  # type: ignore[no-any-return]

    async def _connect(self) -> ServiceClient:
        settings = self._settings
        config = ConnectConfig(
            target_host=self._address,
            api_key=settings.api_key or None,
            tls=_tls(settings),
            rpc_metadata=dict(settings.headers),
            grpc_compression=GrpcCompression.NONE,
            connect_timeout=timedelta(seconds=CONNECT_S),
        )
        try:
            return await ServiceClient.connect(config)
        except (RuntimeError, OSError) as error:
            raise Unavailable(f"no Temporal service answers at {self._address}: {error}") from error


def _tls(settings: ConnectionSettings) -> TLSConfig | bool:
    tls = settings.tls
    if tls is None:
        return False
    return TLSConfig(
        server_root_ca_cert=tls.server_ca or None,
        domain=tls.domain or None,
        client_cert=tls.certificate or None,
        client_private_key=tls.private_key or None,
    )


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
