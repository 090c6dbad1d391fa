"""States of tasks and groups on RabbitMQ, where a queue is all that there is.

Each state is a message in a queue named by the task, and reading takes it away: one reader learns
of an end. A group is a queue too, with the ended states of its members; it is complete when there
are as many as members. All expire. A member's state that is written again is looked for first: one
more would keep Go workers from ever seeing the group complete.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import ChannelClosed

from polyrhythm.brokers.errors import BrokerDown
from polyrhythm.brokers.machinery.signature import Signature
from polyrhythm.brokers.machinery.states import TaskState, decode_state, encode_state
from polyrhythm.brokers.rabbitmq.connect import RabbitConnection, RabbitSettings, mapped


class RabbitResults:
    """States and groups on one RabbitMQ."""

    keeps = False

    def __init__(self, settings: RabbitSettings) -> None:
        self._settings = settings
        self._connection = RabbitConnection(settings)
        self._writing: AbstractChannel | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Connect. Raises BrokerDown."""
        with mapped("answer"):
            async with self._connection.channel() as channel:
                await channel.declare_exchange(
                    self._settings.exchange, self._settings.exchange_type, durable=True
                )

    async def close(self) -> None:
        """Let the connection go."""
        await self._connection.close()

    async def put(self, state: TaskState, signature: Signature, again: bool) -> None:
        """Add a state; an ended one of a group's member to the group as well."""
        of_group = state.ended and signature.group_uuid and signature.group_size
        with mapped("keep a state"):
            channel = await self._writer()
            await self._put(channel, state.uuid, state)
            # A callback that failed is no member, though it is written for one.
            if of_group and state.uuid == signature.uuid:
                group = signature.group_uuid
                if not again or not await self._holds(group, state.uuid):
                    await self._put(channel, group, state)

    async def get(self, uuid: str) -> TaskState | None:
        """Take the states of a task; return the last one."""
        last: TaskState | None = None
        with mapped("read a state"):
            async with self._connection.channel() as channel:
                queue = await self._declare(channel, uuid)
                while (message := await queue.get(fail=False)) is not None:
                    last = decode_state(message.body)
                    await message.ack()
                    if last.ended:
                        await queue.delete(if_unused=False, if_empty=False)
                        return last
        return last

    async def open_group(self, uuid: str, members: Sequence[str]) -> None:
        """Nothing: the members' states make the group."""

    @asynccontextmanager
    async def chord(self, signature: Signature) -> AsyncIterator[list[TaskState] | None]:
        """The states of all members, in the order in which they ended, if nobody else has them.

        They are taken without a consumer, whose end would end the queue with all that is in it.
        """
        with mapped("read a group"):
            channel = await self._connection.open_channel()
        try:
            with mapped("read a group"):
                queue, messages = await self._members(channel, signature)
            states = {one.uuid: one for one in (decode_state(each.body) for each in messages)}
            complete = len(states) == signature.group_size
            yield list(states.values()) if complete else None
            if complete and queue is not None:
                with mapped("end a group"):
                    for message in messages:
                        await message.ack()
                    await queue.delete(if_unused=False, if_empty=False)
        finally:
            with mapped("read a group"):
                await channel.close()

    async def _members(
        self, channel: AbstractChannel, signature: Signature
    ) -> tuple[AbstractQueue | None, list[AbstractIncomingMessage]]:
        """Take what a group's queue has, if that is enough."""
        try:
            queue = await channel.declare_queue(signature.group_uuid, passive=True)
        except ChannelClosed:
            # There is no such queue, or a Go worker has it for itself: it sends the callback.
            return None, []
        count = queue.declaration_result.message_count or 0
        if count < signature.group_size:
            return queue, []
        messages: list[Any] = []
        while (message := await queue.get(fail=False)) is not None:
            messages.append(message)
        if len(messages) < count:
            raise BrokerDown("another worker reads the same group")
        return queue, messages

    async def _holds(self, group: str, uuid: str) -> bool:
        """Whether a group's queue has a member's state; it is left as it was."""
        async with self._connection.channel() as channel:
            queue = await self._declare(channel, group)
            messages: list[Any] = []
            while (message := await queue.get(fail=False)) is not None:
                messages.append(message)
            return any(decode_state(one.body).uuid == uuid for one in messages)

    async def _writer(self) -> AbstractChannel:
        """Return the channel that states are written on; nothing is got on it."""
        async with self._opening:
            channel = self._writing
            if channel is None or channel.is_closed or not self._connection.is_live:
                channel = self._writing = await self._connection.open_channel()
            return channel

    async def _put(self, channel: AbstractChannel, name: str, state: TaskState) -> None:
        await self._declare(channel, name)
        exchange = await channel.get_exchange(self._settings.exchange, ensure=False)
        message = Message(
            encode_state(state),
            content_type="application/json",
            delivery_mode=DeliveryMode.PERSISTENT,
        )
        await exchange.publish(message, name)

    async def _declare(self, channel: AbstractChannel, name: str) -> AbstractQueue:
        expires_ms = self._settings.results_s * 1000
        queue = await channel.declare_queue(
            name,
            durable=False,
            auto_delete=True,
            arguments={"x-message-ttl": expires_ms, "x-expires": expires_ms},
        )
        await queue.bind(self._settings.exchange, name)
        return queue
