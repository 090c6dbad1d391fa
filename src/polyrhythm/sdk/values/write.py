"""Values to JSON bytes, and where in a value it is that has no JSON.

msgspec writes what it knows; `parts_of` takes the rest apart: pydantic models, protobuf messages,
subclasses of plain types, other collections, paths, the user's own types. JSON has no NaN and no
infinity, and msgspec writes null for them; a value that wrote a null is therefore searched. The
search for what is wrong runs only after something was refused, and names the path as `$.a[0].b`.
"""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import PurePath
from typing import Any

import msgspec
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from polyrhythm.sdk.errors import PayloadError
from polyrhythm.sdk.values.custom import Customs

# What a caller passes when nested deeper than the stack: told as a fault of the value.
REFUSED = (
    TypeError,
    ValueError,
    OverflowError,
    RecursionError,
    AttributeError,
    msgspec.MsgspecError,
)
PLAIN = (str, int, float)
CONTAINERS = frozenset((list, tuple, dict, set, frozenset))


def write_with(customs: Customs) -> Callable[[Any], bytes]:
    """Return the function that writes one value; it raises PayloadError."""

    def parts_of(value: Any) -> Any:
        custom = _custom_of(type(value), customs)
        return _parts_of(value) if custom is None else custom.take(value)

    encode = msgspec.json.Encoder(enc_hook=parts_of).encode

    def write(value: Any) -> bytes:
        try:
            data = encode(value)
            if b"null" in data or value.__class__ is float:
                refuse_non_finite(msgspec.to_builtins(value, enc_hook=parts_of))
        except REFUSED as error:
            raise PayloadError(_explain(value, encode, error)) from error
        return data

    return write


def _custom_of(kind: type, customs: Customs) -> Any:
    if customs:
        for base in kind.__mro__:
            custom = customs.get(base)
            if custom is not None:
                return custom
    return None


def _parts_of(value: Any) -> Any:
    """Return a value that msgspec can write in the place of one it cannot."""
    if type(value) in CONTAINERS:  # it knows these: this one is the key of a dict
        raise TypeError(f"a {type(value).__name__} cannot be the key of a JSON object")
    dump = getattr(value, "model_dump", None)
    if dump is not None and hasattr(type(value), "__pydantic_serializer__"):
        return dump(mode="json")
    if isinstance(value, Message):
        return MessageToDict(value)
    for plain in PLAIN:
        if isinstance(value, plain):
            return plain(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence | Set | deque):
        return list(value)
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"a value of type {type(value).__qualname__} cannot be written as JSON")


def refuse_non_finite(parts: Any) -> None:
    """Raise ValueError if plain parts hold a NaN or an infinity."""
    pending = [parts]
    while pending:
        part = pending.pop()
        kind = part.__class__
        if kind is float:
            if not math.isfinite(part):
                raise ValueError(f"JSON has no {part}")
        elif kind is dict:
            pending.extend(part.values())
        elif kind is list or kind is tuple:
            pending.extend(part)


def _explain(value: Any, encode: Callable[[Any], bytes], error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"a value of type {type(value).__qualname__} holds itself, or is nested too deeply"
    path, culprit = _find(value, encode, "$", 0)
    if isinstance(culprit, float):
        return f"JSON has no {culprit}, at {path}; send None or a text in its place"
    kind = type(culprit).__qualname__
    if not isinstance(culprit, PLAIN) and kind not in str(error):
        return f"a value of type {kind}, at {path}, cannot be written: {error}"
    return f"{error}, at {path}; use a dataclass, plain values, or give the App a Custom for it"


def _find(value: Any, encode: Callable[[Any], bytes], path: str, depth: int) -> tuple[str, Any]:
    """Return the path and the value of the innermost part that cannot be written."""
    if depth < 100:
        for step, part in _children(value):
            if isinstance(part, float) and not math.isfinite(part):
                return path + step, part
            try:
                fine = b"null" not in encode(part)
            except REFUSED:
                fine = False
            if not fine:
                found = _find(part, encode, path + step, depth + 1)
                if _is_wrong(found[1], encode):
                    return found
    return path, value


def _is_wrong(value: Any, encode: Callable[[Any], bytes]) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    try:
        encode(value)
    except REFUSED:
        return True
    return False


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield f".{field.name}", getattr(value, field.name, None)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield f"[{key!r}]", part
    elif isinstance(value, list | tuple | Set | deque):
        for index, part in enumerate(value):
            yield f"[{index}]", part
