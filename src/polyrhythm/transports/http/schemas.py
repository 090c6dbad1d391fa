"""JSON schemas of the protocol's messages, as `json_out` writes them and `json_in` reads them.

Each message is one schema under its full name; what has a JSON form of its own is written out in
place. 64-bit integers are strings in answers, and taken as numbers too.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from polyrhythm.transports.http.carried import CARRIED

Schema = dict[str, Any]

BIG = (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
SMALL = (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32)
FLOATS = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)
# Messages that are no objects of their fields; {} is any value.
FORMS: dict[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?s$"},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Empty": {"type": "object"},
    "google.protobuf.Any": {"type": "object", "properties": {"@type": {"type": "string"}}},
    "temporal.api.common.v1.Payload": {
        "description": "The value itself, or metadata and data of a payload as base64."
    },
    "temporal.api.common.v1.Payloads": {
        "description": "The values themselves, or an object with their payloads."
    },
}


class Schemas:
    """Collects the schema of every message that is asked for, and of those within it."""

    def __init__(self) -> None:
        self.found: dict[str, Schema] = {}

    def refer(self, descriptor: Any) -> Schema:
        """Return what stands for a message; its schema is collected."""
        name = descriptor.full_name
        if name in FORMS:
            return FORMS[name]
        if name.startswith("google.protobuf.") and name.endswith("Value"):
            return self.field(descriptor.fields_by_name["value"])
        if name not in self.found:
            # Noted first: messages contain themselves.
            schema: Schema = {"type": "object"}
            self.found[name] = schema
            if descriptor.fields:
                schema["properties"] = {
                    field.json_name: self.field(field) for field in descriptor.fields
                }
        return {"$ref": f"#/components/schemas/{name}"}

    def field(self, field: FieldDescriptor) -> Schema:
        """Return the schema of a field's value."""
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            value = self.field(inner.fields_by_name["value"])
            return {"type": "object", "additionalProperties": value}
        one = self._one(field)
        return {"type": "array", "items": one} if field.is_repeated else one

    def _one(self, field: FieldDescriptor) -> Schema:
        if field.message_type is not None:
            return self.refer(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.cpp_type in BIG:
            return {"type": ["string", "integer"], "format": "int64"}
        if field.cpp_type in SMALL:
            return {"type": "integer", "format": "int32"}
        if field.cpp_type in FLOATS:
            return {"type": ["number", "string"], "format": "double"}
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return {"type": "boolean"}
        if field.type == FieldDescriptor.TYPE_BYTES:
            carried = CARRIED.get(field.full_name)
            if carried is not None:
                return self.refer(carried.DESCRIPTOR)
            return {"type": "string", "contentEncoding": "base64"}
        return {"type": "string"}

    def _enum(self, descriptor: Any) -> Schema:
        name = descriptor.full_name
        # A newer client's value is answered as its number.
        names = [value.name for value in descriptor.values]
        self.found.setdefault(name, {"anyOf": [{"enum": names}, {"type": "integer"}]})
        return {"$ref": f"#/components/schemas/{name}"}
