"""A queue of Machinery on RabbitMQ: acknowledged last, so a message is delivered until it is done.

When the connection is lost the server gives what was in hand to whoever asks next, marked as
delivered again. Dead messages are in a queue beside, with their reason in a header.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from polyrhythm.brokers.errors import BrokerDown
from polyrhythm.brokers.machinery.composing import revived
from polyrhythm.brokers.machinery.signature import Signature
from polyrhythm.brokers.port import DeadMessage, Delivery
from polyrhythm.brokers.rabbitmq.connect import PASSING, RabbitConnection, RabbitSettings, mapped
from polyrhythm.brokers.rabbitmq.publisher import Publisher

LOG = logging.getLogger("polyrhythm.brokers")
REASON = "polyrhythm-reason"
REASON_CHARACTERS_MAX = 1000
SECOND_NS = 1_000_000_000


class RabbitBroker:
    """Queues on one RabbitMQ, and what this worker has in hand of one of them."""

    def __init__(self, settings: RabbitSettings) -> None:
        self.settings = settings
        self._connection = RabbitConnection(settings)
        self._publisher = Publisher(self._connection, settings)
        self._consuming: AbstractChannel | None = None
        # None says that the connection is lost.
        self._arrived: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()

    async def open(self) -> None:
        """Connect. Raises BrokerDown, and FailedPrecondition for what can never work."""
        settings = self.settings
        if settings.is_direct and settings.binding != settings.queue:
            LOG.warning(
                "the binding key %r is not the queue's name %r: Go producers then fill a queue %r"
                " too, which nobody reads",
                *(settings.binding, settings.queue, settings.binding),
            )
        with mapped("answer"):
            async with self._connection.channel() as channel:
                await self._publisher.declare(channel, settings.queue, settings.binding)

    async def start(self) -> None:
        """Begin to take messages."""
        with mapped("give messages"):
            channel = await self._connection.open_channel()
            await self._publisher.declare(channel, self.settings.queue, self.settings.binding)
            await channel.set_qos(prefetch_count=self.settings.prefetch)
            queue = await channel.get_queue(self.settings.queue, ensure=False)
            arrived: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
            self._arrived = arrived
            channel.close_callbacks.add(lambda *_: arrived.put_nowait(None))
            await queue.consume(arrived.put)
            self._consuming = channel

    async def close(self) -> None:
        """Let the connection go; what was not settled is the queue's again."""
        self._consuming = None
        await self._connection.close()

    async def publish(self, signatures: Sequence[Signature]) -> None:
        """Send messages, each to its routing key, now or at its ETA."""
        await self._publisher.publish(signatures)

    async def take(self) -> Delivery:
        """Wait for the next message. Raises BrokerDown."""
        if self._consuming is None:
            await self.start()
        message = await self._arrived.get()
        if message is None:
            self._consuming = None
            raise BrokerDown("the connection to RabbitMQ was lost")
        return Delivery(message.body, bool(message.redelivered), message)

    async def finish(self, delivery: Delivery) -> None:
        """Acknowledge a message; one of a lost connection comes again instead."""
        with suppress(*PASSING):
            await delivery.tag.ack()

    async def hand_back(self, delivery: Delivery, signature: Signature, wait_s: float) -> None:
        """Send a message to its queue after a while."""
        signature.routing_key = self.settings.binding
        await self._publisher.delay(signature, max(1, int(wait_s * 1000)))
        await self.finish(delivery)

    async def bury(self, delivery: Delivery, reason: str) -> None:
        """Put a message into the queue of the dead ones."""
        message = Message(
            delivery.body,
            headers={REASON: reason[:REASON_CHARACTERS_MAX]},
            delivery_mode=DeliveryMode.PERSISTENT,
            timestamp=time.time(),
        )
        with mapped("keep a dead message"):
            async with self._connection.channel() as channel:
                await channel.declare_queue(self._dead, durable=True)
                await channel.default_exchange.publish(message, self._dead)
        await self.finish(delivery)

    async def dead(self, count: int) -> list[DeadMessage]:
        """Return the oldest dead messages: got, and given back with the channel."""
        with mapped("list dead messages"):
            async with self._connection.channel() as channel:
                return [_dead_of(one) for one in await self._got(channel, count)]

    async def revive(self, count: int) -> int:
        """Send the oldest dead messages again; return how many."""
        with mapped("revive messages"):
            async with self._connection.channel() as channel:
                messages = await self._got(channel, count)
                for one in messages:
                    await self._publisher.requeue(revived(one.body))
                    await one.ack()
        return len(messages)

    @property
    def _dead(self) -> str:
        return f"{self.settings.queue}.dead"

    async def _got(self, channel: AbstractChannel, count: int) -> list[Any]:
        queue = await channel.declare_queue(self._dead, durable=True)
        messages: list[Any] = []
        while len(messages) < count and (one := await queue.get(fail=False)) is not None:
            messages.append(one)
        return messages


def _dead_of(message: AbstractIncomingMessage) -> DeadMessage:
    at = message.timestamp
    buried_ns = int(at.timestamp()) * SECOND_NS if isinstance(at, datetime) else 0
    return DeadMessage(message.body, str(message.headers.get(REASON, "")), buried_ns)
