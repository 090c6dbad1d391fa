"""Codecs: encryption and compression of payloads on their way out and in.

A codec works on the payloads of whole messages, in the worker and the client and never in the loop,
which sees values only. Which fields of a message lead to payloads is read once from its descriptor.
Search attributes are left alone, because the service reads them; so are headers, if wished.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import lru_cache
from typing import Any, Protocol

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, Payloads, SearchAttributes


class Codec(Protocol):
    """Changes payloads into others and back; `decode` leaves alone what it did not encode."""

    async def encode(self, payloads: list[Payload]) -> list[Payload]:
        """Return as many payloads, to be stored."""
        ...

    async def decode(self, payloads: list[Payload]) -> list[Payload]:
        """Return what was encoded."""
        ...


PAYLOAD = Payload.DESCRIPTOR.full_name
UNREAD = frozenset((SearchAttributes.DESCRIPTOR.full_name,))


async def encode_message(codec: Codec, message: Message) -> None:
    """Encode every payload of a message, in place."""
    await _change(codec.encode, message)


async def decode_message(codec: Codec, message: Message) -> None:
    """Decode every payload of a message, in place."""
    await _change(codec.decode, message)


async def _change(
    change: Callable[[list[Payload]], Awaitable[list[Payload]]], message: Message
) -> None:
    groups = list(payload_groups(message))
    for group in groups:
        changed = await change(group)
        if len(changed) != len(group):
            raise ValueError(f"the codec made {len(changed)} payloads of {len(group)}")
        for payload, replacement in zip(group, changed, strict=True):
            if replacement is not payload:
                payload.CopyFrom(replacement)


def payload_groups(message: Message) -> Iterator[list[Payload]]:
    """The payloads that stand together in a message: those of one `Payloads`, else one by one."""
    if isinstance(message, Payload):
        yield [message]
        return
    if isinstance(message, Payloads):
        if message.payloads:
            yield list(message.payloads)
        return
    for name, repeated, mapped in _paths(message.DESCRIPTOR):
        if mapped:
            for value in getattr(message, name).values():
                yield from payload_groups(value)
        elif repeated:
            for value in getattr(message, name):
                yield from payload_groups(value)
        elif message.HasField(name):
            yield from payload_groups(getattr(message, name))


@lru_cache(maxsize=1024)
def _paths(descriptor: Descriptor) -> tuple[tuple[str, bool, bool], ...]:
    """The fields that lead to payloads: name, repeated, a map."""
    found = []
    for field in descriptor.fields:
        kind = field.message_type
        if kind is None:
            continue
        mapped = kind.GetOptions().map_entry
        target: Any = kind.fields_by_name["value"].message_type if mapped else kind
        if target is not None and _leads(target, frozenset()):
            found.append((field.name, _is_repeated(field), mapped))
    return tuple(found)


def _leads(descriptor: Descriptor, above: frozenset[str]) -> bool:
    name = descriptor.full_name
    if name == PAYLOAD:
        return True
    if name in UNREAD or name in above:
        return False
    above |= {name}
    return any(
        field.message_type is not None and _leads(field.message_type, above)
        for field in descriptor.fields
    )


def _is_repeated(field: FieldDescriptor) -> bool:
    return bool(field.is_repeated)
