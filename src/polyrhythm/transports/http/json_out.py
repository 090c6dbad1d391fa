"""Protobuf messages as JSON values, by their descriptors: the canonical mapping, with shorthand.

What each field needs is looked up once and kept. Bytes that hold a message of Temporal's (our own
service carries them so) are written as that message. Messages with a JSON form of their own are
left to protobuf's package.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from functools import cache
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from polyrhythm.transports.http.carried import CARRIED
from polyrhythm.transports.http.payloads import payload_out, payloads_out

Writer = Callable[[Any, bool], Any]

BIG_INTEGERS = frozenset(
    (
        FieldDescriptor.CPPTYPE_INT64,
        FieldDescriptor.CPPTYPE_UINT64,
    )
)
FLOATS = frozenset((FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE))


def _own_form(message: Any, shorthand: bool) -> Any:
    return json_format.MessageToDict(message)


def _as_text(message: Any, shorthand: bool) -> str:
    text: str = message.ToJsonString()
    return text


OWN_FORMS = ("Any", "Struct", "Value", "ListValue", "FieldMask", "Empty")
# Messages that are not written field by field.
MESSAGES: dict[str, Writer] = {
    "google.protobuf.Timestamp": _as_text,
    "google.protobuf.Duration": _as_text,
    "temporal.api.common.v1.Payload": payload_out,
    "temporal.api.common.v1.Payloads": payloads_out,
    **{f"google.protobuf.{name}": _own_form for name in OWN_FORMS},
}


def message_out(message: Message, shorthand: bool = True) -> Any:
    """Return a message as a JSON value; `shorthand` says how payloads are written."""
    return _writer_of_message(message.DESCRIPTOR)(message, shorthand)


def _fields_out(message: Any, shorthand: bool) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for field, value in message.ListFields():
        name, write = _known(field)
        out[name] = write(value, shorthand)
    return out


@cache
def _known(field: Any) -> tuple[str, Writer]:
    """Kept for each field of the protocol, of which there are so many and no more."""
    return field.json_name, _writer_of_field(field)


def _writer_of_message(descriptor: Any) -> Writer:
    name = descriptor.full_name
    if name.startswith("google.protobuf.") and name.endswith("Value"):
        return _own_form
    return MESSAGES.get(name, _fields_out)


def _writer_of_field(field: Any) -> Writer:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        one = _writer_of_one(field.message_type.fields_by_name["value"])
        return lambda value, shorthand: {
            _key_out(key): one(value[key], shorthand) for key in sorted(value)
        }
    one = _writer_of_one(field)
    if field.is_repeated:
        return lambda value, shorthand: [one(element, shorthand) for element in value]
    return one


def _writer_of_one(field: Any) -> Writer:
    if field.message_type is not None:
        return _writer_of_message(field.message_type)
    if field.enum_type is not None:
        names = {number: value.name for number, value in field.enum_type.values_by_number.items()}
        return lambda value, shorthand: names.get(value, value)
    if field.cpp_type in BIG_INTEGERS:
        return lambda value, shorthand: str(value)
    if field.cpp_type in FLOATS:
        return lambda value, shorthand: _float_out(value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _writer_of_bytes(field)
    return lambda value, shorthand: value


def _writer_of_bytes(field: Any) -> Writer:
    carried = CARRIED.get(field.full_name)
    if carried is None:
        return lambda value, shorthand: base64.b64encode(value).decode()

    def write(value: bytes, shorthand: bool) -> Any:
        try:
            return message_out(carried.FromString(value), shorthand)
        except DecodeError:
            return base64.b64encode(value).decode()

    return write


def _key_out(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)


def _float_out(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
