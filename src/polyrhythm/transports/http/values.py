"""Values of a path or a query into fields of a message, named as `execution.runId`.

As Temporal's gateway does it: names in either spelling, unknown ones ignored, times in RFC 3339,
durations as Go writes them (`1h30m`), enums by name or number; and its words for what does not fit.
Raises StatusError.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from polyrhythm.transports.wire import StatusError, refused

KEYED = re.compile(r"(.*)\[(.*)\]")
TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))
SPAN_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
INTEGER = re.compile(r"[+-]?\d+")
INTEGER_BITS = {
    FieldDescriptor.CPPTYPE_INT32: (True, 32),
    FieldDescriptor.CPPTYPE_INT64: (True, 64),
    FieldDescriptor.CPPTYPE_UINT32: (False, 32),
    FieldDescriptor.CPPTYPE_UINT64: (False, 64),
}
FLOATS = frozenset((FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE))


def set_parameter(message: Message, path: str, text: str) -> None:
    """Set the field that a name in a path stands for."""
    _set(message, path.split("."), [text])


def set_query(message: Message, pairs: Iterable[tuple[str, str]], taken: frozenset[str]) -> None:
    """Set fields from a query's names and values; what the path has `taken` is left alone."""
    gathered: dict[str, list[str]] = {}
    for name, value in pairs:
        gathered.setdefault(name, []).append(value)
    for name, values in gathered.items():
        keyed = KEYED.fullmatch(name)
        if keyed is not None:
            name, values = keyed[1], [keyed[2], *values]
        path = _canonical(message.DESCRIPTOR, name.split("."))
        if path is not None and ".".join(path) not in taken:
            _set(message, path, values)


def _canonical(descriptor: Any, names: list[str]) -> list[str] | None:
    """Return a path with the proto's own names, or None for one that leads to no field."""
    path: list[str] = []
    for name in names:
        if descriptor is None:
            raise refused("INVALID_ARGUMENT", f'invalid path: "{path[-1]}" is not a message')
        field = descriptor.fields_by_name.get(name) or descriptor.fields_by_camelcase_name.get(name)
        if field is None:
            return None
        path.append(field.name)
        descriptor = None if field.is_repeated else field.message_type
    return path


def _set(message: Any, path: list[str], values: list[str]) -> None:
    for name in path[:-1]:
        message = getattr(message, name)
        message.SetInParent()
    field = message.DESCRIPTOR.fields_by_name[path[-1]]
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        _set_entry(message, field, values)
    elif field.is_repeated:
        target = getattr(message, field.name)
        for value in values:
            parsed = _parsed(field, value, "list")
            if field.message_type is not None:
                target.add().CopyFrom(parsed)
            else:
                target.append(parsed)
    else:
        if len(values) > 1:
            text = f'too many values for field "{field.name}": {", ".join(values)}'
            raise refused("INVALID_ARGUMENT", text)
        parsed = _parsed(field, values[0], "field")
        if field.message_type is not None:
            getattr(message, field.name).CopyFrom(parsed)
        else:
            setattr(message, field.name, parsed)


def _set_entry(message: Any, field: Any, values: list[str]) -> None:
    if len(values) != 2:
        text = f'more than one value provided for key "{values[0]}" in map "{field.full_name}"'
        raise refused("INVALID_ARGUMENT", text)
    kinds = field.message_type.fields_by_name
    key = _parsed(kinds["key"], values[0], "map key")
    value = _parsed(kinds["value"], values[1], "map value")
    entries = getattr(message, field.name)
    if kinds["value"].message_type is not None:
        entries[key].CopyFrom(value)
    else:
        entries[key] = value


def _parsed(field: Any, text: str, what: str) -> Any:
    try:
        return _parse(field, text)
    except StatusError:
        raise
    except (ValueError, OverflowError, json_format.ParseError) as error:
        reason = f'parsing {what} "{field.name}": {error}'
        raise refused("INVALID_ARGUMENT", reason) from None


def _parse(field: Any, text: str) -> Any:
    if field.message_type is not None:
        parser = MESSAGES.get(field.message_type.full_name)
        if parser is None:
            raise ValueError(f'unsupported message type: "{field.message_type.full_name}"')
        return parser(text)
    if field.enum_type is not None:
        return _enum(field, text)
    if field.cpp_type in INTEGER_BITS:
        return _integer(text, *INTEGER_BITS[field.cpp_type])
    if field.cpp_type in FLOATS:
        try:
            return float(text)
        except ValueError:
            raise _unparsed("ParseFloat", text) from None
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        if text not in TRUE and text not in FALSE:
            raise _unparsed("ParseBool", text)
        return text in TRUE
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes(text)
    return text


def _integer(text: str, signed: bool, bits: int) -> int:
    name = "ParseInt" if signed else "ParseUint"
    if not INTEGER.fullmatch(text) or not (signed or text[0].isdigit()):
        raise _unparsed(name, text)
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    # Longer than any number that fits, with as many zeros before it as somebody likes.
    digits = text.lstrip("+-0") or "0"
    if len(digits) > 20 or not low <= int(text) < high:
        raise _unparsed(name, text, "value out of range")
    return int(text)


def _enum(field: Any, text: str) -> int:
    kind = field.enum_type
    if text in kind.values_by_name:
        number: int = kind.values_by_name[text].number
        return number
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) in kind.values_by_number:
        return int(text)
    raise ValueError(f'"{text}" is not a valid value')


def _bytes(text: str) -> bytes:
    padded = text.replace("-", "+").replace("_", "/").replace(" ", "+") + "=" * (-len(text) % 4)
    try:
        return base64.b64decode(padded, validate=True)
    except binascii.Error as error:
        raise ValueError(f"illegal base64 data: {error}") from None


def _time(text: str) -> Timestamp:
    time = Timestamp()
    # A plus in a query is a space to those who forget to escape it.
    time.FromJsonString(text.replace(" ", "+").upper())
    return time


def _span(text: str) -> Duration:
    body = text.lstrip("+-")
    parts = SPAN_PART.findall(body)
    if not parts or "".join(number + unit for number, unit in parts) != body or len(text) > 64:
        raise ValueError(f'time: invalid duration "{text}"')
    total_ns = sum(int(float(number) * UNITS_NS[unit]) for number, unit in parts)
    span = Duration()
    span.FromNanoseconds(-total_ns if text.startswith("-") else total_ns)
    return span


MESSAGES: dict[str, Callable[[str], Any]] = {
    "google.protobuf.Timestamp": _time,
    "google.protobuf.Duration": _span,
}


def _unparsed(function: str, text: str, why: str = "invalid syntax") -> ValueError:
    return ValueError(f'strconv.{function}: parsing "{text}": {why}')
