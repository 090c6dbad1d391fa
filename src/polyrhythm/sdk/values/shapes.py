"""Reading parts of JSON as types that msgspec refuses, by trying.

Unions of several classes or several kinds of text, enums of mixed values, collections beyond the
plain ones, and the two liberties that other writers take: bytes as a list of numbers, whole numbers
with a point. A type is compiled once into a function from parts to a value; a member of a union is
taken if it reads the parts and knows all their keys, else the first that reads them. Slower than
msgspec by a factor of ten, so it is asked only for what that cannot read.
"""

from __future__ import annotations

import base64
import dataclasses
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from typing import (
    Annotated,
    Any,
    Literal,
    NewType,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import msgspec

Read = Callable[[Any], Any]
Leaf = Callable[[Any, Any], Any]
WRONG = (TypeError, ValueError, KeyError, msgspec.MsgspecError)
LISTS: dict[Any, Callable[[Any], Any]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    deque: deque,
}
DICTS: dict[Any, Callable[[Any], Any]] = {
    dict: dict,
    OrderedDict: OrderedDict,
    defaultdict: partial(defaultdict, None),
    Counter: Counter,
}


class Shapes:
    """Compiles types. `leaf(parts, type)` reads what has no structure of its own here."""

    def __init__(self, leaf: Leaf) -> None:
        self._leaf = leaf
        self._known: dict[Any, Read] = {}

    def reader(self, kind: Any) -> Read:
        """Return the function that reads parts as this type; it raises ValueError with a path."""
        try:
            known = self._known.get(kind)
        except TypeError:  # an Annotated with something unhashable in it
            return self._compile(kind)
        if known is None:
            # A type may hold itself: until it is compiled, it is looked up when parts are read.
            self._known[kind] = partial(_read_later, self._known, kind)
            known = self._known[kind] = self._compile(kind)
        return known

    def _compile(self, kind: Any) -> Read:
        origin = get_origin(kind)
        if origin is Annotated or isinstance(kind, NewType):
            return self.reader(kind.__origin__ if origin is Annotated else kind.__supertype__)
        if isinstance(kind, TypeVar):
            return self.reader(kind.__bound__ or Any)
        if origin in (Union, types.UnionType):
            return self._union(kind)
        if origin is Literal:
            return partial(_read_literal, get_args(kind))
        plain = origin or kind
        if plain is tuple:
            return self._tuple(get_args(kind))
        if plain in LISTS:
            return partial(_read_list, LISTS[plain], self.reader(*(get_args(kind) or (Any,))))
        if plain in DICTS:
            return self._dict(plain, get_args(kind))
        if is_typeddict(plain):
            return partial(_read_fields, None, self._fields(plain, ()), _required(plain))
        if isinstance(plain, type):
            return self._class(plain, get_args(kind))
        return partial(_read_leaf, self._leaf, kind)

    def _class(self, kind: type, arguments: tuple[Any, ...]) -> Read:
        if dataclasses.is_dataclass(kind) and not hasattr(kind, "__pydantic_validator__"):
            fields = self._fields(kind, arguments)
            late = {f.name for f in dataclasses.fields(kind) if not f.init}
            return partial(_read_fields, partial(_make, kind, late), fields, frozenset())
        if issubclass(kind, Enum):
            return partial(_read_enum, kind)
        if kind is bytes:
            return _read_bytes
        if kind is int:
            return _read_int
        return partial(_read_leaf, self._leaf, kind)

    def _fields(self, kind: type, arguments: tuple[Any, ...]) -> dict[str, Read]:
        hints = get_type_hints(kind, include_extras=True)
        bound = dict(zip(getattr(kind, "__parameters__", ()), arguments, strict=False))
        names = [f.name for f in dataclasses.fields(kind)] if not is_typeddict(kind) else hints
        return {name: self.reader(_bind(hints[name], bound)) for name in names}

    def _union(self, kind: Any) -> Read:
        members = get_args(kind)
        readers = [(_keys(m), self.reader(m)) for m in members]
        return partial(_read_union, readers, type(None) in members)

    def _tuple(self, arguments: tuple[Any, ...]) -> Read:
        if not arguments or arguments[-1] is Ellipsis:
            return partial(_read_list, tuple, self.reader(arguments[0] if arguments else Any))
        return partial(_read_tuple, [self.reader(a) for a in arguments])

    def _dict(self, plain: Any, arguments: tuple[Any, ...]) -> Read:
        key, value = (*arguments, Any, Any)[:2]
        if plain is Counter:
            value = int
        # Keys are texts in JSON; the leaf reader knows which types come from texts.
        return partial(_read_dict, DICTS[plain], self._key_reader(key), self.reader(value))

    def _key_reader(self, kind: Any) -> Read:
        if kind in (Any, str):
            return _same
        return partial(_read_key, msgspec.json.Decoder(dict[kind, None]), msgspec.json.encode)


def _keys(kind: Any) -> frozenset[str]:
    plain = get_origin(kind) or kind
    if isinstance(plain, type) and dataclasses.is_dataclass(plain):
        return frozenset(f.name for f in dataclasses.fields(plain))
    fields = getattr(plain, "model_fields", None) or getattr(plain, "__annotations__", None)
    return frozenset(fields) if isinstance(fields, Mapping) else frozenset()


def _required(kind: Any) -> frozenset[str]:
    return frozenset(getattr(kind, "__required_keys__", ()))


def _bind(hint: Any, bound: dict[Any, Any]) -> Any:
    """Put a generic class's arguments in the place of its type variables."""
    if hint in bound:
        return bound[hint]
    parameters = getattr(hint, "__parameters__", ())
    return hint[tuple(bound.get(p, p) for p in parameters)] if bound and parameters else hint


def _make(kind: type, late: set[str], values: dict[str, Any]) -> Any:
    made = kind(**{name: value for name, value in values.items() if name not in late})
    for name in late & values.keys():
        object.__setattr__(made, name, values[name])  # as frozen classes want it
    return made


def _read_later(known: dict[Any, Read], kind: Any, parts: Any) -> Any:
    return known[kind](parts)


def _same(parts: Any) -> Any:
    return parts


def _read_leaf(leaf: Leaf, kind: Any, parts: Any) -> Any:
    return leaf(parts, kind)


def _read_key(decoder: Any, encode: Any, key: str) -> Any:
    return next(iter(decoder.decode(encode({key: None}))))


def _read_literal(values: tuple[Any, ...], parts: Any) -> Any:
    for value in values:
        plain = value.value if isinstance(value, Enum) else value
        if plain == parts and type(plain) is type(parts):
            return value
    raise ValueError(f"{parts!r} is none of {values}")


def _read_enum(kind: Any, parts: Any) -> Any:
    for member in kind:
        plain = msgspec.to_builtins(member.value)
        if plain == parts or (isinstance(plain, tuple) and list(plain) == parts):
            return member
    return kind(parts)


def _read_bytes(parts: Any) -> bytes:
    if isinstance(parts, str):
        return base64.b64decode(parts, validate=True)
    if isinstance(parts, list) and all(isinstance(p, int) for p in parts):
        return bytes(parts)
    raise ValueError(f"bytes are a text in base64 or a list of numbers, not {_kind_of(parts)}")


def _read_int(parts: Any) -> int:
    if isinstance(parts, int) and not isinstance(parts, bool):
        return parts
    if isinstance(parts, float) and parts.is_integer():
        return int(parts)
    raise ValueError(f"expected a whole number, got {_kind_of(parts)}")


def _read_list(make: Callable[[Any], Any], read: Read, parts: Any) -> Any:
    if not isinstance(parts, list):
        raise ValueError(f"expected a list, got {_kind_of(parts)}")
    return make([_step(read, part, f"[{i}]") for i, part in enumerate(parts)])


def _read_tuple(readers: list[Read], parts: Any) -> Any:
    if not isinstance(parts, list) or len(parts) != len(readers):
        raise ValueError(f"expected a list of {len(readers)}, got {_kind_of(parts)}")
    pairs = zip(readers, parts, strict=True)
    return tuple(_step(read, part, f"[{i}]") for i, (read, part) in enumerate(pairs))


def _read_dict(make: Callable[[Any], Any], key: Read, value: Read, parts: Any) -> Any:
    if not isinstance(parts, dict):
        raise ValueError(f"expected an object, got {_kind_of(parts)}")
    return make({_step(key, k, f"[{k!r}]"): _step(value, v, f"[{k!r}]") for k, v in parts.items()})


def _read_fields(make: Any, fields: dict[str, Read], required: frozenset[str], parts: Any) -> Any:
    """Read an object's known keys; unknown ones are left out, as a newer sender may have them."""
    if not isinstance(parts, dict):
        raise ValueError(f"expected an object, got {_kind_of(parts)}")
    missing = required - parts.keys()
    if missing:
        raise ValueError(f"without {sorted(missing)}")
    read = {k: _step(fields[k], v, f".{k}") for k, v in parts.items() if k in fields}
    return read if make is None else make(read)


def _read_union(readers: list[tuple[frozenset[str], Read]], optional: bool, parts: Any) -> Any:
    if parts is None and optional:
        return None
    best: list[Any] = []
    for keys, read in readers:
        try:
            value = read(parts)
        except WRONG:
            continue
        if not isinstance(parts, dict) or not keys or parts.keys() <= keys:
            return value
        best.append(value)
    if best:
        return best[0]
    raise ValueError(f"no member of the union reads {_kind_of(parts)}")


def _step(read: Read, parts: Any, step: str) -> Any:
    try:
        return read(parts)
    except WRONG as error:
        text = str(error)
        raise ValueError(f"{step}{'' if text[:1] in '.[' else ': '}{text}") from None


def _kind_of(parts: Any) -> str:
    return "null" if parts is None else type(parts).__name__
