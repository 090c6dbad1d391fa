"""Verbs and commands of stories about children and messages between runs.

A story is one run: what the other run answers is told here, `child-started`, `child-refused` and
`child-ended`, each naming the child by its Initiated event. A test may instead tell two stories
and carry between them what one owes to the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType, EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import TerminateWorkflowExecutionRequest

from polyrhythm.api import notes
from polyrhythm.core import tables
from polyrhythm.core.decide.child import ALREADY_EXISTS
from polyrhythm.core.decide.describe import describe_run
from polyrhythm.core.decide.message import receive, settle
from polyrhythm.core.decide.terminate import decide_terminate
from polyrhythm.core.decision import Decision
from polyrhythm.testing.story_run import StoryRun
from polyrhythm.testing.story_text import set_field, set_fields


def tell_child_started(run: StoryRun, words: list[str]) -> list[Decision]:
    """`child-started INITIATED RUN`: the child runs, RUN is its run id."""
    sequence = _owed_start(run, int(words[0]))
    return [settle(run.state, sequence, run.context, run_id=words[1])]


def tell_child_refused(run: StoryRun, words: list[str]) -> list[Decision]:
    """`child-refused INITIATED`: the child's id is taken."""
    sequence = _owed_start(run, int(words[0]))
    return [settle(run.state, sequence, run.context, ALREADY_EXISTS)]


def tell_child_ended(run: StoryRun, words: list[str]) -> list[Decision]:
    """`child-ended INITIATED RUN EVENT [field=value ...]`: the chain that began with RUN is over,
    its last event is EVENT; `last=RUN` is the run that it closed, if another one."""
    initiated, first_run_id, name, *rest = words
    last = [word.removeprefix("last=") for word in rest if word.startswith("last=")]
    closed = HistoryEvent(event_type=EventType.Value(f"EVENT_TYPE_WORKFLOW_EXECUTION_{name}"))
    attributes: Any = getattr(closed, tables.ATTRIBUTES[closed.event_type])
    attributes.SetInParent()
    set_fields(attributes, [word for word in rest if not word.startswith("last=")])
    message = notes.Message(sender_workflow_id="kid", sender_run_id=(last or [first_run_id])[0])
    message.child_closed.initiated_event_id = int(initiated)
    message.child_closed.first_run_id = first_run_id
    message.child_closed.close_event = closed.SerializeToString()
    return [receive(run.state, message, 8, 1, run.context)]


def tell_terminate(run: StoryRun, words: list[str]) -> list[Decision]:
    """`terminate [field=value ...]`."""
    request = TerminateWorkflowExecutionRequest(identity="client")
    set_fields(request, words)
    return [decide_terminate(run.state, request, run.context)]


def tell_describe(run: StoryRun, _words: list[str]) -> list[Decision]:
    """`describe`: the run's description."""
    decision = Decision(run.state, run.context)
    decision.reply = describe_run(run.state)
    return [decision]


def _owed_start(run: StoryRun, initiated: int) -> int:
    for sequence, data in run.state.owed.items():
        message = notes.Message.FromString(data)
        if message.HasField("start_child") and message.sender_event_id == initiated:
            return sequence
    raise AssertionError(f"no start of child {initiated} is owed")


def _child(command: Command, words: list[str]) -> None:
    attributes = command.start_child_workflow_execution_command_attributes
    attributes.workflow_id, *rest = words
    attributes.workflow_type.name = "kid-type"
    for word in rest:
        path, _, value = word.partition("=")
        if path.startswith(("memo.", "search.")):
            # `memo.key=value` and `search.Name=value` are entries of maps.
            _set_entry(attributes, path, value)
        else:
            set_field(attributes, path, value)


def _set_entry(attributes: Any, path: str, value: str) -> None:
    kind, _, key = path.partition(".")
    fields = attributes.memo.fields
    if kind == "search":
        fields = attributes.search_attributes.indexed_fields
    fields[key].metadata["encoding"] = b"json/plain"
    fields[key].data = value.encode()


def _signal_external(command: Command, words: list[str]) -> None:
    attributes = command.signal_external_workflow_execution_command_attributes
    attributes.execution.workflow_id, *rest = words
    attributes.signal_name = "sig"
    set_fields(attributes, rest)


def _cancel_external(command: Command, words: list[str]) -> None:
    attributes = command.request_cancel_external_workflow_execution_command_attributes
    attributes.workflow_id, *rest = words
    set_fields(attributes, rest)


def _fail(command: Command, words: list[str]) -> None:
    attributes = command.fail_workflow_execution_command_attributes
    attributes.failure.message, *rest = words
    set_fields(attributes.failure, rest)


def _cancel(command: Command, words: list[str]) -> None:
    attributes = command.cancel_workflow_execution_command_attributes
    attributes.SetInParent()
    set_fields(attributes, words)


COMMANDS: dict[str, tuple[CommandType.ValueType, Callable[[Command, list[str]], None] | None]] = {
    "child": (CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION, _child),
    "child-nothing": (CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION, None),
    "signal-external": (
        CommandType.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
        _signal_external,
    ),
    "cancel-external": (
        CommandType.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
        _cancel_external,
    ),
    "fail": (CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION, _fail),
    "cancel": (CommandType.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION, _cancel),
}

VERBS: dict[str, Callable[[StoryRun, list[str]], list[Decision]]] = {
    "child-started": tell_child_started,
    "child-refused": tell_child_refused,
    "child-ended": tell_child_ended,
    "terminate": tell_terminate,
    "describe": tell_describe,
}
