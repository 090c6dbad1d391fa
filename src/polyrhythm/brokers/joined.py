"""Any broker with any place for results: an outcome in steps, each of which may be done again.

States come before what follows from them, as with the Go workers, so whoever waits for a task is
told even if what follows is late. A crash between two steps leaves the message in hand: whoever
takes it next does all of them again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from polyrhythm.brokers.machinery.signature import Signature
from polyrhythm.brokers.machinery.states import TaskState
from polyrhythm.brokers.port import Broker, Delivery, Outcome, Results


class JoinedLedger:
    """A broker and a place for results that know nothing of each other."""

    def __init__(self, broker: Broker, results: Results) -> None:
        self.broker = broker
        self.results = results

    async def settle(self, delivery: Delivery, signature: Signature, outcome: Outcome) -> None:
        """Write states, then send what follows."""
        for state in outcome.states:
            await self.results.put(state, signature, delivery.again)
        await self.send(outcome.sends)

    async def send(self, signatures: Sequence[Signature]) -> None:
        """Write the state of each as pending, then send them."""
        for one in signatures:
            pending = TaskState(one.uuid, one.name, created_ns=time.time_ns())
            await self.results.put(pending, one, again=False)
        await self.broker.publish(signatures)
