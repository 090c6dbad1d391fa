"""JSON bytes to values of a type; a type is compiled once and kept.

msgspec's decoder does nearly all; `_make` is what it asks for classes that it does not know. Types
that it refuses altogether, and values that it refuses for a liberty of their writer, are read again
by `shapes.py`. Nothing is looked up by a name that stands in the data, and nothing is unpickled.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, get_origin

import msgspec
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from polyrhythm.sdk.errors import PayloadError
from polyrhythm.sdk.values.custom import Customs
from polyrhythm.sdk.values.shapes import Shapes

Reader = Callable[[bytes], Any]
PLAIN = (str, int, float)
# Classes that shapes.py makes and msgspec would leave to us without their arguments' types.
COLLECTIONS = frozenset((deque, defaultdict, OrderedDict, Counter))
WRONG = (TypeError, ValueError, msgspec.MsgspecError, ParseError)


class Readers:
    """The readers of all types seen so far."""

    def __init__(self, customs: Customs) -> None:
        self._customs = customs
        self._known: dict[Any, Reader] = {}
        self._shapes = Shapes(self._leaf)
        self._any = msgspec.json.Decoder().decode

    def reader(self, kind: Any) -> Reader:
        """Return the function from JSON to a value of the type; it raises PayloadError."""
        try:
            known = self._known.get(kind)
            if known is None:
                known = self._known[kind] = self._compile(kind)
        except TypeError:  # the type has something unhashable in it
            known = self._compile(kind)
        return known

    def _compile(self, kind: Any) -> Reader:
        if kind is Any or kind is object or kind is None:
            return self._guarded(self._any, self._any, kind)
        validator = getattr(kind, "__pydantic_validator__", None)
        if validator is not None and kind not in self._customs:
            return self._guarded(validator.validate_json, validator.validate_json, kind)
        slow = self._slow(kind)
        if (get_origin(kind) or kind) in COLLECTIONS:
            return self._guarded(slow, slow, kind)
        try:
            fast: Reader = msgspec.json.Decoder(kind, dec_hook=self._make).decode
        except TypeError:
            fast = slow
        return self._guarded(fast, slow, kind)

    def _slow(self, kind: Any) -> Reader:
        shapes = self._shapes

        def slow(data: bytes) -> Any:
            return shapes.reader(kind)(self._any(data))

        return slow

    def _guarded(self, fast: Reader, slow: Reader, kind: Any) -> Reader:
        """Try the fast reader, then the slow one; what both refuse is told in the fast one's words.

        Only a value of the wrong shape is read again; what is no JSON is none for both.
        """

        def read(data: bytes) -> Any:
            try:
                return fast(data)
            except WRONG as error:
                if isinstance(error, msgspec.ValidationError) and slow is not fast:
                    try:
                        return slow(data)
                    except WRONG:
                        pass
                raise PayloadError(_explain(data, kind, error)) from error

        return read

    def _leaf(self, parts: Any, kind: Any) -> Any:
        return msgspec.convert(parts, kind, dec_hook=self._make)

    def _make(self, kind: Any, parts: Any) -> Any:
        """Make a value of a class that msgspec does not know."""
        plain = get_origin(kind) or kind
        custom = self._customs.get(plain)
        if custom is not None:
            return custom.make(parts)
        if plain in COLLECTIONS:
            return self._shapes.reader(kind)(parts)
        validate = getattr(plain, "model_validate", None)
        if validate is not None and hasattr(plain, "__pydantic_validator__"):
            # As JSON and not as Python values, so that models in strict mode read their own output.
            return plain.__pydantic_validator__.validate_json(msgspec.json.encode(parts))
        if isinstance(plain, type):
            if issubclass(plain, Message):
                return ParseDict(parts, plain(), ignore_unknown_fields=True)
            if issubclass(plain, PurePath):
                return plain(parts)
            for base in PLAIN:
                if issubclass(plain, base) and isinstance(parts, base):
                    return plain(parts)
        raise ValueError(f"{name_of(kind)} is no type that JSON can be read as")


def _explain(data: bytes, kind: Any, error: Exception) -> str:
    if isinstance(error, msgspec.DecodeError) and not isinstance(error, msgspec.ValidationError):
        odd = next((w for w in (b"NaN", b"Infinity") if w in data), None)
        return f"JSON has no {odd.decode()}" if odd else f"not JSON: {error}"
    return f"not a {name_of(kind)}: {error}"


def name_of(kind: Any) -> str:
    """A type as its user wrote it."""
    plain = isinstance(kind, type) and get_origin(kind) is None
    return kind.__qualname__ if plain else str(kind).replace("typing.", "")
