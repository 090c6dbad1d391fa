"""What a run says about itself: patches, memo, search attributes.

A patch is a marker, looked up one round ahead in a replay: code behind it runs only in runs that
have recorded it, and in new ones. Its name also becomes a search attribute, so that runs that still
need the old path can be found.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import command_type_pb2 as commands
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.base.limits import SEARCH_VALUE_BYTES_MAX
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.loop.origin import find_place

if TYPE_CHECKING:
    from polyrhythm.sdk.loop.context import Context

PATCH_MARKER = "core_patch"
PATCH_KEY = "patch-data"
CHANGE_VERSION = "TemporalChangeVersion"
# How a value's type is called in the metadata of a search attribute.
ATTRIBUTE_TYPES: tuple[tuple[type, bytes], ...] = (
    (bool, b"Bool"),
    (int, b"Int"),
    (float, b"Double"),
    (str, b"Keyword"),
    (datetime, b"Datetime"),
    (list, b"KeywordList"),
    (tuple, b"KeywordList"),
)


class Patch:
    """The marker of one patch."""

    __slots__ = ("id",)

    def __init__(self, patch_id: str) -> None:
        self.id = patch_id

    def record(self, event: HistoryEvent) -> bool:
        """Take the event the command was written as."""
        return read_patch(event) == self.id


class Upsert:
    """A change of search attributes or of the memo."""

    __slots__ = ("names",)

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def record(self, event: HistoryEvent) -> bool:
        """Take the event the command was written as."""
        upsert = event.upsert_workflow_search_attributes_event_attributes
        modified = event.workflow_properties_modified_event_attributes
        if event.HasField("workflow_properties_modified_event_attributes"):
            return self.names == set(modified.upserted_memo.fields)
        return self.names == set(upsert.search_attributes.indexed_fields)


def patched(context: Context, patch_id: str, deprecated: bool) -> bool:
    """Whether this run goes the new way; recorded the first time it is asked."""
    known = context.patches.get(patch_id)
    if known is not None:
        return known
    context.check_writable(f"wf.patched({patch_id!r})")
    new = not context.replaying or patch_id in context.patches_recorded
    context.patches[patch_id] = new
    if not new:
        return False
    place = find_place()
    command = Command(command_type=commands.COMMAND_TYPE_RECORD_MARKER)
    attributes = command.record_marker_command_attributes
    attributes.marker_name = PATCH_MARKER
    payload = attributes.details[PATCH_KEY].payloads.add()
    payload.metadata["encoding"] = b"json/plain"
    payload.data = msgspec.json.encode({"id": patch_id, "deprecated": deprecated})
    context.outbox.add(command, Patch(patch_id), place)
    names = sorted(name for name, on in context.patches.items() if on)
    value = encode_attribute(context, names)
    if len(value.data) <= SEARCH_VALUE_BYTES_MAX:
        _upsert(context, {CHANGE_VERSION: value}, place)
    return True


def read_patch(event: HistoryEvent) -> str | None:
    """Return the id of the patch that a marker records; None for another marker."""
    attributes = event.marker_recorded_event_attributes
    if attributes.marker_name != PATCH_MARKER or PATCH_KEY not in attributes.details:
        return None
    data = msgspec.json.decode(attributes.details[PATCH_KEY].payloads[0].data)
    return str(data["id"])


def upsert_search_attributes(context: Context, values: Mapping[str, Any]) -> None:
    """Set search attributes of the run; None removes one."""
    context.check_writable("wf.upsert_search_attributes()")
    fields = {name: encode_attribute(context, value) for name, value in values.items()}
    if not fields:
        raise MisuseError("wf.upsert_search_attributes() needs at least one attribute")
    _upsert(context, fields, find_place())
    context.search_attributes.update(values)


def upsert_memo(context: Context, values: Mapping[str, Any]) -> None:
    """Set fields of the memo; None removes one."""
    context.check_writable("wf.upsert_memo()")
    if not values:
        raise MisuseError("wf.upsert_memo() needs at least one field")
    command = Command(command_type=commands.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES)
    fields = command.modify_workflow_properties_command_attributes.upserted_memo.fields
    for name, value in values.items():
        payload = context.settings.converter.encode(value)
        fields[name].CopyFrom(payload)
        context.memo[name] = payload
        if value is None:
            del context.memo[name]
    context.outbox.add(command, Upsert(set(values)), find_place())


def encode_attribute(context: Context, value: Any) -> Payload:
    """Return a search attribute's payload, with the type that the service indexes it by."""
    payload = Payload()
    payload.CopyFrom(context.settings.converter.encode(value))
    if value is None:
        return payload
    for kind, name in ATTRIBUTE_TYPES:
        if isinstance(value, kind):
            payload.metadata["type"] = name
            return payload
    raise MisuseError(
        f"a search attribute cannot be a {type(value).__name__}: give a bool, int, float, str,"
        " datetime or list of str"
    )


def _upsert(context: Context, fields: Mapping[str, Payload], place: Any) -> None:
    command = Command(command_type=commands.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES)
    attributes = command.upsert_workflow_search_attributes_command_attributes
    for name, payload in fields.items():
        attributes.search_attributes.indexed_fields[name].CopyFrom(payload)
    context.outbox.add(command, Upsert(set(fields)), place)
