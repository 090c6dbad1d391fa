"""Signals: in order to whoever takes them, kept until somebody does.

A signal goes to the handler of its name, if there is one, else into the queue of its name; a
handler that is set later gets what the queue holds first. A signal that cannot be read as the type
that is asked for is logged and dropped: whoever sent it must not be able to fail the run.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from temporalio.api.common.v1 import Payloads
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.sdk.definitions import HandlerKind, Signature
from polyrhythm.sdk.loop.futures import DurableFuture
from polyrhythm.sdk.loop.handlers import Handler
from polyrhythm.sdk.loop.passing import Fields

if TYPE_CHECKING:
    from polyrhythm.sdk.loop.context import Context


class SignalQueue:
    """What has come in under one name and was not taken."""

    __slots__ = ("_context", "_items", "_waiting", "name")

    def __init__(self, context: Context, name: str) -> None:
        self.name = name
        self._context = context
        self._items: deque[tuple[Payloads, Fields]] = deque()
        self._waiting: deque[DurableFuture[None]] = deque()

    def __len__(self) -> int:
        """Return how many signals wait."""
        return len(self._items)

    def put(self, values: Payloads, fields: Fields) -> None:
        """Add a signal, with its headers, and wake one who waits."""
        self._items.append((values, fields))
        self._wake()

    def take_raw(self) -> tuple[Payloads, Fields]:
        """Return the oldest signal as it came, with its headers."""
        return self._items.popleft()

    def take(self, signature: Signature) -> tuple[Any, ...] | None:
        """Return the values of the oldest signal that can be read; None when there is none."""
        while self._items:
            values, _ = self._items.popleft()
            try:
                return tuple(self._context.settings.converter.decode_all(values, signature))
            except Exception as error:  # noqa: BLE001 - a payload of somebody else's
                self._context.log_dropped(self.name, error)
        return None

    def wait(self) -> DurableFuture[None]:
        """Return what is resolved when a signal has come; who waits then has to look again."""
        future: DurableFuture[None] = self._context.loop.new_future(None)
        if self._items:
            future.set_result(None)
        else:
            self._waiting.append(future)
        return future

    async def receive(self, signature: Signature) -> tuple[Any, ...]:
        """Wait for a signal and return its values."""
        while True:
            values = self.take(signature)
            if values is not None:
                return values
            woken = self.wait()
            try:
                await woken
            except asyncio.CancelledError:
                if woken.done() and not woken.cancelled():
                    # Woken and cancelled in one go: the signal is for the next who waits.
                    self._wake()
                raise

    def _wake(self) -> None:
        while self._waiting and self._items:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return


def on_signaled(context: Context, event: HistoryEvent) -> None:
    """Hand a signal to its handler, or keep it."""
    attributes = event.workflow_execution_signaled_event_attributes
    name = attributes.signal_name
    handler = context.handlers.find(HandlerKind.SIGNAL, name)
    if handler is None:
        context.signal_queue(name).put(attributes.input, attributes.header.fields)
    else:
        call_handler(context, handler, name, attributes.input, attributes.header.fields)


def call_handler(
    context: Context, handler: Handler, name: str, values: Payloads, fields: Fields
) -> None:
    """Run a signal's handler: as a task if it is async, else as a callback."""
    try:
        args = context.decode_message(handler, name, values)
    except Exception as error:  # noqa: BLE001 - a payload of somebody else's
        context.log_dropped(name, error)
        return
    context.handlers.run(handler, name, args, fields)
