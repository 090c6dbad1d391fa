"""A listening gRPC server: one address, one set of routes.

The process that owns a file has two, its own address and a Unix socket for others on the same
file; both ask the same routes. Must be made and used on one running loop.
"""

from __future__ import annotations

from polyrhythm.transports.grpc.routes import Routes
from polyrhythm.transports.grpc.session import Session
from polyrhythm.transports.grpc.settings import GrpcSettings
from polyrhythm.transports.wire import Door, Listener, Roster, refused


class GrpcServer:
    """One listener and its connections."""

    def __init__(self, routes: Routes, settings: GrpcSettings, door: Door) -> None:
        self._roster: Roster[Session] = Roster()
        self._listener = Listener(
            lambda: Session(routes, settings, self._roster, door), self._roster, settings
        )

    async def listen(self, address: str) -> int:
        """Accept connections at `host:port` or `unix:path`; return the port, 0 for a path.

        Raises AddressTaken.
        """
        return await self._listener.listen(address)

    async def stop(self, within_s: float) -> None:
        """Accept nothing more, let calls in flight be answered, then cut off what is left."""
        await self._listener.stop(within_s)

    def refuse_calls(self, reason: str) -> None:
        """End every call in flight as UNAVAILABLE; connections stay, and new calls are taken."""
        for session in list(self._roster.sessions):
            session.refuse_calls(refused("UNAVAILABLE", reason))
