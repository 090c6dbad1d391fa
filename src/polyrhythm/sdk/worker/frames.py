"""What a worker and its child processes say to each other: small records, one a frame.

A frame is four bytes of length, one that says which record it is, and the record in MessagePack.
Nothing is pickled, and values of users are payloads in bytes. The child imports the task by the
names that are sent; a task that cannot be found that way is refused when the worker starts.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import msgspec

from polyrhythm.sdk.retry import Bucket

HEAD = struct.Struct("<IB")


@dataclass(slots=True)
class Begin:
    """Run a task. `info` are the fields of TaskInfo that go over a wire as they are."""

    module: str
    file: str
    name: str
    token: bytes
    info: dict[str, str | int | float]
    input: bytes
    previous: bytes
    # The parts of the caller's retry strategy.
    retry: dict[str, Any] | None


@dataclass(slots=True)
class Stop:
    """The attempt should end: the name of a StopReason."""

    reason: str


@dataclass(slots=True)
class Beat:
    """A heartbeat with serialized Payloads."""

    details: bytes


@dataclass(slots=True)
class Done:
    """The end of an attempt: a serialized Payload, or a serialized Failure."""

    result: bytes = b""
    failure: bytes = b""
    # Of the strategy that applies to the failure.
    bucket: Bucket | None = None
    cancelled: bool = False
    later: bool = False


Record = Begin | Stop | Beat | Done
KINDS: tuple[type[Record], ...] = (Begin, Stop, Beat, Done)
NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
DECODERS = tuple(msgspec.msgpack.Decoder(kind) for kind in KINDS)
ENCODER = msgspec.msgpack.Encoder()


def encode_frame(record: Record) -> bytes:
    """Return a record as a frame."""
    body = ENCODER.encode(record)
    return HEAD.pack(len(body), NUMBERS[type(record)]) + body


def decode_body(number: int, body: bytes) -> Record:
    """Return the record behind a head. Raises msgspec.DecodeError."""
    return DECODERS[number].decode(body)
