"""Field masks as the server reads them: valid paths, and the fields that they name.

The server checks a mask against the message with the protocol's own names, and looks fields up by
the JSON form of a path, so that `retry_policy.maximum_attempts` and `retryPolicy.maximumAttempts`
name the same one. Both are followed here, the odd spellings included.
"""

from __future__ import annotations

from google.protobuf.descriptor import Descriptor
from google.protobuf.field_mask_pb2 import FieldMask


def masked_fields(mask: FieldMask) -> frozenset[str]:
    """Return the paths of a mask in their JSON form: `priority.fairnessKey`."""
    return frozenset(".".join(map(_camel, path.split("."))) for path in mask.paths)


def wrong_path(mask: FieldMask, message: Descriptor) -> str | None:
    """Return the first path that names no field of the message, None when there is none."""
    for path in mask.paths:
        place: Descriptor | None = message
        for name in path.split("."):
            field = place.fields_by_name.get(name) if place is not None else None
            if field is None:
                return path
            # What is in a list or a map has no name of its own.
            place = None if field.is_repeated else field.message_type
    return None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first[:1].lower() + first[1:] + "".join(word.capitalize() for word in rest)
