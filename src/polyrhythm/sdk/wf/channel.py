"""Typed channels between the coroutines of one workflow, as Go's workflow authors know them.

A channel hands over values in order, each to exactly one receiver; senders wait when the buffer is
full (capacity 0: until a receiver is there). Nothing is lost when a waiting coroutine is cancelled:
a value leaves its sender and reaches its receiver in one step. Channels live inside a workflow and
are rebuilt by replay; they are no way to talk to the outside, signals are.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.wf.errors import ChannelClosed

T = TypeVar("T")


@dataclass(slots=True)
class Taken(Generic[T]):
    """What a receive met: a value, or the end of a closed channel."""

    value: T | None
    closed: bool = False


class Waiting:
    """One wait, on one channel or, by `select`, on several: whichever is first settles it."""

    __slots__ = ("future",)

    def __init__(self) -> None:
        self.future: asyncio.Future[tuple[object, object]] = (
            asyncio.get_running_loop().create_future()
        )

    def settle(self, case: object, outcome: object) -> bool:
        """Let `case` be what happened; False when the wait is over already."""
        if self.future.done():
            return False
        self.future.set_result((case, outcome))
        return True


class Channel(Generic[T]):
    """A queue of values between coroutines of a workflow.

    `capacity` is how many values wait without a receiver before `send` waits. A closed channel
    still hands out what it holds; after that `receive` raises ChannelClosed and `async for` ends.
    """

    __slots__ = ("_buffer", "_capacity", "_closed", "_receivers", "_senders", "name")

    def __init__(self, capacity: int = 0, name: str = "") -> None:
        if capacity < 0:
            raise MisuseError("the capacity of a channel is 0 or more")
        self.name = name
        self._capacity = capacity
        self._closed = False
        self._buffer: deque[T] = deque()
        self._receivers: deque[tuple[Waiting, object]] = deque()
        self._senders: deque[tuple[Waiting, object, T]] = deque()

    def __len__(self) -> int:
        """Return how many values are buffered."""
        return len(self._buffer)

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent."""
        return self._closed

    async def send(self, value: T) -> None:
        """Hand a value over; waits for room. Raises ChannelClosed."""
        if self.try_send(value):
            return
        waiting = Waiting()
        self.wait_to_send(waiting, self, value)
        _, outcome = await waiting.future
        if outcome is False:
            raise ChannelClosed(f"channel {self.name or 'without a name'} was closed")

    async def receive(self) -> T:
        """Take the next value; waits for one. Raises ChannelClosed at the end."""
        taken = self.take()
        if taken is None:
            waiting = Waiting()
            self.wait_to_receive(waiting, self)
            _, outcome = await waiting.future
            assert isinstance(outcome, Taken)
            taken = outcome
        if taken.closed:
            raise ChannelClosed(f"channel {self.name or 'without a name'} is closed and empty")
        return taken.value  # type: ignore[return-value]  # None is a value when T allows it

    def try_send(self, value: T) -> bool:
        """Hand a value over if that needs no wait. Raises ChannelClosed."""
        if self._closed:
            raise ChannelClosed(f"channel {self.name or 'without a name'} is closed")
        while self._receivers:
            waiting, case = self._receivers.popleft()
            if waiting.settle(case, Taken(value)):
                return True
        if len(self._buffer) < self._capacity:
            self._buffer.append(value)
            return True
        return False

    def take(self) -> Taken[T] | None:
        """Take a value, or the end, if one is there; None when a receiver would wait."""
        if self._buffer:
            value = self._buffer.popleft()
            sent = self._next_sent()
            if sent is not None:
                self._buffer.append(sent.value)  # type: ignore[arg-type]
            return Taken(value)
        sent = self._next_sent()
        if sent is not None:
            return sent
        return Taken(None, closed=True) if self._closed else None

    def close(self) -> None:
        """End the channel; senders that wait fail, receivers get what is left and then the end."""
        self._closed = True
        while self._senders:
            waiting, case, _ = self._senders.popleft()
            waiting.settle(case, False)
        while self._receivers:
            waiting, case = self._receivers.popleft()
            waiting.settle(case, Taken(None, closed=True))

    def wait_to_receive(self, waiting: Waiting, case: object) -> None:
        """Have a wait settled with the next value; for `receive` and `select`."""
        self._forget_settled()
        self._receivers.append((waiting, case))

    def wait_to_send(self, waiting: Waiting, case: object, value: T) -> None:
        """Have a wait settled once the value is taken; for `send` and `select`."""
        self._forget_settled()
        self._senders.append((waiting, case, value))

    async def __aiter__(self) -> AsyncIterator[T]:
        """Receive until the channel is closed and empty."""
        while True:
            try:
                value = await self.receive()
            except ChannelClosed:
                return
            yield value

    def _next_sent(self) -> Taken[T] | None:
        while self._senders:
            waiting, case, value = self._senders.popleft()
            if waiting.settle(case, True):
                return Taken(value)
        return None

    def _forget_settled(self) -> None:
        # A select in a loop leaves settled waits behind in the channels that never win.
        while self._receivers and self._receivers[0][0].future.done():
            self._receivers.popleft()
        while self._senders and self._senders[0][0].future.done():
            self._senders.popleft()
