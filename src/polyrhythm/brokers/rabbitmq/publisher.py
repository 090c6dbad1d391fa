"""Sends messages to an exchange: declared as Go workers declare it, confirmed by the server.

A direct exchange sends a message to the queue that is bound by its routing key, which is declared
before; a message for later waits in a queue of its own without consumers, from which it dies into
the exchange. Go declares the same, but for one thing: where the binding key is not the queue's name
it also fills a queue of that name, which nobody reads; here that queue is never made.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, FieldValue

from polyrhythm.brokers.errors import BadMessage
from polyrhythm.brokers.machinery.signature import Signature, encode_signature
from polyrhythm.brokers.rabbitmq.connect import RabbitConnection, RabbitSettings, mapped

# A queue for a delay lives twice as long, and the server counts that in 32 bits of milliseconds.
DELAY_MS_MAX = (2**32 - 1) // 2
MS_NS = 1_000_000


class Publisher:
    """The sending side of one connection."""

    def __init__(self, connection: RabbitConnection, settings: RabbitSettings) -> None:
        self._connection = connection
        self._settings = settings
        self._channel: AbstractChannel | None = None
        self._declared: set[str] = set()
        self._opening = asyncio.Lock()

    async def publish(self, signatures: Sequence[Signature]) -> None:
        """Send messages, each now or at its ETA. Raises BadMessage for an ETA too far away."""
        now_ns = time.time_ns()
        delays_ms = [max(0, ((one.eta_ns or 0) - now_ns) // MS_NS) for one in signatures]
        if max(delays_ms, default=0) > DELAY_MS_MAX:
            raise BadMessage("RabbitMQ keeps a message for later for 24 days at most")
        for one, delay_ms in zip(signatures, delays_ms, strict=True):
            one.routing_key = one.routing_key or self._default_key
            await (self.delay(one, delay_ms) if delay_ms else self._send(one))

    async def delay(self, one: Signature, delay_ms: int) -> None:
        """Send a message that reaches its queue after a while."""
        settings = self._settings
        key = one.routing_key or self._default_key
        name = f"delay.{delay_ms}.{settings.exchange}.{key}"
        arguments: dict[str, FieldValue] = {
            "x-dead-letter-exchange": settings.exchange,
            "x-dead-letter-routing-key": key,
            "x-message-ttl": delay_ms,
            "x-expires": delay_ms * 2,
        }
        with mapped("take a message for later"):
            await self._target(key)
            async with self._connection.channel() as channel:
                queue = await channel.declare_queue(name, durable=True, arguments=arguments)
                await queue.bind(settings.exchange, name)
                await self._put(channel, _message(one), name)

    async def requeue(self, body: bytes) -> None:
        """Send bytes to the queue of this worker."""
        with mapped("take a message"):
            await self._target(self._settings.binding)
            message = Message(
                body, content_type="application/json", delivery_mode=DeliveryMode.PERSISTENT
            )
            await self._put(await self._live(), message, self._settings.binding)

    async def declare(self, channel: AbstractChannel, queue: str, key: str) -> None:
        """Declare the exchange and a queue bound to it."""
        settings = self._settings
        await channel.declare_exchange(settings.exchange, settings.exchange_type, durable=True)
        declared = await channel.declare_queue(queue, durable=True)
        await declared.bind(settings.exchange, key)

    @property
    def _default_key(self) -> str:
        return self._settings.binding if self._settings.is_direct else self._settings.queue

    async def _send(self, one: Signature) -> None:
        with mapped("take a message"):
            await self._target(one.routing_key)
            await self._put(await self._live(), _message(one), one.routing_key)

    async def _put(self, channel: AbstractChannel, message: Message, key: str) -> None:
        exchange = await channel.get_exchange(self._settings.exchange, ensure=False)
        await exchange.publish(message, key)

    async def _target(self, key: str) -> None:
        """Declare where a routing key leads, once a channel."""
        channel = await self._live()
        if key in self._declared:
            return
        settings = self._settings
        if settings.is_direct and key != settings.binding:
            await self.declare(channel, key, key)
        else:
            await self.declare(channel, settings.queue, settings.binding)
        self._declared.add(key)

    async def _live(self) -> AbstractChannel:
        async with self._opening:
            lost = not self._connection.is_live
            if self._channel is None or self._channel.is_closed or lost:
                self._declared.clear()
                self._channel = await self._connection.open_channel()
            return self._channel


def _message(one: Signature) -> Message:
    return Message(
        encode_signature(one),
        headers=one.headers,
        content_type="application/json",
        delivery_mode=DeliveryMode.PERSISTENT,
        priority=one.priority,
    )
