"""Calls on their way: lost, doubled and delayed requests, lost and delayed replies.

Whoever sends is called back exactly once: with the reply's value, with the engine's refusal, or
with `Lost` when its own patience ends, the connection breaks or it gives the call up itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from polyrhythm.base.limits import SECOND_NS
from polyrhythm.engine.calls import Call
from polyrhythm.testing.auditor import Auditor, Finding
from polyrhythm.testing.world.place import Answered, Place
from polyrhythm.testing.world.process import Process

# How long a caller waits for the answer to a plain call, and longer than any long poll.
PATIENCE_NS = 10 * SECOND_NS
POLL_PATIENCE_NS = 70 * SECOND_NS
POLL_PATIENCE_HEALED_NS = 7200 * SECOND_NS
OVERDUE_TURNS_MAX = 2


class Lost(Exception):
    """The caller does not know what became of its request."""


@dataclass(slots=True)
class Sent:
    """A call at a server. `patience_ns`: when its answer must have come; `twin`: a duplicate
    made by the network, whose answer nobody reads."""

    number: int
    what: str
    call: Call
    answered: Answered
    process: Process
    patience_ns: int
    twin: bool = False
    looked_at: bool = False
    overdue: int = 0


class Network:
    """Everything between callers and servers."""

    def __init__(self, world: Place, auditor: Auditor) -> None:
        self._world = world
        self._auditor = auditor
        self._count = 0
        self._sent: dict[int, Sent] = {}

    def send(self, request: Any, answered: Answered, poll: bool) -> None:
        """Send a request to whoever is the server when it arrives."""
        world = self._world
        world.trace.count("requests")
        if world.chance(world.rates.request_lost):
            world.trace.count("request lost")
            patience_ms = PATIENCE_NS // 1_000_000
            world.after_ms(patience_ms, patience_ms, lambda: answered(None, Lost("request")))
            return
        self._arrive_later(request, answered, poll, twin=False)
        if world.chance(world.rates.request_doubled):
            world.trace.count("request doubled")
            self._arrive_later(request, _ignore, poll, twin=True)

    def cancel_one(self) -> None:
        """Let a caller give up a call."""
        if not self._sent:
            return
        world = self._world
        number = world.random.choice(list(self._sent))
        sent = self._sent.pop(number)
        world.trace.count("call cancelled")
        world.trace.line(f"{world.clock()} cancelled {number}")
        sent.call.reply.cancel()
        if not sent.twin:
            world.after_ms(1, 500, lambda: sent.answered(None, Lost("cancelled")))

    def break_calls(self, process: Process) -> None:
        """Let a server's callers know that it has gone."""
        for number, sent in list(self._sent.items()):
            if sent.process is process:
                del self._sent[number]
                if not sent.twin:
                    self._answer_later(sent, None, Lost("connection"))

    def collect(self, current: Process, turned: bool) -> None:
        """Take the answers that have left; `turned`: the current server has had a turn."""
        for number, sent in list(self._sent.items()):
            if sent.call.reply.done:
                del self._sent[number]
                self._deliver(number, sent, current)
            elif sent.process is current:
                self._wait_for(sent, turned)

    def _arrive_later(self, request: Any, answered: Answered, poll: bool, twin: bool) -> None:
        world = self._world
        slow = world.chance(world.rates.request_slow)
        if slow:
            world.trace.count("request slow")
        low, high = (2_000, 30_000) if slow else (0, 20)
        arrive = partial(self._arrive, request, answered, poll, twin)
        if world.healing:
            low, high = 0, 2
        world.after_ms(low, high, arrive)

    def _arrive(self, request: Any, answered: Answered, poll: bool, twin: bool) -> None:
        world = self._world
        self._count += 1
        patience = POLL_PATIENCE_HEALED_NS if world.healing else POLL_PATIENCE_NS
        deadline_ns = world.now_ns + patience if poll else 0
        call = Call(world.namespace, request, deadline_ns, "caller")
        process, name = world.process, _name_of(request)
        until_ns = world.now_ns + patience
        sent = Sent(self._count, name, call, answered, process, until_ns, twin)
        self._sent[sent.number] = sent
        world.trace.line(f"{world.clock()} -> {sent.number} {sent.what}")
        self._auditor.asked(request)
        process.lane.submit(call)

    def _deliver(self, number: int, sent: Sent, current: Process) -> None:
        world, reply = self._world, sent.call.reply
        outcome = type(reply.error).__name__ if reply.error else "ok"
        world.trace.line(f"{world.clock()} <- {number} {sent.what} {outcome}")
        if sent.process is current or reply.error is None:
            self._auditor.told(sent.call.request, reply.value, reply.error)
        if sent.twin:
            return
        if world.chance(world.rates.reply_lost):
            world.trace.count("reply lost")
            world.after_ms(100, 10_000, partial(sent.answered, None, Lost("reply")))
        else:
            self._answer_later(sent, reply.value, reply.error)

    def _wait_for(self, sent: Sent, turned: bool) -> None:
        now_ns = self._world.now_ns
        if sent.process.lane.busy or not turned or not sent.looked_at:
            # It may not have been looked at yet: its time begins when it is.
            sent.looked_at = turned and not sent.process.lane.busy
            sent.patience_ns = max(sent.patience_ns, now_ns + POLL_PATIENCE_NS)
        elif now_ns > sent.patience_ns:
            # Taken up after its time, it is answered by the turn after that.
            sent.overdue += 1
            if sent.overdue > OVERDUE_TURNS_MAX:
                text = f"call {sent.number} {sent.what} waits past its deadline"
                raise Finding("unanswered", text)

    def _answer_later(self, sent: Sent, value: Any, error: Exception | None) -> None:
        high = 2 if self._world.healing else 15
        self._world.after_ms(0, high, lambda: sent.answered(value, error))


def _ignore(_value: Any, _error: Exception | None) -> None:
    """Read nothing: the answer of a duplicate."""


def _name_of(request: Any) -> str:
    return type(request).__name__.removesuffix("Request").removesuffix("Execution")
