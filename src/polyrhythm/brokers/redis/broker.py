"""A queue of Machinery on Redis, at least once on our side.

A message moves from the queue's list into a list of this worker in one step, and stays there until
it is settled. Workers say that they live; what a silent one had in hand is adopted by the others.
Delayed messages of all queues are in one sorted set, from which every worker, theirs and ours,
moves what is due. Go peers pop the same list and see none of our keys. Needs Redis 6.2.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from polyrhythm.base.errors import FailedPrecondition, PolyrhythmError
from polyrhythm.base.limits import DEAD_MESSAGES_MAX, DELAYED_BATCH_MAX
from polyrhythm.brokers.ending import end_tasks
from polyrhythm.brokers.errors import BadMessage, BrokerDown
from polyrhythm.brokers.machinery.composing import revived
from polyrhythm.brokers.machinery.signature import Signature, decode_signature, encode_signature
from polyrhythm.brokers.port import DeadMessage, Delivery
from polyrhythm.brokers.redis.connect import RedisSettings, close_client, mapped, open_client
from polyrhythm.brokers.redis.graves import decode_dead, encode_dead
from polyrhythm.brokers.redis.keys import Keys
from polyrhythm.brokers.redis.scripts import BURY, GIVE_BACK, RELEASE

LOG = logging.getLogger("polyrhythm.brokers")
VERSION_MIN = (6, 2)
TAKE_S = 1.0
# How often delayed messages are looked for; a poll is one short command.
RELEASE_S = 0.1
# Signs of life within one lease.
SIGNS = 6


class RedisBroker:
    """Queues on one Redis, and what this worker has in hand of one of them."""

    def __init__(self, settings: RedisSettings, worker: str) -> None:
        self.settings = settings
        self.keys = Keys(settings.queue, settings.delayed_key, worker)
        self._client: Any = None
        self._held: Counter[bytes] = Counter()
        # Workers that said nothing for a lease, whose messages anybody may take.
        self._silent: deque[str] = deque()
        # Set while a message may come into our list without our hearing of it; then, what was found
        # there, and whether it was in another hand before.
        self._unsure = False
        self._unsure_again = False
        self._unheard: deque[tuple[bytes, bool]] = deque()
        self._keeping: list[asyncio.Task[None]] = []

    @property
    def client(self) -> Any:
        """The client. Raises BrokerDown while there is none."""
        if self._client is None:
            raise BrokerDown("Redis is not connected")
        return self._client

    async def open(self) -> None:
        """Connect. Raises BrokerDown, and FailedPrecondition for what can never work."""
        self._client = await open_client(self.settings)
        with mapped("answer"):
            info = await self.client.info("server")
        if "redis_version" not in info:
            info = next(iter(info.values()))
        version = tuple(int(part) for part in str(info["redis_version"]).split(".")[:2])
        if version < VERSION_MIN:
            raise FailedPrecondition(f"Redis 6.2 or later is needed, not {info['redis_version']}")

    async def start(self) -> None:
        """Begin to take part as a worker: signs of life, adoption, delayed messages."""
        await self._sign()
        interval_s = self.settings.lease_s / SIGNS
        self._keeping = [
            asyncio.create_task(_repeat(self._keep, interval_s)),
            asyncio.create_task(_repeat(self._release, RELEASE_S)),
        ]

    async def close(self) -> None:
        """Leave what is in hand to be adopted at once, and let the connection go."""
        await end_tasks(self._keeping)
        if self._keeping:
            with suppress(PolyrhythmError), mapped("end"):
                await self._give_back()
                left = await self.client.llen(self.keys.in_hand())
                if left:
                    await self.client.zadd(self.keys.workers, {self.keys.worker: 0})
                else:
                    await self.client.zrem(self.keys.workers, self.keys.worker)
        self._keeping = []
        client, self._client = self._client, None
        if client is not None:
            await close_client(client)

    async def publish(self, signatures: Sequence[Signature]) -> None:
        """Send messages, each to its routing key, now or at its ETA."""
        with mapped("take messages"):
            for command in self.commands(signatures):
                await self.client.execute_command(*command)

    def commands(self, signatures: Sequence[Signature]) -> list[list[Any]]:
        """Return what sends messages: a push each, or a place among the delayed ones."""
        now_ns = time.time_ns()
        made: list[list[Any]] = []
        for one in signatures:
            one.routing_key = one.routing_key or self.settings.queue
            body = encode_signature(one)
            if one.eta_ns is not None and one.eta_ns > now_ns:
                made.append(["ZADD", self.settings.delayed_key, str(one.eta_ns), body])
            else:
                made.append(["RPUSH", one.routing_key, body])
        return made

    async def take(self) -> Delivery:
        """Wait for the next message. Raises BrokerDown."""
        while True:
            if self._unsure:
                await self._look_for_lost()
            if self._unheard:
                return self._hold(*self._unheard.popleft())
            adopted = await self._adopt()
            if adopted is not None:
                return self._hold(adopted, again=True)
            self._unsure, self._unsure_again = True, False
            with mapped("give a message"):
                body = await self.client.blmove(
                    self.settings.queue, self.keys.in_hand(), TAKE_S, "LEFT", "RIGHT"
                )
            self._unsure = False
            if body is not None:
                return self._hold(body, again=False)

    async def finish(self, delivery: Delivery) -> None:
        """Take a message out of our hands."""
        with mapped("let a message go"):
            await self.client.lrem(self.keys.in_hand(), 1, delivery.body)
        self._let_go(delivery)

    async def hand_back(self, delivery: Delivery, signature: Signature, wait_s: float) -> None:
        """Put a message among the delayed ones, from where any worker moves it to its queue."""
        signature.routing_key = signature.routing_key or self.settings.queue
        due_ns = time.time_ns() + int(wait_s * 1e9)
        with mapped("take a message back"):
            await self.client.zadd(
                self.settings.delayed_key, {encode_signature(signature): str(due_ns)}
            )
        await self.finish(delivery)

    async def bury(self, delivery: Delivery, reason: str) -> None:
        """Put a message with the dead ones of its queue; the oldest go when there are too many."""
        record = encode_dead(DeadMessage(delivery.body, reason, time.time_ns()))
        keys = (self.keys.in_hand(), self.keys.dead)
        with mapped("keep a dead message"):
            await self.client.eval(BURY, 2, *keys, delivery.body, record)
            await self.client.ltrim(self.keys.dead, -DEAD_MESSAGES_MAX, -1)
        self._let_go(delivery)

    async def dead(self, count: int) -> list[DeadMessage]:
        """Return the oldest dead messages."""
        with mapped("list dead messages"):
            records = await self.client.lrange(self.keys.dead, 0, count - 1)
        return [decode_dead(record) for record in records]

    async def revive(self, count: int) -> int:
        """Send the oldest dead messages again; return how many."""
        with mapped("revive messages"):
            records = await self.client.lrange(self.keys.dead, 0, count - 1)
            for record in records:
                body = revived(decode_dead(record).body)
                await self.client.rpush(self.settings.queue, body)
                await self.client.lrem(self.keys.dead, 1, record)
        return len(records)

    def _hold(self, body: bytes, again: bool) -> Delivery:
        self._held[body] += 1
        return Delivery(body, again)

    def _let_go(self, delivery: Delivery) -> None:
        self._held[delivery.body] -= 1
        if self._held[delivery.body] <= 0:
            del self._held[delivery.body]

    async def _look_for_lost(self) -> None:
        """Take up what lies in our list and was never heard of: its answer was lost.

        NOTE: a message leaves the list before it leaves `_held`, so none is found twice.
        """
        with mapped("say what is in hand"):
            bodies = await self.client.lrange(self.keys.in_hand(), 0, -1)
        again = self._unsure_again
        self._unheard.extend((body, again) for body in (Counter(bodies) - self._held).elements())
        self._unsure = False

    async def _sign(self) -> None:
        with mapped("hear signs of life"):
            await self.client.zadd(self.keys.workers, {self.keys.worker: time.time()})

    async def _keep(self) -> None:
        """Say that we live, and see who does not."""
        await self._sign()
        with mapped("name silent workers"):
            silent = await self.client.zrangebyscore(
                self.keys.workers, "-inf", time.time() - self.settings.lease_s
            )
        names = [name.decode() for name in silent]
        with mapped("hand over delayed messages"):
            for name in names:
                while await self.client.lmove(
                    self.keys.due(name), self.keys.due(), "LEFT", "RIGHT"
                ):
                    pass
        self._silent = deque(names)

    async def _adopt(self) -> bytes | None:
        """Take one message of a silent worker; others take the next, so that they are shared."""
        keys = self.keys
        while self._silent:
            worker = self._silent[0]
            self._unsure = self._unsure_again = True
            with mapped("hand over messages"):
                body: bytes | None = await self.client.lmove(
                    keys.in_hand(worker), keys.in_hand(), "LEFT", "RIGHT"
                )
                self._unsure = False
                if body is not None:
                    LOG.warning("worker %s fell silent: a message of it is taken over", worker)
                    return body
                await self.client.zrem(keys.workers, worker)
            if self._silent and self._silent[0] == worker:
                self._silent.popleft()
        return None

    async def _release(self) -> None:
        """Move what is due to its queues: first into our own list, so that a crash loses none."""
        keys = self.keys
        with mapped("move delayed messages"):
            while True:
                due = await self.client.eval(
                    RELEASE, 2, keys.delayed, keys.due(), str(time.time_ns()), DELAYED_BATCH_MAX
                )
                moving = await self.client.lrange(keys.due(), 0, -1)
                for body in moving:
                    await self._move(body)
                if len(due) < DELAYED_BATCH_MAX:
                    return

    async def _move(self, body: bytes) -> None:
        try:
            target = decode_signature(body).routing_key or self.settings.queue
        except BadMessage as error:
            LOG.warning("a delayed message is dead: %s", error)
            record = encode_dead(DeadMessage(body, str(error), time.time_ns()))
            await self.client.rpush(self.keys.dead, record)
        else:
            await self.client.rpush(target, body)
        await self.client.lrem(self.keys.due(), 1, body)

    async def _give_back(self) -> None:
        """Return to the queue what was taken and nobody began."""
        for body, _ in [*self._unheard]:
            await self.client.eval(GIVE_BACK, 2, self.keys.in_hand(), self.settings.queue, body)
        self._unheard.clear()


async def _repeat(step: Any, interval_s: float) -> None:
    """Do a step for ever, at an interval; what fails is said once until it works again."""
    failing = False
    while True:
        try:
            await step()
            failing = False
        except PolyrhythmError as error:
            if not failing:
                LOG.warning("%s; it is tried again", error)
            failing = True
        await asyncio.sleep(interval_s)
