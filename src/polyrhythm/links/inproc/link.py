"""Calls a service of the same process; must be used on the loop of the service's host.

Nothing is serialized on the way in. The service fills requests in place, so a caller that sends one
twice passes a copy. The engine may answer with bytes it has at hand; then they are parsed here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message

from polyrhythm.base.errors import DeadlineExceeded
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.sdk.link import LocalWorker, Traits
from polyrhythm.service.service import Service

# Callers use a handful of time limits; those of calls that have ended are forgotten past this.
CLOCKS_MAX = 64


class Clock:
    """Wakes the calls of one time limit when it is over, with one timer for all of them.

    Their deadlines come in the order of the calls, so the oldest call's is the next; a timer for
    each call took 4 us of a workflow's three calls each.
    """

    __slots__ = ("_due_s", "_limit_s", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, limit_s: float) -> None:
        self._loop = loop
        self._limit_s = limit_s
        self._due_s: dict[asyncio.Future[None], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        """Whether a call waits."""
        return bool(self._due_s)

    def wake_of(self, arrived: asyncio.Future[None]) -> Callable[[], None]:
        """Count a call's time from now; return what ends its wait."""
        self._due_s[arrived] = due_s = self._loop.time() + self._limit_s
        if self._timer is None:
            self._timer = self._loop.call_at(due_s, self._look)

        def wake() -> None:
            if not arrived.done():
                arrived.set_result(None)

        return wake

    def forget(self, arrived: asyncio.Future[None]) -> None:
        """Count a call's time no more."""
        del self._due_s[arrived]

    def _look(self) -> None:
        """End the waits whose time is over; look again when the next one's is."""
        self._timer = None
        now_s = self._loop.time()
        for arrived, due_s in self._due_s.items():
            if due_s > now_s:
                self._timer = self._loop.call_at(due_s, self._look)
                return
            if not arrived.done():
                arrived.set_result(None)


class InProcLink:
    """A Link without a wire. `caller` is the identity the calls are made under."""

    def __init__(self, service: Service, caller: Any) -> None:
        self._service = service
        self._caller = caller
        self._loop = asyncio.get_running_loop()
        self._clocks: dict[float, Clock] = {}
        self._traits = Traits(
            "in process", permits=True, notes=True, standalone_activities=True, hosts_workers=True
        )

    @property
    def traits(self) -> Traits:
        """What the service can."""
        return self._traits

    async def call(self, method_name: str, request: Message, timeout_s: float) -> Message:
        """Call a method and wait for its answer. Raises an error of `base.errors`."""
        deadline_ns = self._service.engine.now_ns() + int(timeout_s * SECOND_NS)
        reply = self._service.call(method_name, request, self._caller, deadline_ns)
        if not reply.done:
            await self._wait(reply, timeout_s)
        if reply.error is not None:
            raise reply.error
        value = reply.value
        if isinstance(value, bytes):
            return self._service.methods[method_name].response_class.FromString(value)
        assert isinstance(value, Message)
        return value

    async def close(self) -> None:
        """Nothing is open: whoever waits is told by the service when it ends."""

    def host(self, namespace: str, queue: str, worker: LocalWorker) -> None:
        """Give the tasks of a queue to a worker of this process, before any poll.

        Raises NamespaceNotFound.
        """
        engine = self._service.engine
        engine.host(engine.namespaces.find(namespace), queue, worker)

    def nudge(self) -> None:
        """Look whether tasks wait for room that has come free without a call."""
        self._service.engine.nudge()

    def dismiss(self, namespace: str, queue: str) -> None:
        """Give no more tasks; what is in hand is answered as usual."""
        engine = self._service.engine
        engine.dismiss(engine.namespaces.find(namespace), queue)

    async def _wait(self, reply: Any, timeout_s: float) -> None:
        clock = self._clocks.get(timeout_s)
        if clock is None:
            if len(self._clocks) >= CLOCKS_MAX:
                self._clocks = {t: c for t, c in self._clocks.items() if c.busy}
            clock = self._clocks[timeout_s] = Clock(self._loop, timeout_s)
        # A bare future: an Event under asyncio.timeout takes three times as long.
        arrived = self._loop.create_future()
        reply.wake = clock.wake_of(arrived)
        try:
            if timeout_s > 0:
                await arrived
        except asyncio.CancelledError:
            reply.cancel()
            raise
        finally:
            clock.forget(arrived)
        if not reply.done:
            reply.cancel()
            raise DeadlineExceeded("there was no answer in time")
