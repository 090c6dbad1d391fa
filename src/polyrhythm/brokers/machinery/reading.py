"""JSON as Go reads it: keys match whatever their case, unknown ones are passed over.

What cannot be read is `BadMessage`, with the reason; nothing of a message is ever evaluated. A
pickled payload, as Celery's, is named as what it is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

from polyrhythm.base.limits import MESSAGE_BYTES_MAX
from polyrhythm.brokers.errors import BadMessage

T = TypeVar("T")
# The first bytes of a pickle of protocol 2 to 5.
PICKLE_STARTS = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))


class Fields:
    """The members of a JSON object, asked for by name and type."""

    __slots__ = ("_members", "_what")

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, dict):
            raise BadMessage(f"{what} is {_shown(value)}, not an object")
        self._members: Mapping[str, Any] = {key.lower(): item for key, item in value.items()}
        self._what = what

    def get(self, name: str, kind: type[T], absent: T) -> T:
        """Return a member, `absent` if it is missing or null. Raises BadMessage."""
        value = self._members.get(name.lower())
        if value is None:
            return absent
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise BadMessage(f"{self._what}.{name} is {_shown(value)}, not {kind.__name__}")
        return value

    def raw(self, name: str) -> Any:
        """Return a member as it is, None if it is missing."""
        return self._members.get(name.lower())


def parse_json(body: bytes) -> Any:
    """Return the value of a JSON text. Raises BadMessage."""
    if len(body) > MESSAGE_BYTES_MAX:
        raise BadMessage(f"a message of {len(body)} bytes; {MESSAGE_BYTES_MAX} is the limit")
    if not body:
        raise BadMessage("a message without a body")
    if body.startswith(PICKLE_STARTS):
        raise BadMessage("a pickled message, which is never read: let the producer send JSON")
    try:
        # Decoded here: the reader of bytes would guess other encodings, which Go does not read.
        return json.loads(body.decode(), parse_constant=_refuse_constant, parse_float=_parse_float)
    except RecursionError as error:
        raise BadMessage("a message nested too deep") from error
    except ValueError as error:
        raise BadMessage(f"not JSON: {error}") from error


def encode_json(value: object) -> bytes:
    """Return a value as the JSON text that Go writes, but for its escapes. Raises BadMessage."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise BadMessage(f"cannot be written as JSON: {error}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is out of range")
    return number


def _shown(value: object) -> str:
    return "null" if value is None else type(value).__name__
