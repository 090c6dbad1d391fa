"""A listening gRPC server: one address, one set of routes, an orderly end.

The process that owns a file has two, its own address and a Unix socket for others on the same
file; both ask the same routes. Must be made and used on one running loop.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from polyrhythm.transports.grpc.doors import Door
from polyrhythm.transports.grpc.messages import refused
from polyrhythm.transports.grpc.routes import Routes
from polyrhythm.transports.grpc.session import Roster, Session
from polyrhythm.transports.grpc.settings import GrpcSettings

UNIX = "unix:"


class AddressTaken(Exception):
    """Somebody else listens there, or this process may not."""


class GrpcServer:
    """One listener and its connections."""

    def __init__(self, routes: Routes, settings: GrpcSettings, door: Door) -> None:
        self._routes = routes
        self._door = door
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._roster = Roster()
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    async def listen(self, address: str) -> int:
        """Accept connections at `host:port` or `unix:path`; return the port, 0 for a path.

        Raises AddressTaken.
        """
        try:
            if address.startswith(UNIX):
                return await self._listen_on_path(address.removeprefix(UNIX))
            return await self._listen_on_port(*address.rsplit(":", 1))
        except OSError as error:
            reason = error.strerror or str(error)
            raise AddressTaken(f"cannot listen on {address}: {reason}") from error

    async def stop(self, within_s: float) -> None:
        """Accept nothing more, let calls in flight be answered, then cut off what is left."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._server is not None:
            self._server.close()
        for session in list(self._roster.sessions):
            session.drain()
        try:
            await asyncio.wait_for(self._roster.empty.wait(), within_s)
        except TimeoutError:
            for session in list(self._roster.sessions):
                session.abort()

    def refuse_calls(self, reason: str) -> None:
        """End every call in flight as UNAVAILABLE; connections stay, and new calls are taken."""
        for session in list(self._roster.sessions):
            session.refuse_calls(refused("UNAVAILABLE", reason))

    async def _listen_on_port(self, host: str, port: str) -> int:
        settings = self._settings
        self._server = await self._loop.create_server(
            self._session,
            host.strip("[]"),
            int(port),
            backlog=settings.backlog,
            reuse_port=settings.reuse_port,
            ssl=settings.tls,
            # A timeout is refused where there is no TLS.
            ssl_handshake_timeout=settings.tls_handshake_s if settings.tls else None,
        )
        self._sweep()
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def _listen_on_path(self, path: str) -> int:
        self._server = await self._loop.create_unix_server(
            self._session, path, backlog=self._settings.backlog
        )
        # Whoever may open the file may attach: this user.
        os.chmod(path, 0o600)
        self._sweep()
        return 0

    def _session(self) -> Any:
        # The loop asks a protocol for its methods only; a base class would add nothing.
        return Session(self._routes, self._settings, self._roster, self._door)

    def _sweep(self) -> None:
        for session in list(self._roster.sessions):
            session.look()
        self._sweeper = self._loop.call_later(self._settings.sweep_s, self._sweep)
