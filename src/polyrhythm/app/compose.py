"""Puts a server together: store, lane, recovery, host, engine, service.

The one file of the library that names concrete stores and reaches into every room; everything else
gets what it needs handed in.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from polyrhythm.access.identity import anonymous
from polyrhythm.base.ids import UuidSource
from polyrhythm.base.limits import Limits
from polyrhythm.engine.calls import Call
from polyrhythm.engine.engine import Engine
from polyrhythm.engine.host_loop import LoopHost
from polyrhythm.engine.lane import Lane
from polyrhythm.links.inproc import InProcLink
from polyrhythm.service.methods import METHODS
from polyrhythm.service.service import Cluster, Service
from polyrhythm.stores.port import LaneOwner, Store
from polyrhythm.stores.sqlite import Report, SqliteSettings, SqliteStore, backup_file, check_file
from polyrhythm.transports.grpc import LocalCalls

# SQLite has one lane.
LANE = 0
MEMORY_FILE = ":memory:"


class LaneHost(Protocol):
    """What drives a lane on the running loop, and can be ended: an `engine.Host` and more."""

    def submit(self, call: Call) -> None:
        """Hand a call to the lane and see that a turn follows."""
        ...

    def nudge(self) -> None:
        """See that a turn follows, though nothing was submitted."""
        ...

    def now_ns(self) -> int:
        """Return the lane's time, nanoseconds since 1970."""
        ...

    @property
    def task(self) -> asyncio.Task[None]:
        """Ends when the host was stopped or its lane was lost."""
        ...

    async def stop(self) -> None:
        """Finish the turn in flight, refuse what waits, and stop."""
        ...


@dataclass(slots=True)
class Place:
    """Where runs are kept, and where their owner answers. `file` is empty without one.

    `host` makes what drives the lane: another one has a clock of its own.
    """

    file: str
    durability: str
    address: str = ""
    host: Callable[[Lane], LaneHost] = LoopHost


@dataclass(slots=True)
class Owned:
    """A lane that this process owns, served by its engine."""

    store: Store
    owner: LaneOwner
    host: LaneHost
    service: Service

    @property
    def ended(self) -> asyncio.Task[None]:
        """Ends when the lane was lost or failed, or the host was stopped."""
        return self.host.task

    def calls(self) -> LocalCalls:
        """Return who answers gRPC calls for this lane."""
        return LocalCalls(self.service)

    def link(self) -> InProcLink:
        """Return a way to call the service from this loop."""
        return InProcLink(self.service, anonymous())

    async def finish(self) -> None:
        """Finish the turn in flight and refuse what waits."""
        await self.host.stop()

    def close(self) -> None:
        """Write everything down and let the file go."""
        self.store.close()


def own(place: Place, limits: Limits) -> Owned:
    """Claim the lane and take up what it holds; needs a running loop.

    Raises LaneHeld while another process lives, StoreError when the file cannot be used.
    """
    store = open_store(place)
    name = f"{socket.gethostname()}/{os.getpid()}"
    owner = store.claim_lane(LANE, name, place.address)
    recovered = False
    try:
        ids = UuidSource()
        lane = Lane(store, owner, ids, limits)
        lane.recover(time.time_ns())
        recovered = True
    finally:
        if not recovered:
            store.close()
    host = place.host(lane)
    engine = Engine(lane, host)
    # The first namespace's id is as old as the file: it names the cluster.
    cluster = Cluster(engine.namespaces.all()[0].namespace_id, "sqlite")
    service = Service(engine, ids, METHODS, limits, cluster)
    return Owned(store, owner, host, service)


def open_store(place: Place) -> Store:
    """Return the store of a place; nothing is opened yet."""
    settings = SqliteSettings(durability=place.durability)
    return SqliteStore(place.file or MEMORY_FILE, settings)


def check_database(path: str) -> Report:
    """Read a whole file and report damage. Raises StoreError when it cannot be read."""
    return check_file(path)


def backup_database(path: str, to: str) -> None:
    """Copy a file. Raises StoreError when it cannot be done."""
    backup_file(path, to)
