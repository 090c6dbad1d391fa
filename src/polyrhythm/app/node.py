"""A node: one process on one file, as its owner or attached to the process that is.

One loop does both: try to claim the file; whoever gets it serves it, on its own address and on a
Unix socket for the others; whoever does not passes its calls on to that socket and tries again a
few times a second. The kernel drops a dead owner's lock, so exactly one try succeeds, and the next
refusal tells everybody else the new owner's address. Clients keep their connections all the while.
The program of this process has a `link`, which always leads to whoever owns the file.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from polyrhythm.access.identity import encode_identity
from polyrhythm.access.keyring import Keyring
from polyrhythm.app.compose import Owned, Place, own
from polyrhythm.app.doors import AddressDoor, SocketDoor
from polyrhythm.app.namespaces import register_namespaces
from polyrhythm.app.socket_path import inode_of, remove_socket
from polyrhythm.app.switch_link import SwitchLink
from polyrhythm.app.web import Web, WebSettings
from polyrhythm.base.errors import (
    DeadlineExceeded,
    LaneHeld,
    PolyrhythmError,
    StoreError,
    Unavailable,
)
from polyrhythm.base.limits import Limits
from polyrhythm.links.grpc import GrpcLink
from polyrhythm.sdk.link import Link
from polyrhythm.transports.grpc import (
    Absent,
    AddressTaken,
    ForwardedCalls,
    GrpcServer,
    GrpcSettings,
    Routes,
    Switch,
)

LOG = logging.getLogger("polyrhythm.node")

# News that nobody reads: the oldest are dropped.
NEWS_MAX = 64

UNIX = "unix:"
# An attached process tries to claim the file this often (70 us a try), and at once when a call
# finds nobody at the owner's socket.
CLAIM_INTERVAL_S = 0.2
# A file that cannot be claimed for another reason (I/O errors) is tried again after this.
CLAIM_PAUSE_S = 1.0
# Draining: the turn in flight and the calls that wait for it get this long, in all.
DRAIN_S = 4.0
# Calls passed on to an owner that is alive: long enough for a commit, not for a long poll.
DETACH_S = 0.5


@dataclass(slots=True)
class NodeSettings:
    """What a node is told at its start. An empty `address`: other machines have no way in."""

    address: str
    place: Place
    limits: Limits = field(default_factory=Limits)
    wire: GrpcSettings = field(default_factory=GrpcSettings)
    namespaces: list[str] = field(default_factory=list)
    # Who may do what; without one everybody who gets through to the address may do everything.
    keyring: Keyring | None = None
    # Registered in `default` and in those namespaces: name to type, as Temporal spells types.
    search_attributes: dict[str, str] = field(default_factory=dict)
    web: WebSettings = field(default_factory=WebSettings)


class Node:
    """One process on one file; `run` lasts until `stop`."""

    def __init__(self, settings: NodeSettings) -> None:
        self._settings = settings
        self._switch = Switch(Absent("it is not known yet who owns the file"))
        self.link = SwitchLink("it is not known yet who owns the file")
        # What became of this node, one line each, for whoever tells people.
        self.news: asyncio.Queue[str] = asyncio.Queue(NEWS_MAX)
        # Set while calls are answered, here or by the owner.
        self.ready = asyncio.Event()
        self._routes = Routes(self._switch)
        self._listener: GrpcServer | None = None
        self._web = Web(settings.web)
        self._stopping = asyncio.Event()
        self._leader: ForwardedCalls | None = None
        self._socket_inode = 0
        self._started = False

    def stop(self) -> None:
        """End `run` in order: no more calls, finish what is begun, let the file go."""
        self._stopping.set()

    async def run(self) -> None:
        """Own the file or attach to its owner, until told to stop.

        Raises AddressTaken, and StoreError when the file cannot be used at the start. TimeoutError:
        the store did not finish in time while draining.
        """
        try:
            while not self._stopping.is_set():
                try:
                    owned = own(self._settings.place, self._settings.limits)
                except LaneHeld as held:
                    await self._attach(held.address)
                except StoreError as error:
                    if not self._started:
                        raise
                    LOG.error("cannot take the file over, trying again: %s", error)
                    await self._pause(CLAIM_PAUSE_S)
                else:
                    await self._serve(owned)
        finally:
            await self._leave()

    async def _serve(self, owned: Owned) -> None:
        """Answer calls from the lane of this process, until told to stop or the lane is lost."""
        socket = None
        try:
            await self._detach()
            link = owned.link()
            await register_namespaces(
                link, self._settings.namespaces, self._settings.search_attributes
            )
            self._switch.target = owned.calls()
            socket = await self._listen_on_socket()
            await self._announce("took over" if self._started else "serving", link)
            told = asyncio.ensure_future(self._stopping.wait())
            await asyncio.wait((told, owned.ended), return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
        finally:
            await self._retire(owned, socket)
        if not self._stopping.is_set():
            LOG.error("this process does not own its file any more; it looks who does")
            await self._pause(CLAIM_INTERVAL_S)

    async def _retire(self, owned: Owned, socket: GrpcServer | None) -> None:
        """Stop owning: what waits is told to come back, what is begun is finished and answered."""
        self._be_absent("this process does not own its file any more")
        self._routes.health.announce(serving=False)
        listener = self._listener if self._stopping.is_set() else None
        if listener is not None:
            self._routes.health.end_watches()
        web = self._web if self._stopping.is_set() else None
        ending = asyncio.gather(*(end.stop(DRAIN_S) for end in (socket, listener, web) if end))
        try:
            async with asyncio.timeout(DRAIN_S):
                await owned.finish()
        except TimeoutError:
            # Its thread still writes: the file is left as after a crash, which it survives.
            raise
        except Exception:
            # A fault of our own ended the lane; whoever owns the file next takes it up from what
            # was committed.
            LOG.exception("the lane failed")
        for server in (socket, self._listener):
            if server is not None:
                # What the lane had in hand when it failed is answered by nobody else.
                server.refuse_calls("this process does not own its file any more")
        await ending
        # NOTE: the socket is gone before the lock is: after it, one of the same name is the next
        # owner's.
        if socket is not None:
            remove_socket(self._socket_path(), self._socket_inode)
        owned.close()

    async def _attach(self, address: str) -> None:
        """Pass calls on to the owner at `address` for a moment, until it is time to try again."""
        leader = self._leader
        if leader is None or leader.address != address:
            await self._detach()
            if not address:
                # The owner has only just begun.
                await self._pause(CLAIM_INTERVAL_S)
                return
            leader = self._leader = ForwardedCalls(address, encode_identity)
            if not await leader.is_ready(CLAIM_INTERVAL_S):
                await self._detach()
                return
            link = await self._link_to(address)
            self._switch.target = leader
            await self._announce("attached to the owner of", link)
        leader.lost.clear()
        await self._pause(CLAIM_INTERVAL_S, leader.lost)

    async def _link_to(self, address: str) -> GrpcLink:
        """Return a link to the owner, which has the namespaces this process was told of.

        An owner that is just leaving is no reason to end: whoever is next is asked again.
        """
        link = GrpcLink(address)
        try:
            await register_namespaces(
                link, self._settings.namespaces, self._settings.search_attributes
            )
        except (Unavailable, DeadlineExceeded) as error:
            LOG.warning("namespaces are not registered yet: %s", error)
        except PolyrhythmError:
            await link.close()
            raise
        return link

    async def _detach(self) -> None:
        if self._leader is not None:
            self._be_absent("the owner of the file is changing")
            await self._leader.close(DETACH_S)
            self._leader = None

    def _be_absent(self, reason: str) -> None:
        """From here on calls are told to come back."""
        self.ready.clear()
        self._switch.target = Absent(reason)
        self.link.leave(reason)

    async def _announce(self, verb: str, link: Link) -> None:
        """Say what this process does now; the first time, open its own address for it."""
        address = self._settings.address
        if self._listener is None and address:
            door = AddressDoor(self._settings.keyring)
            self._listener = GrpcServer(self._routes, self._settings.wire, door)
            port = await self._listener.listen(address)
            self._settings.address = address = f"{address.rpartition(':')[0]}:{port}"
        self._routes.health.announce(serving=True)
        self._started = True
        self.link.lead_to(link)
        self.ready.set()
        place = self._settings.place
        where = f", gRPC on {address}" if address else ""
        web = await self._web.listen(self._switch, self._settings.keyring, self.ready.is_set)
        if web:
            where += f" and HTTP on {' and '.join(web)}"
        if self.news.full():
            self.news.get_nowait()
        self.news.put_nowait(
            f"{verb} {place.file or 'memory'}, durability {place.durability}{where}"
        )

    async def _listen_on_socket(self) -> GrpcServer | None:
        """Let other processes on the same file in; without it they wait outside."""
        path = self._socket_path()
        if not path:
            return None
        remove_socket(path, inode_of(path))
        server = GrpcServer(self._routes, self._settings.wire, SocketDoor())
        try:
            await server.listen(UNIX + path)
        except AddressTaken as error:
            LOG.error("other processes cannot attach to this one: %s", error)
            return None
        self._socket_inode = inode_of(path)
        return server

    def _socket_path(self) -> str:
        return self._settings.place.address.removeprefix(UNIX)

    async def _leave(self) -> None:
        """End what is left: nothing for an owner, its own address for an attached process."""
        self._routes.health.announce(serving=False)
        self._routes.health.end_watches()
        ending = asyncio.gather(
            *(end.stop(DRAIN_S) for end in (self._web, self._listener) if end is not None)
        )
        await self._detach()
        await self.link.close()
        await ending

    async def _pause(self, seconds: float, event: asyncio.Event | None = None) -> None:
        """Wait for the end, or an event, or for some time."""
        events = [self._stopping, *([event] if event is not None else [])]
        waits = [asyncio.ensure_future(one.wait()) for one in events]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
