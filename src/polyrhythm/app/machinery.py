"""Machinery as users hold it: serve tasks of an App to its producers, feed its workers.

    app = App("shop")
    work = Machinery("redis://127.0.0.1:6379", app=app)
    work.serve(add)                        # messages named "add" become durable tasks of the App
    app.run()

    async with Machinery("redis://127.0.0.1:6379") as work:          # a producer needs no App
        reply = await work.send(call("multiply", 6, 7))
        print(await reply.result(timeout="10s"))

The App opens and closes what belongs to it. A broker that is away when a worker starts, or later,
is waited for; one that can never work is refused when it is opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any, Self, TypedDict, TypeVar

from typing_extensions import Unpack

from polyrhythm.app.application import App
from polyrhythm.app.brokers import make_ledger
from polyrhythm.base.durations import Span, parse_span
from polyrhythm.brokers.ending import end_tasks
from polyrhythm.brokers.errors import BrokerDown
from polyrhythm.brokers.machinery.signature import Signature
from polyrhythm.brokers.port import DeadMessage, Ledger
from polyrhythm.dialects.machinery.bridge import Bridge
from polyrhythm.dialects.machinery.patience import patiently
from polyrhythm.dialects.machinery.replies import GroupReply, Reply
from polyrhythm.dialects.machinery.sender import Sender
from polyrhythm.dialects.machinery.served import Served
from polyrhythm.sdk.client.portal import block
from polyrhythm.sdk.declare.task import Task
from polyrhythm.sdk.errors import MisuseError

T = TypeVar("T")
DRAIN_S = 10.0
# Settings that are durations, and the seconds that brokers know them as. None is below a second:
# states expire by whole ones, and a shorter lease is lost to a pause of the machine.
SPANS = {"results_expire": "results_s", "lease": "lease_s"}


class MachinerySettings(TypedDict, total=False):
    """What `Machinery` may be told beside its urls; in brackets, the names of the Go config."""

    # The queue that this worker takes from and where calls without one go (DefaultQueue).
    queue: str
    # Messages in hand at once, of this process.
    concurrency: int
    # How long states and groups are kept (ResultsExpireIn).
    results_expire: Span
    # Redis: a worker that is silent for so long loses what it has in hand to others.
    lease: Span
    # Redis: the sorted set of delayed messages (DelayedTasksKey).
    delayed_key: str
    # Redis: the hosts of the url are sentinels of this master, with their own password; one host
    # is a node of a cluster.
    master: str
    sentinel_password: str
    cluster: bool
    # RabbitMQ: Exchange, ExchangeType and BindingKey, which is the queue's name if it is not said.
    exchange: str
    exchange_type: str
    binding_key: str
    # Files of certificates, for rediss:// and amqps://.
    tls_ca: str
    tls_cert: str
    tls_key: str


class Machinery:
    """A queue of Machinery at a broker, and the place where its results are."""

    def __init__(
        self,
        url: str,
        results: str = "",
        *,
        app: App | None = None,
        **settings: Unpack[MachinerySettings],
    ) -> None:
        unknown = sorted(set(settings) - set(MachinerySettings.__annotations__))
        if unknown:
            known = ", ".join(MachinerySettings.__annotations__)
            raise MisuseError(f"no setting {', '.join(unknown)}; there are: {known}")
        given: dict[str, Any] = dict(settings)
        for name, seconds in SPANS.items():
            if name in given:
                given[seconds] = parse_span(given.pop(name))
                if given[seconds] < 1:
                    raise MisuseError(f"{name} is a second or more, not {given[seconds]:g} s")
        if "results_s" in given:
            given["results_s"] = round(given["results_s"])
        self._concurrency: int = given.pop("concurrency", 8)
        if self._concurrency < 1:
            raise MisuseError(f"concurrency is 1 or more, not {self._concurrency}")
        given.setdefault("prefetch", self._concurrency)
        self._app = app
        self._served: dict[str, Served] = {}
        self._ledger: Ledger = make_ledger(url, results or url, given)
        self._sender = Sender(self._ledger)
        self._bridge: Bridge | None = None
        self._running: asyncio.Task[None] | None = None
        if app is not None:
            app.companions.append(self)

    def serve(
        self,
        task: Task[Any, Any, Any],
        name: str = "",
        *,
        kinds: Sequence[str] = (),
        collect: bool = False,
    ) -> None:
        """Let messages of a name, the task's own if it is not said, run a task of the App.

        `kinds`: Machinery's types of its results, guessed if they are not said. `collect`: its one
        parameter gets all arguments as a list. Raises MisuseError, and WrongValue for a type.
        """
        if self._app is None:
            raise MisuseError("to serve tasks, say whose: Machinery(url, app=app)")
        served = Served(name or task.name, task, tuple(kinds), collect)
        if served.name in self._served:
            raise MisuseError(f"messages named {served.name!r} have their task already")
        self._served[served.name] = served

    async def send(self, signature: Signature) -> Reply:
        """Send one call. Raises BadMessage, WrongValue, BrokerDown."""
        return await self._sender.send(signature)

    async def send_chain(self, *signatures: Signature) -> Reply:
        """Send calls of which each gets the results of the one before; the reply is the last's."""
        return await self._sender.send_chain(*signatures)

    async def send_group(self, *signatures: Signature) -> GroupReply:
        """Send calls that run beside one another."""
        return await self._sender.send_group(*signatures)

    async def send_chord(self, callback: Signature, *signatures: Signature) -> Reply:
        """Send a group, whose results its workers give to `callback` when all have ended."""
        return await self._sender.send_chord(callback, *signatures)

    def reply(self, uuid: str) -> Reply:
        """Return what waits for a task by its id."""
        return self._sender.reply(uuid)

    async def dead_messages(self, count: int = 100) -> list[DeadMessage]:
        """Return the oldest messages of the queue that nobody could take, each with its reason."""
        return await self._ledger.broker.dead(count)

    async def revive(self, count: int = 100) -> int:
        """Send the oldest dead messages again; return how many."""
        return await self._ledger.broker.revive(count)

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run one of the verbs above from blocking code: `work.wait(work.send(...))`."""
        if self._app is None:
            coroutine.close()
            raise MisuseError("without an App there is no loop to wait for: asyncio.run(...)")
        return block(self._app.portal, coroutine, "wait")

    async def __aenter__(self) -> Self:
        """Connect; in an App that works, begin to take messages of what is served."""
        away = False
        try:
            await self._open()
        except BrokerDown:
            if not self._served:
                raise
            away = True
        app = self._app
        if app is not None and self._served and app.plan.works:
            self._bridge = Bridge(self._ledger, app.session, self._served, self._concurrency)
            self._running = asyncio.create_task(self._run(self._bridge, away))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take no more, finish what is in hand in bounded time, and let the connections go."""
        if self._running is not None:
            await end_tasks([self._running])
        if self._bridge is not None:
            stop_s = self._app.plan.worker.stop_s if self._app is not None else 0.0
            await self._bridge.drain(min(stop_s, DRAIN_S))
        self._running = self._bridge = None
        await self._let_go()

    async def _run(self, bridge: Bridge, away: bool) -> None:
        if away:
            await patiently(self._open, "to reach the broker")
        await bridge.run()

    async def _open(self) -> None:
        opened = False
        try:
            await self._ledger.broker.open()
            await self._ledger.results.open()
            opened = True
        finally:
            if not opened:
                await self._let_go()

    async def _let_go(self) -> None:
        await self._ledger.broker.close()
        await self._ledger.results.close()
