"""Waits for the first of several things: channels, signals, timers, tasks, any awaitable.

Exactly one case takes effect. The others are as they were: no value leaves its channel, no task is
cancelled; only timers that `after` made for the select end with it. When several are ready the
first one in order of writing wins, so a replay chooses as the first run did.

    name, value = await wf.select(order=orders, refund=REFUND, late=wf.after("1h"))
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

from polyrhythm.base.durations import Span, parse_span
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.wf.channel import Channel, Taken, Waiting

DEFAULT = "default"


@dataclass(slots=True)
class Selected:
    """The case that happened. `closed`: its channel had come to its end."""

    name: str
    value: Any = None
    closed: bool = False

    def __iter__(self) -> Iterator[Any]:
        """Unpack as `name, value`."""
        return iter((self.name, self.value))


@dataclass(slots=True)
class After:
    """A case that is ready after some time."""

    seconds: float


@dataclass(slots=True)
class Sending:
    """A case that is ready once a channel takes the value."""

    channel: Channel[Any]
    value: Any


@runtime_checkable
class Receivable(Protocol):
    """Something that receives through a channel of the run, as a Signal does."""

    def as_channel(self) -> Channel[Any]:
        """Return the channel of the current run."""
        ...


def after(span: Span) -> After:
    """Return a case for `select`: ready after `span` ("90s", "2h", or seconds)."""
    return After(parse_span(span))


def sending(channel: Channel[Any], value: Any) -> Sending:
    """Return a case for `select`: ready once `channel` takes `value`."""
    return Sending(channel, value)


async def select(*, otherwise: bool = False, **cases: Any) -> Selected:
    """Wait until one case is ready and return it; with `otherwise`, never wait.

    A case is a channel or a signal (receives), `sending(...)`, `after(...)`, or an awaitable; a
    coroutine is started as a task that goes on when it does not win. A failed awaitable raises
    here. With `otherwise` and nothing ready the name is "default".
    """
    if not cases:
        raise MisuseError("select needs at least one case")
    arms = [_arm(name, case) for name, case in cases.items()]
    for arm in arms:
        selected = arm.ready()
        if selected is not None:
            return selected
    if otherwise:
        return Selected(DEFAULT)
    waiting = Waiting()
    endings = [arm.wait(waiting) for arm in arms]
    try:
        won, outcome = await waiting.future
    finally:
        for end in endings:
            end()
    return cast("_Arm", won).outcome(outcome)


End = Callable[[], object]


class _Arm(Protocol):
    """One case at work."""

    def ready(self) -> Selected | None: ...

    def wait(self, waiting: Waiting) -> End: ...

    def outcome(self, outcome: Any) -> Selected: ...


@dataclass(slots=True)
class _Receive:
    name: str
    channel: Channel[Any]

    def ready(self) -> Selected | None:
        taken = self.channel.take()
        return self.outcome(taken) if taken is not None else None

    def wait(self, waiting: Waiting) -> End:
        self.channel.wait_to_receive(waiting, self)
        return _nothing

    def outcome(self, outcome: Taken[Any]) -> Selected:
        return Selected(self.name, outcome.value, outcome.closed)


@dataclass(slots=True)
class _Send:
    name: str
    case: Sending

    def ready(self) -> Selected | None:
        return Selected(self.name) if self.case.channel.try_send(self.case.value) else None

    def wait(self, waiting: Waiting) -> End:
        self.case.channel.wait_to_send(waiting, self, self.case.value)
        return _nothing

    def outcome(self, outcome: bool) -> Selected:
        return Selected(self.name, closed=not outcome)


@dataclass(slots=True)
class _Timer:
    name: str
    seconds: float

    def ready(self) -> Selected | None:
        return Selected(self.name) if self.seconds <= 0 else None

    def wait(self, waiting: Waiting) -> End:
        loop = asyncio.get_running_loop()
        return loop.call_later(self.seconds, waiting.settle, self, None).cancel

    def outcome(self, outcome: None) -> Selected:
        return Selected(self.name)


@dataclass(slots=True)
class _Await:
    name: str
    future: asyncio.Future[Any]

    def ready(self) -> Selected | None:
        return self.outcome(self.future) if self.future.done() else None

    def wait(self, waiting: Waiting) -> End:
        def settle(future: asyncio.Future[Any]) -> None:
            waiting.settle(self, future)

        self.future.add_done_callback(settle)
        return lambda: self.future.remove_done_callback(settle)

    def outcome(self, outcome: asyncio.Future[Any]) -> Selected:
        return Selected(self.name, outcome.result())


def _arm(name: str, case: Any) -> _Arm:
    if isinstance(case, Channel):
        return _Receive(name, case)
    if isinstance(case, Receivable):
        return _Receive(name, case.as_channel())
    if isinstance(case, Sending):
        return _Send(name, case)
    if isinstance(case, After):
        return _Timer(name, case.seconds)
    if isinstance(case, Awaitable):
        return _Await(name, asyncio.ensure_future(case))
    raise MisuseError(
        f"case {name!r} of select is {type(case).__name__}: it must be a channel, a signal,"
        " sending(...), after(...) or an awaitable"
    )


def _nothing() -> None:
    """A channel forgets settled waits by itself."""
