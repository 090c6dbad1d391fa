"""The 29 types of arguments and results, and what a value of each looks like in JSON.

A value is read by its declared type, never by its look: a float may be written `1`, an integer
never `1.0`; one of 32 bits is rounded to them. Ranges are checked on both sides, because Go cuts
what does not fit without a word. Lists of bytes are base64 texts. An unknown type stops a Go worker
for good, so nothing leaves here unchecked.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from polyrhythm.brokers.errors import WrongValue

BYTES = ("[]byte", "[]uint8")
RANGES = {
    "int": (-(2**63), 2**63 - 1),
    "int8": (-(2**7), 2**7 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint": (0, 2**64 - 1),
    "uint8": (0, 2**8 - 1),
    "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
SCALARS = ("bool", *RANGES, "float32", "float64", "string")
KINDS = (*SCALARS, *(f"[]{scalar}" for scalar in SCALARS), "[]byte")
FLOAT32 = struct.Struct("<f")
GUESSES = {bool: "bool", int: "int64", float: "float64", str: "string"}


@dataclass(slots=True)
class Typed:
    """One argument or result: its type by Go's name, and its value as it stands in JSON.

    `name` travels with arguments and means nothing: they are positional.
    """

    kind: str
    wire: Any
    name: str = ""


def typed(value: object, kind: str = "") -> Typed:
    """Return a Python value with its type; guessed if it is not said. Raises WrongValue.

    `int` is guessed as int64, `float` as float64, `bytes` as []byte, a list by its first item.
    """
    if isinstance(value, Typed):
        return value
    kind = kind or guess_kind(value)
    return Typed(kind, encode_value(kind, value))


def guess_kind(value: object) -> str:
    """Return the type that fits a Python value. Raises WrongValue."""
    if isinstance(value, (bytes, bytearray)):
        return "[]byte"
    if isinstance(value, (list, tuple)):
        if not value:
            raise WrongValue("an empty list does not say its type: typed([], '[]int64')")
        inner = guess_kind(value[0])
        if inner.startswith("[]"):
            raise WrongValue("lists of lists have no type in Machinery")
        return f"[]{inner}"
    kind = GUESSES.get(type(value), "")
    if not kind:
        raise WrongValue(f"{type(value).__name__} has no type in Machinery, only {_known()}")
    if kind == "int64" and isinstance(value, int) and value > RANGES["int64"][1]:
        return "uint64"
    return kind


def encode_value(kind: str, value: object) -> Any:
    """Return a Python value as it stands in JSON. Raises WrongValue."""
    if kind in BYTES:
        return base64.b64encode(_bytes_of(kind, value)).decode("ascii")
    if kind.startswith("[]") and kind in KINDS:
        if not isinstance(value, (list, tuple)):
            raise _wrong(kind, value)
        return [_scalar(kind[2:], item) for item in value]
    return _scalar(kind, value)


def decode_value(typed_value: Typed) -> Any:
    """Return the Python value of an argument or result. Raises WrongValue.

    A list may be null, which is the empty one; bytes may be base64 or a list of numbers.
    """
    kind, wire = typed_value.kind, typed_value.wire
    if kind in BYTES:
        if isinstance(wire, str):
            try:
                return base64.b64decode(wire, validate=True)
            except (binascii.Error, ValueError) as error:
                raise WrongValue(f"{kind} is not base64: {error}") from error
        return _bytes_of(kind, wire or [])
    if kind.startswith("[]") and kind in KINDS:
        if wire is None:
            return []
        if not isinstance(wire, list):
            raise _wrong(kind, wire)
        return [_scalar(kind[2:], item) for item in wire]
    return _scalar(kind, wire)


def decode_values(values: Sequence[Typed]) -> list[Any]:
    """Return the Python values of arguments or results. Raises WrongValue."""
    return [decode_value(value) for value in values]


def check_kind(kind: str) -> None:
    """Refuse a type that Machinery does not have. Raises WrongValue."""
    if kind not in KINDS:
        raise WrongValue(f"{kind!r} is not a type of Machinery: {_known()}")


def _scalar(kind: str, value: object) -> Any:
    if kind in RANGES:
        low, high = RANGES[kind]
        if type(value) is not int or not low <= value <= high:
            raise _wrong(kind, value)
        return value
    if kind in ("float32", "float64"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _wrong(kind, value)
        return _float(kind, value)
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "string" and isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise WrongValue(f"a text that is not Unicode: {error}") from error
        return value
    check_kind(kind)
    raise _wrong(kind, value)


def _float(kind: str, value: float) -> float:
    try:
        # Go writes the shortest text of a number of 32 bits, which may lie past the largest one.
        number: float = (
            FLOAT32.unpack(FLOAT32.pack(value))[0] if kind == "float32" else float(value)
        )
    except OverflowError as error:
        raise _wrong(kind, value) from error
    if not math.isfinite(number):
        raise _wrong(kind, value)
    return number


def _bytes_of(kind: str, value: object) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if not isinstance(value, (list, tuple)):
        raise _wrong(kind, value)
    return bytes(_scalar("uint8", item) for item in value)


def _wrong(kind: str, value: object) -> WrongValue:
    text = repr(value)
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    return WrongValue(f"{shown} is not a value of {kind}")


def _known() -> str:
    return f"{', '.join(SCALARS)}, lists of them, and bytes"
