"""States of tasks and records of groups on Redis: one key each, which expires.

A group is complete when every member's state says that it has ended; whoever sees that first under
the lock of the Go peers sends the chord's callback, then says so in the group's record.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from polyrhythm.brokers.errors import BrokerDown
from polyrhythm.brokers.machinery.signature import Signature
from polyrhythm.brokers.machinery.states import (
    GroupRecord,
    TaskState,
    decode_group,
    decode_state,
    encode_group,
    encode_state,
)
from polyrhythm.brokers.redis.connect import RedisSettings, close_client, mapped, open_client
from polyrhythm.brokers.redis.lock import chord_lock


class RedisResults:
    """States and groups in one database."""

    # A state stays where it is when it is read.
    keeps = True

    def __init__(self, settings: RedisSettings) -> None:
        self.settings = settings
        self._client: Any = None

    @property
    def client(self) -> Any:
        """The client. Raises BrokerDown while there is none."""
        if self._client is None:
            raise BrokerDown("Redis is not connected")
        return self._client

    async def open(self) -> None:
        """Connect. Raises BrokerDown."""
        self._client = await open_client(self.settings)

    async def close(self) -> None:
        """Let the connection go."""
        client, self._client = self._client, None
        if client is not None:
            await close_client(client)

    async def put(self, state: TaskState, signature: Signature, again: bool) -> None:
        """Write a state over the one before."""
        with mapped("keep a state"):
            await self.client.execute_command(*self.command(state))

    def command(self, state: TaskState) -> list[Any]:
        """Return what writes a state."""
        return ["SET", state.uuid, encode_state(state), "EX", str(self.settings.results_s)]

    async def get(self, uuid: str) -> TaskState | None:
        """Return the state of a task."""
        with mapped("read a state"):
            body = await self.client.get(uuid)
        return None if body is None else decode_state(body)

    async def open_group(self, uuid: str, members: Sequence[str]) -> None:
        """Write down who is in a group."""
        await self._put_group(GroupRecord(uuid, list(members), created_ns=time.time_ns()))

    @asynccontextmanager
    async def chord(self, signature: Signature) -> AsyncIterator[list[TaskState] | None]:
        """The states of all members if all have ended and the callback was not sent."""
        group = await self._group(signature.group_uuid)
        if group is None or group.chord_sent or await self._ended(group) is None:
            yield None
            return
        async with chord_lock(self.client):
            group = await self._group(signature.group_uuid)
            states = None if group is None or group.chord_sent else await self._ended(group)
            yield states
            if group is not None and states is not None:
                group.chord_sent = True
                await self._put_group(group)

    async def _group(self, uuid: str) -> GroupRecord | None:
        with mapped("read a group"):
            body = await self.client.get(uuid)
        return None if body is None else decode_group(body)

    async def _put_group(self, group: GroupRecord) -> None:
        with mapped("keep a group"):
            body = encode_group(group)
            await self.client.set(group.uuid, body, ex=self.settings.results_s)

    async def _ended(self, group: GroupRecord) -> list[TaskState] | None:
        """Return the states of a group's members if all have ended."""
        states: list[TaskState] = []
        for uuid in group.members:
            state = await self.get(uuid)
            if state is None or not state.ended:
                return None
            states.append(state)
        return states
