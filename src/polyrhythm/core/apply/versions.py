"""Applies which worker completed a workflow task: its build, reset points, and what lists show.

A completion by a build that the run has not met adds a reset point; a chain hands its points on.
Build ids are a search attribute of the run. A completion like the one before it changes nothing,
and costs a comparison.
Source: afterAddWorkflowTaskCompletedEvent of the server's workflow task state machine.
"""

from __future__ import annotations

import json

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.history.v1 import (
    WorkflowExecutionStartedEventAttributes,
    WorkflowTaskCompletedEventAttributes,
)

from polyrhythm.base.limits import RESET_POINTS_MAX, SEARCH_VALUE_BYTES_MAX
from polyrhythm.core.durations import span_ns
from polyrhythm.core.state import ResetPoint, RunState

BUILD_IDS = "BuildIds"
UNVERSIONED = "unversioned"
# What may stand first in the list, one at most.
_SENTINELS = ("assigned:", "pinned:")


def apply_started(state: RunState, started: WorkflowExecutionStartedEventAttributes) -> None:
    """Take over the reset points of the run before."""
    if started.HasField("prev_auto_reset_points"):
        state.reset_points = tuple(
            ResetPoint(
                point.binary_checksum,
                point.build_id,
                point.run_id,
                point.first_workflow_task_completed_id,
                span_ns(point.create_time),
                span_ns(point.expire_time),
                point.resettable,
            )
            for point in started.prev_auto_reset_points.points
        )


def apply_completed(
    state: RunState,
    completed: WorkflowTaskCompletedEventAttributes,
    event_id: int,
    time: Timestamp,
) -> None:
    """Remember the build that completed a workflow task."""
    stamp, build_id = b"", ""
    if completed.HasField("worker_version"):
        build_id = completed.worker_version.build_id
        stamp = completed.worker_version.SerializeToString(deterministic=True)
    checksum = completed.binary_checksum
    if state.last_checksum == checksum and state.worker_stamp == stamp:
        return
    state.worker_stamp, state.last_checksum = stamp, checksum
    added = _add_reset_point(state, checksum, build_id, event_id, span_ns(time))
    entry = ""
    if stamp:
        versioned = completed.worker_version.use_versioning
        kind = "versioned" if versioned else UNVERSIONED
        entry = f"{kind}:{build_id}" if build_id else UNVERSIONED
    _add_build_id(state, entry)
    if added and checksum:
        checksums = [point.checksum for point in state.reset_points if point.checksum]
        set_attributes(state, {"BinaryChecksums": encode_words(checksums)})


def encode_words(values: list[str]) -> Payload:
    """Return the payload of a list of keywords."""
    payload = Payload()
    payload.metadata["encoding"] = b"json/plain"
    payload.metadata["type"] = b"KeywordList"
    payload.data = _encode_json(values)
    return payload


def set_attributes(state: RunState, changes: dict[str, Payload | None]) -> None:
    """Set search attributes of a run; None removes one."""
    attributes = SearchAttributes.FromString(state.search_attributes)
    for name, payload in changes.items():
        if payload is None:
            attributes.indexed_fields.pop(name, None)
        else:
            attributes.indexed_fields[name].CopyFrom(payload)
    state.search_attributes = attributes.SerializeToString(deterministic=True)


def _add_reset_point(
    state: RunState, checksum: str, build_id: str, event_id: int, time_ns: int
) -> bool:
    for point in state.reset_points:
        if point.checksum == checksum and point.build_id == build_id:
            return False
    pending = state.children or state.external_signals or state.external_cancels
    point = ResetPoint(checksum, build_id, state.run_id, event_id, time_ns, resettable=not pending)
    state.reset_points = (*state.reset_points, point)[-RESET_POINTS_MAX:]
    return True


def _add_build_id(state: RunState, entry: str) -> None:
    if not state.search_attributes and not entry:
        # What most runs of this process's own workers come to: no message is built for it.
        state.search_attributes = _ALONE
        return
    attributes = SearchAttributes.FromString(state.search_attributes)
    before = _words(attributes.indexed_fields[BUILD_IDS])
    values = [UNVERSIONED]
    values += [
        value for value in before if value != UNVERSIONED and not value.startswith(_SENTINELS)
    ]
    if entry and entry not in values:
        values.append(entry)
    attributes.indexed_fields[BUILD_IDS].CopyFrom(encode_words(_cut(values)))
    state.search_attributes = attributes.SerializeToString(deterministic=True)


def _encode_json(value: object) -> bytes:
    # The server's language escapes what would be markup in a page.
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for mark in "&<>\u2028\u2029":
        if mark in text:
            text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text.encode()


def _words(payload: Payload) -> list[str]:
    value = json.loads(payload.data) if payload.data else []
    return [value] if isinstance(value, str) else list(value or [])


def _cut(values: list[str]) -> list[str]:
    # The oldest builds go first; the sentinel stays.
    while len(encode_words(values).data) > SEARCH_VALUE_BYTES_MAX:
        del values[1]
    return values


_ALONE = SearchAttributes(
    indexed_fields={BUILD_IDS: encode_words([UNVERSIONED])}
).SerializeToString(deterministic=True)
