"""A listening HTTP server: one address and the routes of this process.

Owns its listener and the sessions of its connections; what a request means is the router's.
A server that stops takes no new connection and lets those that are at work end their answer.
"""

from __future__ import annotations

from polyrhythm.transports.http.router import Router
from polyrhythm.transports.http.session import Session
from polyrhythm.transports.http.settings import HttpSettings
from polyrhythm.transports.wire import Listener, Roster


class HttpServer:
    """One listener and its connections. Must be made and used on one running loop."""

    def __init__(self, router: Router, settings: HttpSettings) -> None:
        self._roster: Roster[Session] = Roster()
        self._listener = Listener(
            lambda: Session(router, settings, self._roster), self._roster, settings
        )

    async def listen(self, address: str) -> int:
        """Accept connections at `host:port`; return the port. Raises AddressTaken."""
        return await self._listener.listen(address)

    async def stop(self, within_s: float) -> None:
        """Accept nothing more, let requests in flight be answered, then cut off what is left."""
        await self._listener.stop(within_s)
