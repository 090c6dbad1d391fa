"""RecordMarker, UpsertWorkflowSearchAttributes and ModifyWorkflowProperties.

Sizes are checked twice, as on the server: what the command brings, and what the run would have
then. Past a size the workflow is terminated; anything else fails the task.
"""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.internal.containers import MessageMap
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Memo, Payload, SearchAttributes
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.enums.v1 import event_type_pb2 as event_types

from polyrhythm.core import tables
from polyrhythm.core.context import NamespaceInfo
from polyrhythm.core.decide.attributes import encode_types, names_problem, size_problem
from polyrhythm.core.decide.commands.record import CommandRefused, Completion

_BAD_MARKER = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_RECORD_MARKER_ATTRIBUTES
_BAD_SEARCH = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES
_BAD_MODIFY = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES
)


def decide_record_marker(completion: Completion, command: Command) -> None:
    """Write a marker: whatever the worker wants to remember."""
    if not command.HasField("record_marker_command_attributes"):
        raise CommandRefused(
            _BAD_MARKER, "RecordMarkerCommandAttributes is not set on RecordMarkerCommand."
        )
    attributes = command.record_marker_command_attributes
    decision = completion.decision
    limits = decision.context.limits
    name = attributes.marker_name
    if not name:
        raise CommandRefused(_BAD_MARKER, "MarkerName is not set on RecordMarkerCommand.")
    size = len(name.encode())
    if size > limits.id_bytes_max:
        raise CommandRefused(
            _BAD_MARKER,
            "MarkerName on RecordMarkerCommand exceeds length limit."
            f" MarkerName={name} Length={size} Limit={limits.id_bytes_max}",
        )
    details = sum(len(key.encode()) + each.ByteSize() for key, each in attributes.details.items())
    if details > limits.blob_bytes_max:
        raise CommandRefused(
            _BAD_MARKER,
            "RecordMarkerCommandAttributes.Details exceeds size limit.",
            terminates=True,
        )
    event = completion.new_event(event_types.EVENT_TYPE_MARKER_RECORDED, command)
    recorded = event.marker_recorded_event_attributes
    recorded.marker_name = name
    for key, each in attributes.details.items():
        recorded.details[key].CopyFrom(each)
    if attributes.HasField("header"):
        recorded.header.CopyFrom(attributes.header)
    if attributes.HasField("failure"):
        recorded.failure.CopyFrom(attributes.failure)
    recorded.workflow_task_completed_event_id = completion.completed_event_id
    decision.append(event)


def decide_upsert_search_attributes(completion: Completion, command: Command) -> None:
    """Set or remove search attributes."""
    attributes = command.upsert_workflow_search_attributes_command_attributes
    decision = completion.decision
    wanted = attributes.search_attributes
    _check_search_attributes(command, decision.context.namespace)
    if _fields_bytes(wanted.indexed_fields) > decision.context.limits.blob_bytes_max:
        raise CommandRefused(
            _BAD_SEARCH,
            "UpsertWorkflowSearchAttributesCommandAttributes exceeds size limit.",
            terminates=True,
        )
    merged = SearchAttributes.FromString(decision.state.search_attributes)
    _merge(merged.indexed_fields, wanted.indexed_fields)
    problem = size_problem(merged)
    if problem:
        raise CommandRefused(_BAD_SEARCH, problem, terminates=True)
    event = completion.new_event(event_types.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, command)
    upserted = event.upsert_workflow_search_attributes_event_attributes
    upserted.search_attributes.CopyFrom(wanted)
    encode_types(upserted.search_attributes, decision.context.namespace)
    upserted.workflow_task_completed_event_id = completion.completed_event_id
    decision.append(event)


def decide_modify_properties(completion: Completion, command: Command) -> None:
    """Set or remove memo fields."""
    name = "ModifyWorkflowPropertiesCommand"
    if not command.HasField("modify_workflow_properties_command_attributes"):
        raise CommandRefused(_BAD_MODIFY, f"{name}Attributes is not set on {name}.")
    attributes = command.modify_workflow_properties_command_attributes
    decision = completion.decision
    limits = decision.context.limits
    if not attributes.HasField("upserted_memo"):
        raise CommandRefused(_BAD_MODIFY, f"UpsertedMemo is not set on {name}.")
    fields = attributes.upserted_memo.fields
    if not fields:
        raise CommandRefused(_BAD_MODIFY, f"UpsertedMemo.Fields is not set on {name}.")
    if _fields_bytes(fields) > limits.blob_bytes_max:
        raise CommandRefused(_BAD_MODIFY, f"{name}Attributes exceeds size limit.", terminates=True)
    merged = Memo.FromString(decision.state.memo)
    _merge(merged.fields, fields)
    if merged.ByteSize() > limits.memo_bytes_max:
        raise CommandRefused(
            _BAD_MODIFY, f"{name}Attributes. Memo exceeds size limit.", terminates=True
        )
    event = completion.new_event(event_types.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED, command)
    modified = event.workflow_properties_modified_event_attributes
    modified.upserted_memo.CopyFrom(attributes.upserted_memo)
    modified.workflow_task_completed_event_id = completion.completed_event_id
    decision.append(event)


def _check_search_attributes(command: Command, namespace: NamespaceInfo) -> None:
    name = "UpsertWorkflowSearchAttributesCommand"
    if not command.HasField("upsert_workflow_search_attributes_command_attributes"):
        raise CommandRefused(_BAD_SEARCH, f"{name}Attributes is not set on {name}.")
    attributes = command.upsert_workflow_search_attributes_command_attributes
    if not attributes.HasField("search_attributes"):
        raise CommandRefused(_BAD_SEARCH, f"SearchAttributes is not set on {name}.")
    if not attributes.search_attributes.indexed_fields:
        raise CommandRefused(_BAD_SEARCH, f"IndexedFields is not set on {name}.")
    problem = names_problem(attributes.search_attributes, namespace)
    if problem:
        raise CommandRefused(_BAD_SEARCH, problem)


def _merge(fields: MessageMap[str, Payload], news: Mapping[str, Payload]) -> None:
    for key, payload in news.items():
        if payload.data in tables.NULL_DATA:
            fields.pop(key, None)
        else:
            fields[key].CopyFrom(payload)


def _fields_bytes(fields: Mapping[str, Payload]) -> int:
    return sum(len(key.encode()) + len(payload.data) for key, payload in fields.items())
