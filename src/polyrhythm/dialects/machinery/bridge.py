"""The worker's side: each message becomes a durable task, its outcome is written back and settled.

A message is let go last, when its task has ended, its state is written, and what follows is sent.
So whatever dies in between, the message is taken again, meets the task that was started for it, and
only what is missing is done. Poison goes to the dead messages with its reason; a task that nobody
here has is handed back with growing pauses, since others may have it, and is dead in the end.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.brokers.ending import end_tasks
from polyrhythm.brokers.errors import BadMessage
from polyrhythm.brokers.machinery.composing import (
    after_failure,
    after_group,
    after_success,
    again,
    fibonacci_above,
    returned,
    returns,
)
from polyrhythm.brokers.machinery.kinds import Typed
from polyrhythm.brokers.machinery.signature import Signature, decode_signature
from polyrhythm.brokers.machinery.states import State, TaskState
from polyrhythm.brokers.port import Delivery, Ledger, Outcome
from polyrhythm.dialects.machinery.patience import PAUSE_S_MAX, patiently
from polyrhythm.dialects.machinery.served import Served, message_id
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.errors import FailureError

T = TypeVar("T")
LOG = logging.getLogger("polyrhythm.machinery")
RETURNS_MAX = 5
# Messages that are known to be done: more than come again when a connection is lost.
SETTLED_MAX = 10_000


class Refused(Exception):
    """A message whose call cannot be made; the text is its failure."""


@dataclass(slots=True)
class Call:
    """One message in hand, read."""

    delivery: Delivery
    signature: Signature
    created_ns: int


class Bridge:
    """Takes messages while there is room, and sees each of them through."""

    def __init__(
        self, ledger: Ledger, session: Session, served: Mapping[str, Served], concurrency: int
    ) -> None:
        self._ledger = ledger
        self._session = session
        self._served = served
        self._room = asyncio.Semaphore(concurrency)
        self._in_hand: set[asyncio.Task[None]] = set()
        # By message id: a message that comes again while it is in hand, or was let go without the
        # broker's hearing of it, is not worked at twice.
        self._working: dict[str, asyncio.Event] = {}
        self._settled: OrderedDict[str, None] = OrderedDict()

    async def run(self) -> None:
        """Take messages for ever."""
        broker = self._ledger.broker
        await _insistently(broker.start, "to work at the queue")
        while True:
            await self._room.acquire()
            delivery = await _insistently(broker.take, "to take messages")
            task = asyncio.create_task(self._see_through(delivery))
            self._in_hand.add(task)
            task.add_done_callback(self._done)

    async def drain(self, seconds: float) -> None:
        """Wait for what is in hand; what is not settled then stays the broker's."""
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=seconds)
        await end_tasks(self._in_hand)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._in_hand.discard(task)
        self._room.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            LOG.error("a message was left in hand", exc_info=error)

    async def _see_through(self, delivery: Delivery) -> None:
        broker = self._ledger.broker
        try:
            signature = decode_signature(delivery.body)
        except BadMessage as error:
            await self._bury(delivery, str(error))
            return
        served = self._served.get(signature.name)
        if served is None:
            await self._pass_on(delivery, signature)
            return
        try:
            await self._once(delivery, signature, served)
        except PolyrhythmError as error:
            await self._bury(delivery, f"{signature.name}: {error}")
            return
        await patiently(lambda: broker.finish(delivery), "to let a message go")

    async def _once(self, delivery: Delivery, signature: Signature, served: Served) -> None:
        """Work at a message unless that is done already."""
        key = message_id(signature)
        while delivery.again and key in self._working:
            await self._working[key].wait()
        if delivery.again and key in self._settled:
            return
        ended = self._working[key] = asyncio.Event()
        try:
            await self._work(delivery, signature, served)
            self._settled[key] = None
            while len(self._settled) > SETTLED_MAX:
                self._settled.popitem(last=False)
        finally:
            if self._working.get(key) is ended:
                del self._working[key]
            ended.set()

    async def _work(self, delivery: Delivery, signature: Signature, served: Served) -> None:
        call = Call(delivery, signature, time.time_ns())
        known = await self._earlier(call)
        if known is None:
            try:
                outcome = self._success(call, await self._result(call, served))
            except Refused as error:
                outcome = self._failure(call, str(error))
            await patiently(
                lambda: self._ledger.settle(delivery, signature, outcome), "to settle a message"
            )
        await self._after_end(call)

    async def _after_end(self, call: Call) -> None:
        if call.signature.group_uuid and call.signature.chord_callback is not None:
            await patiently(lambda: self._close_group(call), "to close a group")

    async def _earlier(self, call: Call) -> TaskState | None:
        """Return the state of a task that ended before, when its message was in another hand."""
        results = self._ledger.results
        if not results.keeps:
            return None
        uuid = call.signature.uuid
        state = await patiently(lambda: results.get(uuid), "to read a state")
        if state is None:
            return None
        call.created_ns = state.created_ns
        return state if call.delivery.again and state.ended else None

    async def _result(self, call: Call, served: Served) -> list[Typed]:
        """Have the durable task done; return its results. Raises Refused with what failed."""
        signature, is_again = call.signature, call.delivery.again
        await self._tell(call, State.RECEIVED)
        try:
            values = served.arguments(signature)
        except (PolyrhythmError, TypeError) as error:
            raise Refused(f"arguments of {served.name}: {error}") from error
        try:
            run = await patiently(
                lambda: served.begin(self._session, signature, values, is_again), "to start a task"
            )
        except PolyrhythmError as error:
            raise Refused(f"{served.name} cannot be started: {error}") from error
        await self._tell(call, State.STARTED)
        try:
            return served.results(await patiently(run.result, "to wait for a task"))
        except FailureError as error:
            raise Refused(_text(error)) from error
        except PolyrhythmError as error:
            raise Refused(f"the result of {served.name}: {error}") from error

    async def _tell(self, call: Call, state: State) -> None:
        said = self._state(call, state)
        await patiently(
            lambda: self._ledger.results.put(said, call.signature, call.delivery.again),
            "to write a state",
        )

    def _success(self, call: Call, results: list[Typed]) -> Outcome:
        state = self._state(call, State.SUCCESS)
        state.results = results
        return Outcome([state], after_success(call.signature, results))

    def _failure(self, call: Call, error: str) -> Outcome:
        if call.signature.retry_count > 0:
            following = again(call.signature, time.time_ns())
            return Outcome([self._state(call, State.RETRY)], [following])
        state = self._state(call, State.FAILURE)
        state.error = error
        return Outcome([state], after_failure(call.signature, error))

    def _state(self, call: Call, state: State) -> TaskState:
        one = call.signature
        return TaskState(one.uuid, one.name, state, created_ns=call.created_ns)

    async def _close_group(self, call: Call) -> None:
        """Send a chord's callback if this was the last member to end, or have it fail."""
        callback = call.signature.chord_callback
        assert callback is not None
        async with self._ledger.results.chord(call.signature) as states:
            if states is None:
                return
            failed = next((one for one in states if one.state is State.FAILURE), None)
            if failed is None:
                ready = after_group(callback, [one.results for one in states])
                await self._ledger.send([ready])
                return
            text = f"member {failed.uuid} of the group failed: {failed.error}"
            state = TaskState(callback.uuid, callback.name, State.FAILURE, error=text)
            state.created_ns = time.time_ns()
            await self._ledger.results.put(state, callback, again=True)
            await self._ledger.send(after_failure(callback, text))

    async def _pass_on(self, delivery: Delivery, signature: Signature) -> None:
        """Offer a message to other workers, who may have its task; bury it in the end."""
        broker, count = self._ledger.broker, returns(signature)
        if signature.ignore_unknown:
            await patiently(lambda: broker.finish(delivery), "to let a message go")
            return
        if count >= RETURNS_MAX:
            reason = f"no worker took the task {signature.name!r} in {count} offers"
            call = Call(delivery, signature, time.time_ns())
            call.signature.retry_count = 0
            outcome = self._failure(call, reason)
            await patiently(
                lambda: self._ledger.settle(delivery, signature, outcome), "to settle a message"
            )
            await self._after_end(call)
            await self._bury(delivery, reason)
            return
        wait_s = 1
        for _ in range(count):
            wait_s = fibonacci_above(wait_s)
        LOG.warning("no task %r here: offered to others in %d s", signature.name, wait_s)
        following = returned(signature)
        await patiently(
            lambda: broker.hand_back(delivery, following, wait_s), "to hand a message back"
        )

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        LOG.error("a message is dead: %s", reason)
        await patiently(
            lambda: self._ledger.broker.bury(delivery, reason), "to keep a dead message"
        )


async def _insistently(work: Callable[[], Awaitable[T]], what: str) -> T:
    """Do what `patiently` does, also where the broker refuses: somebody may set that right."""
    while True:
        try:
            return await patiently(work, what)
        except PolyrhythmError as error:
            LOG.error("%s: %s; asked again in %d s", what, error, PAUSE_S_MAX)
            await asyncio.sleep(PAUSE_S_MAX)


def _text(error: FailureError) -> str:
    """Return what a Go worker would write: the innermost message."""
    below: BaseException = error
    while below.__cause__ is not None:
        below = below.__cause__
    return getattr(below, "message", "") or str(below) or type(below).__name__
