"""The producer's side: calls, chains, groups and chords, checked to the last argument.

What a Go worker could not run is refused here, since it would stop that worker for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import TypedDict, Unpack

from polyrhythm.brokers.machinery import composing
from polyrhythm.brokers.machinery.kinds import Typed, typed
from polyrhythm.brokers.machinery.signature import Signature, check_signature
from polyrhythm.brokers.port import Ledger
from polyrhythm.dialects.machinery.replies import GroupReply, Reply
from polyrhythm.sdk.client.session import new_id


class CallSettings(TypedDict, total=False):
    """What a call may be told beside its arguments.

    `eta_ns`: not before that time, nanoseconds since 1970. `retries`: how often it is tried again,
    after 1, 2, 3, 5, 8 s and so on. `immutable`: its results are not given to what follows.
    `ignore_unknown`: a worker without the task drops it. `queue`: the routing key.
    """

    uuid: str
    queue: str
    eta_ns: int
    priority: int
    retries: int
    immutable: bool
    ignore_unknown: bool
    headers: Mapping[str, str]
    on_success: Sequence[Signature]
    on_error: Sequence[Signature]


def call(name: str, /, *args: Any, **settings: Unpack[CallSettings]) -> Signature:
    """Return a call of a task by its name; `typed(7, "int32")` says an argument's type.

    Raises WrongValue for an argument that Machinery has no type for.
    """
    values: list[Typed] = [typed(arg) for arg in args]
    return Signature(
        name,
        values,
        uuid=settings.get("uuid", ""),
        routing_key=settings.get("queue", ""),
        eta_ns=settings.get("eta_ns"),
        priority=settings.get("priority", 0),
        retry_count=settings.get("retries", 0),
        immutable=settings.get("immutable", False),
        ignore_unknown=settings.get("ignore_unknown", False),
        headers=dict(settings.get("headers", {})),
        on_success=list(settings.get("on_success", ())),
        on_error=list(settings.get("on_error", ())),
    )


class Sender:
    """Sends through a ledger; what it returns waits for results there."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def send(self, signature: Signature) -> Reply:
        """Send one call. Raises BadMessage, WrongValue, BrokerDown."""
        one = composing.single(signature, new_id)
        check_signature(one)
        await self._ledger.send([one])
        return self.reply(one.uuid)

    async def send_chain(self, *signatures: Signature) -> Reply:
        """Send calls of which each gets the results of the one before; the reply is the last's."""
        links = composing.chain(signatures, new_id)
        check_signature(links[0])
        await self._ledger.send(links[:1])
        before = [one.uuid for one in links[:-1]]
        return Reply(self._ledger.results, links[-1].uuid, before)

    async def send_group(self, *signatures: Signature) -> GroupReply:
        """Send calls that run beside one another."""
        return await self._send_group(composing.group(signatures, new_id))

    async def send_chord(self, callback: Signature, *signatures: Signature) -> Reply:
        """Send a group, whose results its workers give to `callback` when all have ended."""
        made = composing.chord(signatures, callback, new_id)
        await self._send_group(made)
        ready = made.members[0].chord_callback
        assert ready is not None
        return Reply(self._ledger.results, ready.uuid, [one.uuid for one in made.members])

    def reply(self, uuid: str) -> Reply:
        """Return what waits for a task by its id."""
        return Reply(self._ledger.results, uuid, [])

    async def _send_group(self, made: composing.Group) -> GroupReply:
        for one in made.members:
            check_signature(one)
        await self._ledger.results.open_group(made.uuid, [one.uuid for one in made.members])
        await self._ledger.send(made.members)
        return GroupReply([self.reply(one.uuid) for one in made.members])
