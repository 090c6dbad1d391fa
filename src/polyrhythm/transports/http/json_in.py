"""JSON values into protobuf messages: shorthand is made long, protobuf's package does the rest.

Unknown fields are refused, as Temporal's HTTP API does it, and named with where they stand. Enums
are also taken in the older camel-case form (`AllowDuplicate`). Raises StatusError.
"""

from __future__ import annotations

import base64
import re
from functools import cache
from typing import Any

import msgspec
from google.protobuf import json_format
from google.protobuf.message import Message

from polyrhythm.transports.http.carried import CARRIED
from polyrhythm.transports.http.payloads import payload_in, payloads_in
from polyrhythm.transports.wire import refused

PAYLOADS = {
    "temporal.api.common.v1.Payload": payload_in,
    "temporal.api.common.v1.Payloads": payloads_in,
}
CAMEL_STEP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def read_body(body: bytes, message: Message, shorthand: bool = True) -> None:
    """Fill a message from the bytes of a request; nothing at all is an empty message."""
    if not body.strip():
        return
    try:
        tree = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise refused("INVALID_ARGUMENT", f"the body is no JSON: {error}") from None
    message_in(tree, message, shorthand)


def message_in(tree: Any, message: Message, shorthand: bool = True) -> None:
    """Fill a message from a JSON value."""
    try:
        long = _expand(message.DESCRIPTOR, tree, shorthand, "")
        if not isinstance(long, dict):
            raise refused("INVALID_ARGUMENT", "the body is no JSON object")
        json_format.ParseDict(long, message)
    except (json_format.ParseError, ValueError, TypeError, RecursionError) as error:
        # Its first line says what is wrong; the next ones list every field that there is.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise refused("INVALID_ARGUMENT", reason) from None


def _expand(descriptor: Any, tree: Any, shorthand: bool, path: str) -> Any:
    """Return a value of a message in the form that protobuf's package takes."""
    reader = PAYLOADS.get(descriptor.full_name)
    if reader is not None and shorthand:
        return reader(tree)
    if not isinstance(tree, dict) or descriptor.file.package == "google.protobuf":
        return tree
    fields = _fields_of(descriptor)
    long = {}
    for key, value in tree.items():
        field = fields.get(key)
        where = f"{path}{key}"
        if field is None:
            text = f'unknown field "{key}"' + (f" ({where})" if path else "")
            raise refused("INVALID_ARGUMENT", text)
        long[key] = _expand_field(field, value, shorthand, where)
    return long


def _expand_field(field: Any, value: Any, shorthand: bool, where: str) -> Any:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        if not isinstance(value, dict):
            return value
        inner = kind.fields_by_name["value"]
        return {
            key: _expand_one(inner, one, shorthand, f"{where}.{key}.") for key, one in value.items()
        }
    if field.is_repeated and isinstance(value, list):
        return [
            _expand_one(field, one, shorthand, f"{where}.{place}.")
            for place, one in enumerate(value)
        ]
    return _expand_one(field, value, shorthand, f"{where}.")


def _expand_one(field: Any, value: Any, shorthand: bool, path: str) -> Any:
    if field.message_type is not None:
        return _expand(field.message_type, value, shorthand, path)
    if field.enum_type is not None and isinstance(value, str):
        return _enum_name(field, value)
    carried = CARRIED.get(field.full_name)
    if carried is not None and not isinstance(value, str):
        message = carried()
        json_format.ParseDict(_expand(message.DESCRIPTOR, value, shorthand, path), message)
        return base64.b64encode(message.SerializeToString()).decode()
    return value


def _enum_name(field: Any, value: str) -> str:
    """Return the canonical name of an enum's value: `Running` of `WorkflowExecutionStatus` is
    `WORKFLOW_EXECUTION_STATUS_RUNNING`."""
    kind = field.enum_type
    if value in kind.values_by_name:
        return value
    words = CAMEL_STEP.sub("_", f"{kind.name}_{value}").upper()
    return words if words in kind.values_by_name else value


@cache
def _fields_of(descriptor: Any) -> dict[str, Any]:
    """Kept for each message of the protocol, of which there are so many and no more."""
    found = {field.name: field for field in descriptor.fields}
    return found | {field.json_name: field for field in descriptor.fields}
