"""Durable timers: waits of workflow code, and calls that asyncio makes later.

The shortest is a millisecond, as on the wire. A timer that is cancelled before its command has left
leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import command_type_pb2 as commands
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.sdk.loop.futures import DurableFuture
from polyrhythm.sdk.loop.origin import Place, find_place
from polyrhythm.sdk.loop.outbox import Made

if TYPE_CHECKING:
    from polyrhythm.sdk.loop.context import Context

TIMER_NS_MIN = 1_000_000
SECOND_NS = 1_000_000_000


class Timer:
    """One timer; `fire` is called once it is due."""

    __slots__ = ("context", "ended", "event_id", "fire", "id", "made")

    def __init__(self, context: Context, fire: Callable[[], object]) -> None:
        self.context = context
        self.id = context.next_id("timer")
        self.fire = fire
        self.event_id = 0
        self.ended = False
        self.made: Made

    def record(self, event: HistoryEvent) -> bool:
        """Take the event the command was written as."""
        if event.timer_started_event_attributes.timer_id != self.id:
            return False
        self.event_id = event.event_id
        self.context.by_event[event.event_id] = self
        return True

    def cancel(self) -> bool:
        """Cancel the timer unless it has ended; True, since the wait ends with it."""
        context = self.context
        if self.ended or context.closed:
            return True
        self.ended = True
        if not self.event_id:
            self.made.dropped = True
            return True
        context.check_writable("cancelling a timer")
        context.by_event.pop(self.event_id, None)
        command = Command(command_type=commands.COMMAND_TYPE_CANCEL_TIMER)
        command.cancel_timer_command_attributes.timer_id = self.id
        context.outbox.add(command, TimerCancel(self), find_place())
        return True

    def cancel_call(self) -> None:
        """Cancel the timer behind a `call_later`."""
        self.cancel()


class TimerCancel:
    """The request to cancel one timer."""

    __slots__ = ("timer",)

    def __init__(self, timer: Timer) -> None:
        self.timer = timer

    def record(self, event: HistoryEvent) -> bool:
        """Take the event the command was written as."""
        return event.timer_canceled_event_attributes.timer_id == self.timer.id


def start_timer(context: Context, delay_s: float, summary: str) -> DurableFuture[None]:
    """Return what is resolved after `delay_s` seconds."""
    context.check_writable("a timer")
    future: DurableFuture[None] = context.loop.new_future(None)
    if delay_s <= 0:
        # Nothing to wait for, but others get their turn, as with asyncio.sleep(0).
        context.loop.call_soon(_resolve, future)
        return future
    timer = Timer(context, lambda: _resolve(future))
    future.on_cancel = timer.cancel
    _send(timer, delay_s, summary, find_place())
    return future


def start_call(context: Context, delay_s: float, call: Callable[[], object]) -> Timer:
    """Have `call` made after `delay_s` seconds."""
    context.check_writable("a timer")
    timer = Timer(context, call)
    _send(timer, delay_s, "", find_place())
    return timer


def on_timer_fired(context: Context, event: HistoryEvent) -> None:
    """Let a timer's call be made."""
    timer: Any = context.take_event(event.timer_fired_event_attributes.started_event_id)
    if timer is not None and not timer.ended:
        timer.ended = True
        timer.fire()


def _send(timer: Timer, delay_s: float, summary: str, place: Place | None) -> None:
    context = timer.context
    command = Command(command_type=commands.COMMAND_TYPE_START_TIMER)
    attributes = command.start_timer_command_attributes
    attributes.timer_id = timer.id
    delay_ns = max(TIMER_NS_MIN, round(delay_s * SECOND_NS))
    span = attributes.start_to_fire_timeout
    span.seconds, span.nanos = divmod(delay_ns, SECOND_NS)
    context.fill_summary(command, summary)
    timer.made = context.outbox.add(command, timer, place)


def _resolve(future: DurableFuture[None]) -> None:
    if not future.done():
        future.set_result(None)
