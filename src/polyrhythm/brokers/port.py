"""What the library needs of a broker: messages in and out, states of tasks, one way to settle.

A delivery stays the broker's until it is settled, so a process that dies loses none. A `Ledger` is
a broker and a place for results as one; `joined` makes one of any two, and a broker that is both
may have its own, in which an outcome is one commit. Whatever cannot be reached is `BrokerDown`:
what was asked may or may not have happened, and is to be asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from polyrhythm.brokers.machinery.signature import Signature
from polyrhythm.brokers.machinery.states import TaskState


@dataclass(slots=True)
class Delivery:
    """A message in hand. `again`: it was in somebody's hand before; `tag` is the broker's own."""

    body: bytes
    again: bool = False
    tag: Any = None


@dataclass(slots=True)
class DeadMessage:
    """A message that nobody can take, why, and since when (nanoseconds since 1970)."""

    body: bytes
    reason: str
    buried_ns: int


@dataclass(slots=True)
class Outcome:
    """What is written and sent when a message is settled, in this order."""

    states: list[TaskState] = field(default_factory=list)
    sends: list[Signature] = field(default_factory=list)


class Broker(Protocol):
    """Queues of messages."""

    async def open(self) -> None:
        """Connect. Raises BrokerDown, and InvalidArgument for what can never work."""

    async def start(self) -> None:
        """Begin to take part as a worker of the queue."""

    async def close(self) -> None:
        """Give back what was taken and not begun, and let the connection go."""

    async def publish(self, signatures: Sequence[Signature]) -> None:
        """Send messages, each to its routing key, now or at its ETA; durable when this returns."""

    async def take(self) -> Delivery:
        """Wait for the next message of this worker's queue. Raises BrokerDown."""

    async def finish(self, delivery: Delivery) -> None:
        """Let go of a message that is dealt with."""

    async def hand_back(self, delivery: Delivery, signature: Signature, wait_s: float) -> None:
        """Offer a message to others after a while, as `signature` says it now."""

    async def bury(self, delivery: Delivery, reason: str) -> None:
        """Put a message with the dead ones."""

    async def dead(self, count: int) -> list[DeadMessage]:
        """Return the oldest dead messages, which stay there."""

    async def revive(self, count: int) -> int:
        """Send the oldest dead messages again; return how many."""


class Results(Protocol):
    """States of tasks and records of groups. `keeps`: a state that is read stays to be read."""

    keeps: bool

    async def open(self) -> None:
        """Connect. Raises BrokerDown."""

    async def close(self) -> None:
        """Let the connection go."""

    async def put(self, state: TaskState, signature: Signature, again: bool) -> None:
        """Write a state; an ended one of a group's member counts for the group.

        `again`: it may have been written before.
        """

    async def get(self, uuid: str) -> TaskState | None:
        """Return the state of a task, None if there is none or none yet."""

    async def open_group(self, uuid: str, members: Sequence[str]) -> None:
        """Write down who is in a group."""

    def chord(self, signature: Signature) -> AbstractAsyncContextManager[list[TaskState] | None]:
        """The states of a member's group if all have ended and nobody has sent the callback.

        While it is entered nobody else gets them; the callback counts as sent when it is left
        without an error. None: not yet, or done already.
        """


class Ledger(Protocol):
    """A broker and a place for results, as one."""

    @property
    def broker(self) -> Broker:
        """The queues."""

    @property
    def results(self) -> Results:
        """The states."""

    async def settle(self, delivery: Delivery, signature: Signature, outcome: Outcome) -> None:
        """Write states, send what follows, with its state; the delivery stays in hand."""

    async def send(self, signatures: Sequence[Signature]) -> None:
        """Write the state of each as pending, then send them."""
