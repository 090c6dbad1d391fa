"""Calls a service of the same process; must be used on the loop of the service's host.

Nothing is serialized on the way in. The service fills requests in place, so a caller that sends one
twice passes a copy. The engine may answer with bytes it has at hand; then they are parsed here.
"""

from __future__ import annotations

import asyncio
from typing import Any

from google.protobuf.message import Message

from polyrhythm.base.errors import DeadlineExceeded
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.sdk.link import LocalWorker, Traits
from polyrhythm.service.service import Service


class InProcLink:
    """A Link without a wire. `caller` is the identity the calls are made under."""

    def __init__(self, service: Service, caller: Any) -> None:
        self._service = service
        self._caller = caller
        self._loop = asyncio.get_running_loop()
        self._traits = Traits("in process", permits=True, notes=True, hosts_workers=True)

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
        # A bare future and timer: an Event under asyncio.timeout takes three times as long.
        arrived = self._loop.create_future()

        def wake() -> None:
            if not arrived.done():
                arrived.set_result(None)

        reply.wake = wake
        timer = self._loop.call_later(timeout_s, wake)
        try:
            if timeout_s > 0:
                await arrived
        except asyncio.CancelledError:
            reply.cancel()
            raise
        finally:
            timer.cancel()
        if not reply.done:
            reply.cancel()
            raise DeadlineExceeded("there was no answer in time")
