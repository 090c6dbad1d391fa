"""A test server: an engine in memory behind a gRPC port, whose clock skips when it may.

What the time skipping environments of the official SDKs start. Nothing is kept: a run lives as long
as the process, and no run is deleted before, however far the clock has gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from polyrhythm.app.compose import Place, own
from polyrhythm.app.doors import AddressDoor
from polyrhythm.base.limits import DAY_NS, Limits
from polyrhythm.engine.lane import Lane
from polyrhythm.testing.skipping_host import SkippingHost
from polyrhythm.testing.time_service import SkippingCalls, time_routes
from polyrhythm.transports.grpc import GrpcServer, GrpcSettings, Routes, Switch

STOP_S = 1.0
# Further than a test goes.
NEVER_NS = 100 * 365 * DAY_NS


async def serve(
    address: str, skips: bool, told: Callable[[str], None], ending: asyncio.Event
) -> None:
    """Answer calls at `host:port` until told to end. `skips`: the clock begins unlocked.

    Raises AddressTaken.
    """
    hosts: list[SkippingHost] = []

    def drive(lane: Lane) -> SkippingHost:
        hosts.append(SkippingHost(lane, locks=0 if skips else 1))
        return hosts[-1]

    owned = own(Place("", "memory", host=drive), Limits(retention_scan_ns=NEVER_NS))
    host = hosts[0]
    routes = Routes(Switch(SkippingCalls(owned.calls(), host)), time_routes(host))
    server = GrpcServer(routes, GrpcSettings(), AddressDoor(None))
    try:
        port = await server.listen(address)
        routes.health.announce(serving=True)
        told(f"{address.rpartition(':')[0]}:{port}")
        await ending.wait()
    finally:
        routes.health.announce(serving=False)
        routes.health.end_watches()
        await owned.finish()
        await server.stop(STOP_S)
        owned.close()
