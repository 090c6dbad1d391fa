"""Applies which worker completed a workflow task, and which version a run is bound to.

A completion by a build that the run has not met adds a reset point; a chain hands its points on.
What lists know of builds and versions are search attributes. A completion of an unversioned run
like the one before it changes nothing, and costs a comparison.
Source: afterAddWorkflowTaskCompletedEvent and updateVersioningOverride of the server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.history.v1 import (
    WorkflowExecutionOptionsUpdatedEventAttributes,
    WorkflowExecutionStartedEventAttributes,
    WorkflowTaskCompletedEventAttributes,
)

from polyrhythm.api import notes
from polyrhythm.base.limits import RESET_POINTS_MAX, SEARCH_VALUE_BYTES_MAX
from polyrhythm.core.durations import span_ns
from polyrhythm.core.state import ResetPoint, RunState, Version, VersioningState
from polyrhythm.core.versions import (
    AUTO_UPGRADE,
    BEHAVIOR_WORDS,
    PINNED,
    effective_behavior,
    effective_version,
    parse_override,
    spell_version,
    version_of,
)

BUILD_IDS = "BuildIds"
UNVERSIONED = "unversioned"
# What may stand first in the list, one at most.
_SENTINELS = ("assigned:", "pinned")


def apply_started(state: RunState, started: WorkflowExecutionStartedEventAttributes) -> None:
    """Take over the reset points of the run before, and the version that the start names."""
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
    versioning = VersioningState()
    if started.HasField("versioning_override"):
        versioning.override, versioning.pinned = parse_override(started.versioning_override)
    if started.HasField("inherited_pinned_version"):
        versioning.behavior = PINNED
        versioning.version = version_of(started.inherited_pinned_version)
        if started.continued_execution_run_id and started.HasField(
            "declined_target_version_upgrade"
        ):
            declined = started.declined_target_version_upgrade
            known = declined.HasField("deployment_version")
            versioning.declined = (version_of(declined.deployment_version) if known else None,)
    if started.HasField("inherited_auto_upgrade_info"):
        inherited = started.inherited_auto_upgrade_info
        versioning.behavior = AUTO_UPGRADE
        versioning.version = version_of(inherited.source_deployment_version)
        versioning.revision = inherited.source_deployment_revision_number
        versioning.initial_behavior = inherited.continue_as_new_initial_versioning_behavior
    if versioning.behavior or versioning.override:
        state.versioning = versioning
        _set_version_attributes(state, "", False, None)
        version = effective_version(versioning)
        state.deployment_name = version[0] if version is not None else ""


def apply_completed(
    state: RunState,
    completed: WorkflowTaskCompletedEventAttributes,
    event_id: int,
    time: Timestamp,
) -> None:
    """Remember the build that completed a workflow task, and the version it says it is of."""
    stamp, build_id, entry, stamped = b"", "", "", False
    if completed.HasField("worker_version"):
        build_id = completed.worker_version.build_id
        stamp = completed.worker_version.SerializeToString(deterministic=True)
    checksum, name = completed.binary_checksum, completed.worker_deployment_name
    version = None
    if completed.HasField("deployment_version"):
        version = version_of(completed.deployment_version)
    if (
        state.last_checksum == checksum
        and state.worker_stamp == stamp
        and state.versioning is None
        and state.deployment_name == name
        and version is None
    ):
        return
    state.worker_stamp, state.last_checksum, state.deployment_name = stamp, checksum, name
    if completed.versioning_behavior or state.versioning is not None:
        _bind(state, completed.versioning_behavior, version)
    if stamp:
        stamped = completed.worker_version.use_versioning
        kind = "versioned" if stamped else UNVERSIONED
        entry = f"{kind}:{build_id}" if build_id else UNVERSIONED
    if version is not None:
        build_id = version[1]
    added = _add_reset_point(state, checksum, build_id, event_id, span_ns(time))
    _set_version_attributes(state, entry, stamped, version)
    if added and checksum:
        checksums = [point.checksum for point in state.reset_points if point.checksum]
        set_attributes(state, {"BinaryChecksums": encode_words(checksums)})


def apply_override(
    state: RunState, updated: WorkflowExecutionOptionsUpdatedEventAttributes
) -> None:
    """Bind a run to a version from outside, or let it go; what is in effect may stay as it is."""
    if updated.unset_versioning_override:
        if state.versioning is None:
            state.deployment_name = ""
            return
        override, pinned = 0, None
    elif updated.HasField("versioning_override"):
        override, pinned = parse_override(updated.versioning_override)
    else:
        return
    before = state.versioning or VersioningState()
    after = replace(before, override=override, pinned=pinned)
    state.versioning = after
    if override == PINNED and pinned is not None:
        state.deployment_name = pinned[0]
    elif not override:
        state.deployment_name = after.version[0] if after.version is not None else ""
    changed = effective_version(after) != effective_version(before)
    if changed or effective_behavior(after) != effective_behavior(before):
        state.versioning = replace(after, in_transition=False, target=None)
        state.sticky_queue = ""
        _set_version_attributes(state, "", False, None)


def apply_transition(state: RunState, note: notes.Note) -> None:
    """The run moves to the version of a worker that took one of its tasks."""
    change = note.version_transition
    target = _version(change.target) if change.HasField("target") else None
    before = state.versioning or VersioningState()
    state.versioning = replace(before, in_transition=True, target=target, revision=change.revision)
    state.sticky_queue = ""


def apply_target_seen(state: RunState, note: notes.Note) -> None:
    """A pinned run's worker was told of the version that it would go to, or need not be."""
    seen = note.target_version_seen
    assert state.versioning is not None
    notified = (_version(seen.notified) if seen.HasField("notified") else None,)
    declined = (_version(seen.declined) if seen.HasField("declined") else None,)
    state.versioning = replace(
        state.versioning,
        notified=notified if seen.is_notified else None,
        declined=declined if seen.is_declined else None,
    )


def encode_words(values: list[str]) -> Payload:
    """Return the payload of a list of keywords."""
    payload = Payload()
    payload.metadata["encoding"] = b"json/plain"
    payload.metadata["type"] = b"KeywordList"
    # An empty list is null in the server's language.
    payload.data = _encode_json(values or None)
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


def _bind(state: RunState, behavior: int, version: Version | None) -> None:
    after = replace(state.versioning or VersioningState(), behavior=behavior, version=version)
    if after.in_transition and after.target == version:
        after.in_transition, after.target = False, None
    if not behavior:
        after.version = None
    state.versioning = after


def _set_version_attributes(
    state: RunState, entry: str, stamped: bool, used: Version | None
) -> None:
    """Set what lists know of a run's versions. `entry`: the build of its last task, `stamped`:
    versioned by that alone, `used`: the version that completed it."""
    versioning = state.versioning
    if versioning is None and not state.search_attributes and not (entry or state.deployment_name):
        # What most runs of this process's own workers come to: no message is built for it.
        state.search_attributes = _ALONE
        return
    attributes = SearchAttributes.FromString(state.search_attributes)
    fields = attributes.indexed_fields
    behavior, version, name = 0, None, state.deployment_name
    if versioning is not None:
        behavior = versioning.override or versioning.behavior
        version = versioning.pinned if versioning.override == PINNED else versioning.version
        name = version[0] if version is not None else name
    values = _build_ids(_words(fields, BUILD_IDS), entry, stamped, behavior, version)
    if values != _words(fields, BUILD_IDS):
        fields[BUILD_IDS].CopyFrom(encode_words(_cut(values, keep=1)))
    if used is not None:
        uses = _words(fields, "TemporalUsedWorkerDeploymentVersions")
        if spell_version(used) not in uses:
            uses = _cut([*uses, spell_version(used)], keep=0)
            fields["TemporalUsedWorkerDeploymentVersions"].CopyFrom(encode_words(uses))
    for attribute, word in (
        ("TemporalWorkerDeployment", name),
        ("TemporalWorkerDeploymentVersion", spell_version(version)),
        ("TemporalWorkflowVersioningBehavior", BEHAVIOR_WORDS.get(behavior, "")),
    ):
        if word:
            fields[attribute].CopyFrom(_encode_word(word))
        elif attribute in fields:
            del fields[attribute]
    state.search_attributes = attributes.SerializeToString(deterministic=True)


def _build_ids(
    before: list[str], entry: str, stamped: bool, behavior: int, version: Version | None
) -> list[str]:
    values = []
    if not behavior and not stamped:
        values.append(UNVERSIONED)
    if behavior == PINNED:
        values.append(f"pinned:{spell_version(version)}")
    values += [
        value for value in before if value != UNVERSIONED and not value.startswith(_SENTINELS)
    ]
    if entry and entry not in values:
        values.append(entry)
    return values


def _version(message: notes.Version) -> Version:
    return message.deployment_name, message.build_id


def _encode_json(value: object) -> bytes:
    # The server's language escapes what would be markup in a page.
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for mark in "&<>\u2028\u2029":
        if mark in text:
            text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text.encode()


def _words(fields: Mapping[str, Payload], name: str) -> list[str]:
    data = fields[name].data if name in fields else b""
    value = json.loads(data) if data else []
    return [value] if isinstance(value, str) else list(value or [])


def _encode_word(value: str) -> Payload:
    payload = Payload()
    payload.metadata["encoding"] = b"json/plain"
    payload.metadata["type"] = b"Keyword"
    payload.data = _encode_json(value)
    return payload


def _cut(values: list[str], keep: int) -> list[str]:
    # The oldest go first; a sentinel stays.
    while len(encode_words(values).data) > SEARCH_VALUE_BYTES_MAX:
        del values[keep]
    return values


_ALONE = SearchAttributes(
    indexed_fields={BUILD_IDS: encode_words([UNVERSIONED])}
).SerializeToString(deterministic=True)
