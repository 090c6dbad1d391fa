"""A listener: one address, the connections made to it, an orderly end.

A wire says how a session is made; asyncio's protocol interface is what a session is called by. Must
be made and used on one running loop.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from ssl import SSLContext
from typing import Any, Generic, Protocol, TypeVar

UNIX = "unix:"


class AddressTaken(Exception):
    """Somebody else listens there, or this process may not."""


class ListenSettings(Protocol):
    """What a listener is told; sizes are counts, times are seconds."""

    backlog: int
    reuse_port: bool
    sweep_s: float
    tls: SSLContext | None
    tls_handshake_s: float


class Ending(Protocol):
    """A session, as far as a listener needs it."""

    def drain(self) -> None:
        """Take no more calls; close when those in flight are answered."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...

    def look(self) -> None:
        """Close whoever is idle or dead; called every few seconds."""
        ...


SessionT = TypeVar("SessionT", bound=Ending)


class Roster(Generic[SessionT]):
    """The live connections of a listener; `empty` is set while there is none."""

    def __init__(self) -> None:
        self.sessions: set[SessionT] = set()
        self.empty = asyncio.Event()
        self.empty.set()

    def add(self, session: SessionT) -> None:
        """Note one that was made."""
        self.sessions.add(session)
        self.empty.clear()

    def discard(self, session: SessionT) -> None:
        """Note one that was lost."""
        self.sessions.discard(session)
        if not self.sessions:
            self.empty.set()


class Listener(Generic[SessionT]):
    """One address and its connections."""

    def __init__(
        self, make_session: Callable[[], Any], roster: Roster[SessionT], settings: ListenSettings
    ) -> None:
        # The loop asks a protocol for its methods only; a base class would add nothing.
        self._make_session = make_session
        self._roster = roster
        self._settings = settings
        self._loop = asyncio.get_running_loop()
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

    async def _listen_on_port(self, host: str, port: str) -> int:
        settings = self._settings
        self._server = await self._loop.create_server(
            self._make_session,
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
            self._make_session, path, backlog=self._settings.backlog
        )
        # Whoever may open the file may attach: this user.
        os.chmod(path, 0o600)
        self._sweep()
        return 0

    def _sweep(self) -> None:
        for session in list(self._roster.sessions):
            session.look()
        self._sweeper = self._loop.call_later(self._settings.sweep_s, self._sweep)
