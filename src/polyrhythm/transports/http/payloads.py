"""Payloads in shorthand: JSON values as they are, where the long form has base64 of them.

The rules are those of Temporal's HTTP API: a payload of JSON with no other metadata is its value,
one of JSON of a protobuf message that value with `_protoMessageType` beside its fields. Two things
are kept that it loses: numbers past 2^53, and `[]`, which it turns into null. A payload that cannot
be said in shorthand (other encodings, damaged JSON) is written in its long form, where the real
server fails the whole answer.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

ENCODING = "encoding"
MESSAGE_TYPE = "messageType"
MESSAGE_TYPE_KEY = "_protoMessageType"
JSON_PLAIN = b"json/plain"
JSON_PROTOBUF = b"json/protobuf"
BINARY_NULL = b"binary/null"


class NoShorthandError(Exception):
    """This payload is written in its long form."""


def payload_out(payload: Any, shorthand: bool) -> Any:
    """Return a Payload as JSON."""
    if shorthand:
        try:
            return _short_out(payload)
        except NoShorthandError:
            pass
    return _long_out(payload)


def payloads_out(payloads: Any, shorthand: bool) -> Any:
    """Return Payloads as JSON: a list if every one of them has a shorthand."""
    if shorthand:
        try:
            return [_short_out(payload) for payload in payloads.payloads]
        except NoShorthandError:
            pass
    if not payloads.payloads:
        return {}
    return {"payloads": [_long_out(payload) for payload in payloads.payloads]}


def payload_in(tree: Any) -> Any:
    """Return the long form of what stands where a payload is expected. Raises ValueError."""
    if tree is None:
        return _long({ENCODING: BINARY_NULL}, b"")
    if isinstance(tree, dict):
        if _is_long(tree):
            return tree
        if MESSAGE_TYPE_KEY in tree:
            kind = tree[MESSAGE_TYPE_KEY]
            if not isinstance(kind, str):
                raise ValueError(f"{MESSAGE_TYPE_KEY} is a string, the name of a message")
            rest = {key: value for key, value in tree.items() if key != MESSAGE_TYPE_KEY}
            metadata = {ENCODING: JSON_PROTOBUF, MESSAGE_TYPE: kind.encode()}
            return _long(metadata, msgspec.json.encode(rest))
    return _long({ENCODING: JSON_PLAIN}, msgspec.json.encode(tree))


def payloads_in(tree: Any) -> Any:
    """Return the long form of what stands where payloads are expected. Raises ValueError."""
    if tree is None:
        return {}
    if isinstance(tree, list):
        return {"payloads": [payload_in(one) for one in tree]}
    if isinstance(tree, dict) and isinstance(tree.get("payloads"), list):
        return tree | {"payloads": [payload_in(one) for one in tree["payloads"]]}
    return tree


def _short_out(payload: Any) -> Any:
    metadata = payload.metadata
    encoding = metadata.get(ENCODING)
    if encoding == BINARY_NULL and len(metadata) == 1 and not payload.data:
        return _long_out(payload)
    if encoding == JSON_PLAIN and len(metadata) == 1:
        value = _value_of(payload.data)
        # A bare null would come back as another encoding, an object of a payload's shape as one.
        if value is None or (isinstance(value, dict) and _is_ambiguous(value)):
            raise NoShorthandError
        return value
    if encoding == JSON_PROTOBUF and len(metadata) == 2 and metadata.get(MESSAGE_TYPE):
        value = _value_of(payload.data)
        if isinstance(value, dict) and not _is_ambiguous(value):
            return value | {MESSAGE_TYPE_KEY: metadata[MESSAGE_TYPE].decode(errors="replace")}
    raise NoShorthandError


def _is_ambiguous(value: dict[str, Any]) -> bool:
    return MESSAGE_TYPE_KEY in value or _is_long(value)


def _value_of(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise NoShorthandError from error


def _long_out(payload: Any) -> Any:
    return _long(dict(sorted(payload.metadata.items())), payload.data)


def _long(metadata: dict[str, bytes], data: bytes) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if metadata:
        written["metadata"] = {key: _base64(value) for key, value in metadata.items()}
    if data:
        written["data"] = _base64(data)
    return written


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _is_long(tree: dict[str, Any]) -> bool:
    """Whether an object is the long form of a payload, and no value that a user's code has."""
    metadata = tree.get("metadata")
    if not isinstance(metadata, dict) or ENCODING not in metadata or tree.keys() - _LONG_KEYS:
        return False
    if "data" not in tree and metadata[ENCODING] != _base64(BINARY_NULL):
        return False
    return all(_is_base64(value) for value in (*metadata.values(), tree.get("data", "")))


_LONG_KEYS = frozenset(("metadata", "data"))


def _is_base64(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    padded = value.replace("-", "+").replace("_", "/") + "=" * (-len(value) % 4)
    try:
        base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
