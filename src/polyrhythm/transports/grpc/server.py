"""A listening gRPC server: one address, one set of routes, an orderly end.

The process that owns a file has two, its own address and a Unix socket for others on the same
file; both ask the same routes. Must be made and used on one running loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import grpc.aio

from polyrhythm.transports.grpc.routes import Routes
from polyrhythm.transports.grpc.settings import GrpcSettings, server_options


class AddressTaken(Exception):
    """Somebody else listens there, or this process may not."""


class GrpcServer:
    """One listener."""

    def __init__(self, routes: Routes, settings: GrpcSettings) -> None:
        handlers = cast(Sequence[Any], [routes])
        self._server = grpc.aio.server(handlers=handlers, options=server_options(settings))

    async def listen(self, address: str) -> int:
        """Accept calls at `host:port` or `unix:path`; return the port. Raises AddressTaken."""
        try:
            port: int = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise AddressTaken(f"cannot listen on {address}") from error
        await self._server.start()
        return port

    async def stop(self, within_s: float) -> None:
        """Accept nothing more, let calls in flight end, then cut off what is left."""
        await self._server.stop(within_s)
