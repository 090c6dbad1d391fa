"""Checks of single fields that many calls share: lengths, run ids, sizes, durations.

Limits on text count bytes of UTF-8, as the Temporal server's do. Messages are its own, including
the odd ones, since clients match on them. Durations are cut to the longest one allowed in place.
"""

from __future__ import annotations

import re

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from temporalio.api.common.v1 import WorkflowExecution

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import SECOND_NS, Limits

# The four spellings that Go's uuid package takes: plain, braced, urn:uuid: and bare digits.
_HEX = r"[0-9a-fA-F]"
_DASHED = rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_UUID = re.compile(rf"(?:{_DASHED}|\{{{_DASHED}\}}|(?i:urn:uuid:){_DASHED}|{_HEX}{{32}})")


def check_length(text: str, bytes_max: int, message: str) -> None:
    """Refuse a text of more than `bytes_max` bytes. Raises InvalidArgument(message)."""
    # At most four bytes a character: most texts need no encoding to be measured.
    if len(text) * 4 > bytes_max and len(text.encode("utf-8", "surrogatepass")) > bytes_max:
        raise InvalidArgument(message)


def check_identity(identity: str, limits: Limits) -> None:
    """Refuse a worker's or client's identity that is too long."""
    check_length(identity, limits.id_bytes_max, "Identity length exceeds limit.")


def check_blob(message: Message, limits: Limits) -> None:
    """Refuse a payload that is too large."""
    if is_oversize(message, limits):
        raise InvalidArgument("Blob data size exceeds limit.")


def is_oversize(message: Message, limits: Limits) -> bool:
    """Return whether a payload is past the limit of one field."""
    return message.ByteSize() > limits.blob_bytes_max


def check_execution(request: Message, field_name: str) -> None:
    """Refuse a missing execution, a missing workflow id, or a run id that is no UUID."""
    if not request.HasField(field_name):
        raise InvalidArgument("Execution is not set on request.")
    execution: WorkflowExecution = getattr(request, field_name)
    if not execution.workflow_id:
        raise InvalidArgument("WorkflowId is not set on request.")
    if execution.run_id and not is_run_id(execution.run_id):
        raise InvalidArgument("Invalid RunId.")


def is_run_id(text: str) -> bool:
    """Return whether a text could be a run's id."""
    return _UUID.fullmatch(text) is not None


def flaw_of_duration(duration: Duration, limits: Limits) -> str:
    """Return what is wrong with a duration, empty for nothing; cuts one that is too long."""
    seconds, nanos = duration.seconds, duration.nanos
    if (seconds > 0 and nanos < 0) or (seconds < 0 and nanos > 0):
        return "duration has seconds and nanos with different signs"
    if seconds < 0 or nanos < 0:
        return "negative duration"
    if nanoseconds_of(duration) > limits.duration_ns_max:
        duration.seconds, duration.nanos = limits.duration_ns_max // SECOND_NS, 0
    return ""


def nanoseconds_of(duration: Duration) -> int:
    """Return a duration in nanoseconds, however long."""
    return int(duration.seconds) * SECOND_NS + int(duration.nanos)
