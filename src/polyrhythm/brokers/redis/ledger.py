"""Queues and results in one database: an outcome and what follows it are one commit.

Not in a cluster, whose keys are apart; there the general order of steps holds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from polyrhythm.brokers.machinery.signature import Signature
from polyrhythm.brokers.machinery.states import TaskState
from polyrhythm.brokers.port import Delivery, Outcome
from polyrhythm.brokers.redis.broker import RedisBroker
from polyrhythm.brokers.redis.connect import mapped
from polyrhythm.brokers.redis.results import RedisResults
from polyrhythm.brokers.redis.scripts import SETTLE


class RedisLedger:
    """A broker and its results on one Redis."""

    def __init__(self, broker: RedisBroker, results: RedisResults) -> None:
        self.broker = broker
        self.results = results

    async def settle(self, delivery: Delivery, signature: Signature, outcome: Outcome) -> None:
        """Write states and send what follows, unless that was done; with it the message is let go,
        but for a member of a chord that has ended: whether it is the last one is seen after this.
        """
        put, in_hand = self.results.command, self.broker.keys.in_hand()
        ends = [put(state) for state in outcome.states if state.ended]
        follows = [put(state) for state in outcome.states if not state.ended]
        follows += [put(_pending(one)) for one in outcome.sends]
        follows += self.broker.commands(outcome.sends)
        if signature.chord_callback is None or not ends:
            follows.append(["LREM", in_hand, "1", delivery.body])
        commands = (_json(ends), _json(follows))
        with mapped("settle a message"):
            await self.broker.client.eval(
                SETTLE, 2, signature.uuid, in_hand, delivery.body, *commands
            )

    async def send(self, signatures: Sequence[Signature]) -> None:
        """Write the state of each as pending and send them, in one commit."""
        commands = [self.results.command(_pending(one)) for one in signatures]
        commands += self.broker.commands(signatures)
        with mapped("take messages"):
            async with self.broker.client.pipeline(transaction=True) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                await pipe.execute()


def _pending(signature: Signature) -> TaskState:
    return TaskState(signature.uuid, signature.name, created_ns=time.time_ns())


def _json(commands: Sequence[Sequence[str | bytes]]) -> str:
    return json.dumps([[_text(part) for part in command] for command in commands])


def _text(part: str | bytes) -> str:
    return part.decode() if isinstance(part, bytes) else part
