"""Messages to a workflow, declared once with their types: Signal, Query, Update.

The same object names the message to its sender and receives it in workflow functions. Inside a
workflow a signal is a queue that is kept until it is read; queries and updates are answered by a
handler that the workflow sets. Workflow classes mark methods instead (`declare/methods.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar, overload

from polyrhythm.base.durations import Span, parse_span
from polyrhythm.sdk.declare.signature import bind
from polyrhythm.sdk.definitions import HandlerKind, Signature
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.loop.context import Context, current
from polyrhythm.sdk.loop.handlers import Handler
from polyrhythm.sdk.wf.channel import Channel, Taken, Waiting

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")
# A channel hands over at once up to here, and the service itself takes 10,000 signals a run.
SIGNALS_MAX = 100_000


@dataclass(slots=True)
class SignalCall:
    """A signal with its values, to be sent with a start."""

    name: str
    signature: Signature
    args: tuple[Any, ...]


@dataclass(slots=True)
class UpdateCall(Generic[R]):
    """An update with its values, to be made with a start."""

    name: str
    signature: Signature
    args: tuple[Any, ...]


class Signal(Generic[T]):
    """A signal of one value, or of none.

    REFUND = Signal("refund", Refund)
    value = await REFUND.next(timeout="30d")      # in a workflow; None when nothing came
    run.send(REFUND, Refund(3))                   # outside
    """

    __slots__ = ("name", "signature")

    @overload
    def __init__(self: Signal[None], name: str) -> None: ...

    @overload
    def __init__(self, name: str, kind: type[T]) -> None: ...

    @overload
    def __init__(self: Signal[Any], name: str, kind: Any) -> None: ...

    def __init__(self, name: str, kind: Any = None) -> None:
        self.name = name
        self.signature = _one("value", kind, None)

    def __repr__(self) -> str:
        """The declaration."""
        return f"Signal({self.name!r})"

    def of(self: Signal[T], value: T) -> SignalCall:
        """Return the signal with its value, for `workflow.options(signal=...)`."""
        return SignalCall(self.name, self.signature, values_of(self.signature, value))

    @overload
    async def next(self) -> T: ...

    @overload
    async def next(self, timeout: Span) -> T | None: ...  # noqa: ASYNC109

    async def next(self, timeout: Span | None = None) -> T | None:  # noqa: ASYNC109
        """Wait for the next value, in a workflow; None when there was none in `timeout`.

        Signals that came before anyone asked are kept, in order.
        """
        if timeout is None:
            return await self.receive()
        if not self.signature.names:
            raise MisuseError(
                f"{self!r} has no value: next(timeout=...) would return None either way; write"
                " `if await wf.wait_for(SIGNAL.pending, timeout=...): await SIGNAL.next()`"
            )
        channel = self.as_channel()
        taken = channel.take()
        if taken is None:
            # Timer and signal settle one wait: a signal cannot get lost between the two.
            waiting = Waiting()
            channel.wait_to_receive(waiting, self)
            loop = asyncio.get_running_loop()
            timer = loop.call_later(parse_span(timeout), waiting.settle, None, None)
            _, outcome = await waiting.future
            if outcome is None:
                return None
            timer.cancel()
            assert isinstance(outcome, Taken)
            taken = outcome
        return taken.value

    async def receive(self) -> T:
        """Wait for the next value, in a workflow."""
        return await self.as_channel().receive()

    def pending(self) -> int:
        """Return how many values wait to be read, in a workflow."""
        return len(self.as_channel())

    async def __aiter__(self) -> AsyncIterator[T]:
        """Every value as it comes, in a workflow; ends only with the loop that reads."""
        channel = self.as_channel()
        while True:
            yield await channel.receive()

    def as_channel(self) -> Channel[T]:
        """Return the channel that the signal arrives in, in this run; `wf.select` takes it too."""
        context = _context(f"{self!r} is received")
        handler = context.handlers.find(HandlerKind.SIGNAL, self.name)
        if handler is None or (handler.is_any and not isinstance(handler.function, _Feed)):
            handler = Handler(HandlerKind.SIGNAL, _Feed(self), self.signature)
            context.set_handler(self.name, handler)
        if not isinstance(handler.function, _Feed):
            raise MisuseError(
                f"{self!r} is answered by a handler of this workflow: it cannot be received as well"
            )
        return handler.function.channel


class Query(Generic[R]):
    """A question that a workflow answers without changing.

    STATUS = Query("status", str)
    STATUS.handler(lambda: state)      # in a workflow
    run.query(STATUS)                  # outside
    """

    __slots__ = ("name", "signature")

    @overload
    def __init__(self, name: str, result: type[R]) -> None: ...

    @overload
    def __init__(self: Query[Any], name: str, result: Any = ...) -> None: ...

    def __init__(self, name: str, result: Any = Any) -> None:
        self.name = name
        self.signature = Signature(result=result)

    def __repr__(self) -> str:
        """The declaration."""
        return f"Query({self.name!r})"

    def handler(self, function: Callable[[], R]) -> Callable[[], R]:
        """Answer by this function from now on, in a workflow; usable as a decorator."""
        context = _context(f"{self!r} is answered")
        context.set_handler(self.name, Handler(HandlerKind.QUERY, function, self.signature))
        return function


class Update(Generic[P, R]):
    """A message that a workflow answers, and may refuse, after doing something.

    APPROVE = Update("approve", Approval, Receipt)
    APPROVE.handler(approve, validator=check)     # in a workflow
    receipt = run.update(APPROVE, Approval(...))  # outside
    """

    __slots__ = ("name", "signature")

    @overload
    def __init__(self: Update[[], R], name: str, kind: None, result: type[R]) -> None: ...

    @overload
    def __init__(self: Update[[T], R], name: str, kind: type[T], result: type[R]) -> None: ...

    @overload
    def __init__(self: Update[[T], None], name: str, kind: type[T], result: None = ...) -> None: ...

    @overload
    def __init__(self: Update[..., Any], name: str, kind: Any, result: Any) -> None: ...

    def __init__(self, name: str, kind: Any = None, result: Any = None) -> None:
        self.name = name
        self.signature = _one("value", kind, result)

    def __repr__(self) -> str:
        """The declaration."""
        return f"Update({self.name!r})"

    def of(self, *args: P.args, **kwargs: P.kwargs) -> UpdateCall[R]:
        """Return the update with its value, to be made with a start."""
        values = bind(self.signature, self.name, args, kwargs)
        return UpdateCall(self.name, self.signature, tuple(values))

    def handler(
        self,
        function: Callable[P, R | Awaitable[R]],
        validator: Callable[P, None] | None = None,
    ) -> Callable[P, R | Awaitable[R]]:
        """Answer by this function from now on, in a workflow; the validator refuses by raising."""
        context = _context(f"{self!r} is answered")
        handler = Handler(HandlerKind.UPDATE, function, self.signature, validator)
        context.set_handler(self.name, handler)
        return function


class _Feed:
    """Puts arriving signals into the channel of their run."""

    __slots__ = ("channel",)

    def __init__(self, signal: Signal[Any]) -> None:
        self.channel: Channel[Any] = Channel(SIGNALS_MAX, signal.name)

    def __call__(self, value: Any = None) -> None:
        self.channel.try_send(value)


def values_of(signature: Signature, value: Any) -> tuple[Any, ...]:
    """Return what is sent: nothing for a message that was declared without a type."""
    return (value,) if signature.names else ()


def _one(name: str, kind: Any, result: Any) -> Signature:
    if kind is None:
        return Signature(result=result)
    return Signature((name,), (kind,), (), result)


def _context(what: str) -> Context:
    context = current()
    if context is None:
        raise MisuseError(f"{what} inside a workflow; outside, use the run: run.send, run.query")
    return context
