"""The converter: one value to one payload, arguments to payloads by a signature, and back.

Writes the encodings of Temporal's own converters, in their order: `binary/null` for None,
`binary/plain` for bytes, `json/protobuf` for messages, `json/plain` for all else; reads
`binary/protobuf` as well. The type decides what is made of a payload, never its data; a message
without a type is made by the name in its metadata, from the messages this process has imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
from google.protobuf import symbol_database
from google.protobuf.json_format import MessageToDict, Parse, ParseError
from google.protobuf.message import DecodeError, Message
from temporalio.api.common.v1 import Payload, Payloads

from polyrhythm.sdk.definitions import Signature
from polyrhythm.sdk.errors import PayloadError
from polyrhythm.sdk.values.custom import Customs
from polyrhythm.sdk.values.read import Readers, name_of
from polyrhythm.sdk.values.write import write_with

ENCODING = "encoding"
MESSAGE_TYPE = "messageType"
JSON = b"json/plain"
NULL = b"binary/null"
BYTES = b"binary/plain"
JSON_MESSAGE = b"json/protobuf"
BINARY_MESSAGE = b"binary/protobuf"
# Copying a template is six times as fast as building the map of the metadata.
JSON_TEMPLATE = Payload(metadata={ENCODING: JSON})
NULL_TEMPLATE = Payload(metadata={ENCODING: NULL})
BYTES_TEMPLATE = Payload(metadata={ENCODING: BYTES})
Fill = Callable[[Payload, Any], None]
NO_CUSTOMS: Customs = MappingProxyType({})


class Converter:
    """Converts values; made once for an application and shared by its loop, worker and client."""

    __slots__ = ("_fills", "_readers", "_write")

    def __init__(self, customs: Customs = NO_CUSTOMS) -> None:
        self._readers = Readers(customs)
        self._write = write_with(customs)
        self._fills: dict[type, Fill] = {}

    def encode(self, value: Any) -> Payload:
        """Return the payload of a value. Raises PayloadError naming where it cannot be written."""
        payload = Payload()
        self._fill(payload, value)
        return payload

    def encode_values(self, values: Iterable[Any]) -> Payloads:
        """Return the payloads of values."""
        payloads = Payloads()
        for value in values:
            self._fill(payloads.payloads.add(), value)
        return payloads

    def encode_all(self, values: Sequence[Any], signature: Signature) -> Payloads:
        """Return the payloads of arguments; an error names the parameter."""
        payloads = Payloads()
        add = payloads.payloads.add
        for index, value in enumerate(values):
            try:
                self._fill(add(), value)
            except PayloadError as error:
                raise PayloadError(f"argument {_parameter(signature, index)}: {error}") from error
        return payloads

    def decode(self, payload: Payload, kind: Any = Any) -> Any:
        """Return a payload's value as a type. Raises PayloadError."""
        encoding = payload.metadata.get(ENCODING, b"")
        if encoding == JSON:
            return self._readers.reader(kind)(payload.data)
        if encoding == NULL:
            return None
        if encoding == BYTES:
            return _bytes_as(payload.data, kind)
        if encoding in (JSON_MESSAGE, BINARY_MESSAGE):
            return _decode_message(payload, encoding, kind)
        if not encoding and not payload.data:
            return None
        name = encoding.decode(errors="replace") or "none"
        raise PayloadError(f"encoding {name!r} is not known here; is the codec of its sender set?")

    def decode_values(self, payloads: Payloads, kinds: Sequence[Any] = ()) -> list[Any]:
        """Return values as types; those without a type are what JSON gives."""
        given = len(kinds)
        return [
            self.decode(payload, kinds[i] if i < given else Any)
            for i, payload in enumerate(payloads.payloads)
        ]

    def decode_all(self, payloads: Payloads, signature: Signature) -> list[Any]:
        """Return the arguments of a call, at most as many as there are parameters with defaults
        for what is left out. Raises PayloadError naming the parameter.
        """
        kinds = signature.types
        values: list[Any] = []
        for index, payload in enumerate(payloads.payloads):
            if index >= len(kinds):
                raise PayloadError(_count(len(payloads.payloads), signature))
            try:
                values.append(self.decode(payload, kinds[index]))
            except PayloadError as error:
                raise PayloadError(f"argument {_parameter(signature, index)}: {error}") from error
        if len(values) + len(signature.defaults) < len(kinds):
            raise PayloadError(_count(len(values), signature))
        return values

    def decode_result(self, payloads: Payloads, kind: Any = Any) -> Any:
        """Return the one value of a result, None if there is none."""
        held = payloads.payloads
        return self.decode(held[0], kind) if held else None

    def _fill(self, payload: Payload, value: Any) -> None:
        kind = value.__class__
        fill = self._fills.get(kind)
        if fill is None:
            fill = self._fills[kind] = self._choose(kind)
        fill(payload, value)

    def _choose(self, kind: type) -> Fill:
        if kind is type(None):
            return _fill_null
        if issubclass(kind, bytes | bytearray | memoryview):
            return _fill_bytes
        if issubclass(kind, Payload):
            return _fill_raw
        if issubclass(kind, Message):
            return _fill_message
        write = self._write

        def fill_json(payload: Payload, value: Any) -> None:
            data = write(value)
            payload.CopyFrom(JSON_TEMPLATE)
            payload.data = data

        return fill_json


def _fill_null(payload: Payload, value: None) -> None:
    payload.CopyFrom(NULL_TEMPLATE)


def _fill_bytes(payload: Payload, value: Any) -> None:
    payload.CopyFrom(BYTES_TEMPLATE)
    payload.data = bytes(value)


def _fill_raw(payload: Payload, value: Payload) -> None:
    payload.CopyFrom(value)


def _fill_message(payload: Payload, value: Message) -> None:
    payload.metadata[ENCODING] = JSON_MESSAGE
    payload.metadata[MESSAGE_TYPE] = value.DESCRIPTOR.full_name.encode()
    payload.data = msgspec.json.encode(MessageToDict(value))


def _decode_message(payload: Payload, encoding: bytes, kind: Any) -> Any:
    name = payload.metadata.get(MESSAGE_TYPE, b"").decode(errors="replace")
    try:
        typed = isinstance(kind, type) and issubclass(kind, Message)
        message = kind() if typed else symbol_database.Default().GetSymbol(name)()
    except KeyError:
        raise PayloadError(f"the message type {name!r} is not imported in this process") from None
    try:
        if encoding == JSON_MESSAGE:
            return Parse(payload.data, message, ignore_unknown_fields=True)
        message.ParseFromString(payload.data)
    except (ParseError, DecodeError) as error:
        raise PayloadError(f"not a {message.DESCRIPTOR.full_name}: {error}") from error
    return message


def _bytes_as(data: bytes, kind: Any) -> Any:
    return bytearray(data) if kind is bytearray else data


def _parameter(signature: Signature, index: int) -> str:
    if index >= len(signature.names):
        return str(index + 1)
    return f"{index + 1} ({signature.names[index]}: {name_of(signature.types[index])})"


def _count(given: int, signature: Signature) -> str:
    most = len(signature.types)
    least = most - len(signature.defaults)
    wanted = f"{most}" if least == most else f"{least} to {most}"
    return f"{given} arguments were sent, {wanted} are taken ({', '.join(signature.names)})"
