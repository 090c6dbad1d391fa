"""The HTTP side of a node: its addresses, asked for or only customary.

One router answers on all of them. An address that nobody asked for is left alone when it is taken:
a second server on its own gRPC port starts without HTTP, and says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from polyrhythm.access.keyring import Keyring
from polyrhythm.app.doors import AddressDoor
from polyrhythm.transports.http import HttpServer, HttpSettings, Part, build_router
from polyrhythm.transports.wire import AddressTaken, Switch

LOG = logging.getLogger("polyrhythm.node")


@dataclass(slots=True)
class WebSettings:
    """`asked` and `customary` addresses, each `host:port`; no HTTP without any."""

    asked: list[str] = field(default_factory=list)
    customary: list[str] = field(default_factory=list)
    wire: HttpSettings = field(default_factory=HttpSettings)
    # What is served beside the calls.
    parts: Sequence[Part] = ()


class Web:
    """The HTTP servers of one process."""

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._servers: list[HttpServer] = []
        self._found: list[str] = []

    async def listen(
        self, switch: Switch, keyring: Keyring | None, ready: Callable[[], bool]
    ) -> list[str]:
        """Accept connections, unless that is done; return where. Raises AddressTaken."""
        settings = self._settings
        addresses = [*settings.asked, *settings.customary]
        if self._servers or not addresses:
            return self._found
        router = build_router(switch, AddressDoor(keyring), ready, settings.wire, settings.parts)
        for address in addresses:
            server = HttpServer(router, settings.wire)
            try:
                port = await server.listen(address)
            except AddressTaken as error:
                if address in settings.asked:
                    raise
                LOG.warning("no HTTP: %s", error)
                continue
            self._servers.append(server)
            self._found.append(f"{address.rpartition(':')[0]}:{port}")
        return self._found

    async def stop(self, within_s: float) -> None:
        """Accept nothing more and let requests in flight be answered."""
        for server in self._servers:
            await server.stop(within_s)
