"""Commands and events in a user's words, for the message of a NondeterminismError.

Both sides are spelt alike, `task 'charge' (1)`, so that the eye finds the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType, EventType
from temporalio.api.enums.v1 import command_type_pb2 as commands
from temporalio.api.enums.v1 import event_type_pb2 as types
from temporalio.api.history.v1 import HistoryEvent

Spell = Callable[[Any], str]


def spell_marker(attributes: Any) -> str:
    """Return what a marker records."""
    for key in ("patch-data", "event", "data"):
        if key in attributes.details:
            data = b" ".join(one.data for one in attributes.details[key].payloads)
            return f"a marker {attributes.marker_name!r} {data.decode(errors='replace')}"
    return f"a marker {attributes.marker_name!r}"


COMMANDS: dict[int, Spell] = {
    commands.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK: (
        lambda a: f"task {a.activity_type.name!r} ({a.activity_id})"
    ),
    commands.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK: (
        lambda a: f"cancelling the task of event {a.scheduled_event_id}"
    ),
    commands.COMMAND_TYPE_START_TIMER: lambda a: f"a timer ({a.timer_id})",
    commands.COMMAND_TYPE_CANCEL_TIMER: lambda a: f"cancelling the timer ({a.timer_id})",
    commands.COMMAND_TYPE_RECORD_MARKER: spell_marker,
    commands.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION: (
        lambda a: f"a child {a.workflow_type.name!r} ({a.workflow_id})"
    ),
    commands.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION: (
        lambda a: f"cancelling the workflow {a.workflow_id!r}"
    ),
    commands.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION: (
        lambda a: f"signal {a.signal_name!r} to the workflow {a.execution.workflow_id!r}"
    ),
    commands.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: (
        lambda a: f"search attributes {sorted(a.search_attributes.indexed_fields)}"
    ),
    commands.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES: (
        lambda a: f"memo {sorted(a.upserted_memo.fields)}"
    ),
    commands.COMMAND_TYPE_PROTOCOL_MESSAGE: lambda a: f"update message {a.message_id!r}",
    commands.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION: lambda _: "the workflow's result",
    commands.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION: (
        lambda a: f"the workflow's failure {a.failure.message!r}"
    ),
    commands.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION: lambda _: "the workflow's cancellation",
    commands.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION: (
        lambda a: f"continuing as new {a.workflow_type.name!r}"
    ),
}
# Events whose attributes have the same names as their commands' read as these do.
ALIKE = {
    types.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: commands.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
    types.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED: (
        commands.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK
    ),
    types.EVENT_TYPE_TIMER_STARTED: commands.COMMAND_TYPE_START_TIMER,
    types.EVENT_TYPE_TIMER_CANCELED: commands.COMMAND_TYPE_CANCEL_TIMER,
    types.EVENT_TYPE_MARKER_RECORDED: commands.COMMAND_TYPE_RECORD_MARKER,
    types.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: (
        commands.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION
    ),
    types.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: (
        commands.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES
    ),
    types.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: (
        commands.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES
    ),
    types.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: (
        commands.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION
    ),
    types.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: commands.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
    types.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: commands.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION,
    types.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: (
        commands.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION
    ),
}
EVENTS: dict[int, Spell] = {
    **{event: COMMANDS[command] for event, command in ALIKE.items()},
    types.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: (
        lambda a: f"cancelling the workflow {a.workflow_execution.workflow_id!r}"
    ),
    types.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: (
        lambda a: f"signal {a.signal_name!r} to the workflow {a.workflow_execution.workflow_id!r}"
    ),
    types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: (
        lambda a: f"the acceptance of update {a.protocol_instance_id!r}"
    ),
    types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED: (
        lambda a: f"the result of update {a.meta.update_id!r}"
    ),
}


def spell_command(command: Command) -> str:
    """Return a command in words."""
    spell = COMMANDS.get(command.command_type)
    if spell is None:
        return CommandType.Name(command.command_type)
    name = next(
        field.name for field, _ in command.ListFields() if field.name.endswith("_attributes")
    )
    return spell(getattr(command, name))


def spell_event(event: HistoryEvent) -> str:
    """Return an event in words."""
    spell = EVENTS.get(event.event_type)
    if spell is None:
        return EventType.Name(event.event_type)
    return spell(getattr(event, str(event.WhichOneof("attributes"))))
