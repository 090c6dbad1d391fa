"""The words of stories: protobuf messages as flat `path=value` text, in both directions.

A message becomes a dict of dotted paths: durations as `30s`, times as an offset from the story's
first instant, payloads as their JSON, enum values without their prefix, maps and lists as
`path[key]`. An empty submessage is there as `{}`. The same words set a request's fields, where
`none` clears one. Lossy on purpose: it is for people to read and for tests to compare parts of.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, Payloads

from polyrhythm.base.limits import MINUTE_NS, SECOND_NS

_UNITS = {"ms": SECOND_NS // 1000, "s": SECOND_NS, "m": MINUTE_NS, "h": 60 * MINUTE_NS}
_SPAN = re.compile(r"(-?[0-9.]+)(ms|s|m|h)")
_DURATION = "google.protobuf.Duration"
_TIMESTAMP = "google.protobuf.Timestamp"
_PAYLOAD = "temporal.api.common.v1.Payload"
_PAYLOADS = "temporal.api.common.v1.Payloads"


def split_words(line: str) -> list[str]:
    """Split a line at spaces outside double quotes; `;` and `|` are words of their own."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";|")
    lexer.whitespace_split = True
    lexer.quotes = '"'
    lexer.escape = ""
    lexer.commenters = ""
    return list(lexer)


def split_at(words: Iterable[str], mark: str) -> list[list[str]]:
    """Split words into lists at a mark; no words at all are no lists."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word == mark:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts if len(parts) > 1 or parts[0] else []


def parse_span(text: str) -> int:
    """Return `1.5s`, `200ms`, `5m` or `2h` in nanoseconds."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration: write 30s, 200ms, 5m or 2h")
    return round(float(match[1]) * _UNITS[match[2]])


def spell_span(span: int) -> str:
    """Return nanoseconds as seconds: `30s`."""
    return f"{span / SECOND_NS:.9f}".rstrip("0").rstrip(".") + "s"


def encode_json(text: str) -> Payload:
    """Return a json/plain payload: the text itself if it is JSON of a number or list, else a
    JSON string."""
    quoted = text if re.fullmatch(r"-?[0-9.]+|\[.*\]|\{.*\}", text) else f'"{text}"'
    return Payload(metadata={"encoding": b"json/plain"}, data=quoted.encode())


def set_fields(message: Message, words: Iterable[str]) -> None:
    """Set a message's fields from `path=value` words."""
    for word in words:
        path, _, value = word.partition("=")
        set_field(message, path, value)


def set_field(message: Message, path: str, value: str) -> None:
    """Set one field; the path is dotted."""
    *parents, name = path.split(".")
    target: Any = message
    for parent in parents:
        target = getattr(target, parent)
    if value == "none":
        target.ClearField(name)
        return
    field = target.DESCRIPTOR.fields_by_name[name]
    if field.message_type is not None:
        child = getattr(target, name)
        child.SetInParent()
        _set_message(child, field.message_type.full_name, value)
    elif field.is_repeated:
        getattr(target, name).extend(value.split(","))
    else:
        setattr(target, name, _parse_scalar(field, value))


def flatten(message: Message, origin_ns: int, prefix: str = "") -> dict[str, str]:
    """Return the message's set fields by path. Task tokens are left out."""
    flat: dict[str, str] = {}
    for field, value in message.ListFields():
        if field.name == "task_token":
            continue
        path = f"{prefix}{field.name}"
        if not field.is_repeated:
            _flatten_one(flat, path, field, value, origin_ns)
        elif _is_map(field):
            kind = _map_value(field)
            for key in sorted(value):
                _flatten_one(flat, f"{path}[{key}]", kind, value[key], origin_ns)
        elif field.message_type is None:
            flat[path] = ",".join(_spell_scalar(field, each) for each in value)
        else:
            for index, each in enumerate(value):
                _flatten_one(flat, f"{path}[{index}]", field, each, origin_ns)
    return flat


def spell_words(flat: dict[str, str]) -> str:
    """Return flat fields as the words of a line, quoted where they must be."""
    return " ".join(f"{path}={quote(value)}" for path, value in flat.items())


def quote(value: str) -> str:
    """Return a word as it is written in a line."""
    return f'"{value}"' if re.search(r"[\s;|]", value) or not value else value


def _set_message(child: Any, type_name: str, value: str) -> None:
    if type_name == _DURATION:
        child.FromNanoseconds(parse_span(value))
    elif type_name == _PAYLOADS:
        child.CopyFrom(Payloads(payloads=[encode_json(value)]))
    elif type_name == _PAYLOAD:
        child.CopyFrom(encode_json(value))
    elif value and value != "{}":
        # A type or a queue is meant by its name.
        child.name = value


def _parse_scalar(field: FieldDescriptor, value: str) -> object:
    if field.enum_type is not None:
        return field.enum_type.values_by_name[_enum_prefix(field.enum_type) + value].number
    if field.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return float(value)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return value == "true"
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return value.encode() if field.type == FieldDescriptor.TYPE_BYTES else value
    return int(value)


def _flatten_one(
    flat: dict[str, str], path: str, field: FieldDescriptor, value: Any, origin_ns: int
) -> None:
    if field.message_type is None:
        flat[path] = _spell_scalar(field, value)
        return
    name = field.message_type.full_name
    if name == _DURATION:
        flat[path] = spell_span(value.seconds * SECOND_NS + value.nanos)
    elif name == _TIMESTAMP:
        flat[path] = spell_span(value.ToNanoseconds() - origin_ns)
    elif name == _PAYLOAD:
        flat[path] = _spell_payload(value)
    elif name == _PAYLOADS:
        flat[path] = ",".join(_spell_payload(each) for each in value.payloads)
    elif list(value.DESCRIPTOR.fields_by_name) == ["name"]:
        flat[path] = value.name
    else:
        flat.update(flatten(value, origin_ns, f"{path}.") or {path: "{}"})


def _spell_payload(payload: Payload) -> str:
    text = payload.data.decode(errors="replace")
    return text[1:-1] if text[:1] == '"' == text[-1:] else text


def _spell_scalar(field: FieldDescriptor, value: Any) -> str:
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        prefix = _enum_prefix(field.enum_type)
        return known.name.removeprefix(prefix) if known is not None else str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return f"{value:g}" if isinstance(value, float) else str(value)


def _enum_prefix(kind: EnumDescriptor) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.name).upper() + "_"


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _map_value(field: FieldDescriptor) -> FieldDescriptor:
    assert field.message_type is not None
    return field.message_type.fields_by_name["value"]
