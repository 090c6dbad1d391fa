"""Failures that the service makes itself: a worker's answer was too large to keep.

An oversize answer must not be refused, or the worker would send it again for ever; it is recorded
as a failure of the server's own that says why, with as much of the worker's failure as fits.
"""

from __future__ import annotations

from temporalio.api.failure.v1 import Failure

from polyrhythm.base.limits import FAILURE_CAUSES_MAX, FAILURE_CUT_BYTES

HEARTBEAT_TOO_LARGE = "Heartbeat details exceed size limit."
RESULT_TOO_LARGE = "Complete result exceeds size limit."
FAILURE_TOO_LARGE = "Failure exceeds size limit."
CANCEL_DETAILS_TOO_LARGE = "Cancel details exceed size limit."


def server_failure(message: str) -> Failure:
    """Return a failure of the server's own, which is not retried."""
    failure = Failure(message=message)
    failure.server_failure_info.non_retryable = True
    return failure


def too_large(failure: Failure) -> Failure:
    """Return what is recorded instead of an oversize failure."""
    replacement = server_failure(FAILURE_TOO_LARGE)
    _cut_into(replacement.cause, failure, FAILURE_CUT_BYTES, FAILURE_CAUSES_MAX)
    return replacement


def _cut_into(target: Failure, source: Failure, room: int, depth: int) -> None:
    """Copy what matters most until `room` bytes are used; details and payloads are dropped."""
    info = source.WhichOneof("failure_info")
    if info == "application_failure_info":
        target.application_failure_info.non_retryable = (
            source.application_failure_info.non_retryable
        )
        kind, room = _cut(source.application_failure_info.type, room)
        target.application_failure_info.type = kind
        room -= 8
    elif info == "server_failure_info":
        target.server_failure_info.non_retryable = source.server_failure_info.non_retryable
        room -= 4
    target.source, room = _cut(source.source, room)
    target.message, room = _cut(source.message, room)
    target.stack_trace, room = _cut(source.stack_trace, room)
    if source.HasField("cause") and room > 4 and depth > 0:
        _cut_into(target.cause, source.cause, room - 4, depth - 1)


def _cut(text: str, room: int) -> tuple[str, int]:
    """Return as much of a text as fits, and the room that is left."""
    raw = text.encode()[: max(room, 0)]
    kept = raw.decode(errors="ignore")
    # Four bytes for the field's tag and length.
    return kept, room - len(kept.encode()) - (4 if kept else 0)
