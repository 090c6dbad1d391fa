"""Small deterministic workflow programs and how one of them answers a workflow task.

A program is a sequence of stages of parallel items, drawn from a number in the workflow's input.
`decide` is a function of the program and the history alone, as workflow code is: an item that the
history shows as asked for is not asked for again, a stage follows when the one before is done.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType, EventType
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.testing.world.items import Item, draw_item


@dataclass(slots=True)
class Program:
    """What a workflow does."""

    stages: list[list[Item]]
    ending: str
    honours_cancel: bool


def draw_program(seed: int, number: int, workflow_ids: int, queues: int) -> Program:
    """Draw the program of a number: the same for every worker."""
    random = Random(f"{seed}/program/{number}")
    stages = []
    for stage in range(random.randint(1, 4)):
        width = random.choice((1, 1, 2, 3))
        stages.append(
            [draw_item(random, f"{stage}.{i}", workflow_ids, queues) for i in range(width)]
        )
    ending = random.choice(("complete", "complete", "complete", "fail"))
    return Program(stages, ending, random.random() < 0.7)


@dataclass(slots=True)
class Seen:
    """What a history says: event ids of what was asked for, names of what is done."""

    asked: dict[str, int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    cancels: set[str] = field(default_factory=set)
    signals: int = 0
    cancel_requested: bool = False

    def ask(self, name: str, event_id: int) -> None:
        """Note an item as asked for."""
        self.asked[name] = event_id
        self.names[event_id] = name

    def pending(self, kind: str) -> list[str]:
        """Return names of items asked for and not done, whose name begins with `kind`."""
        return [n for n in self.asked if n.startswith(kind) and n not in self.done]


def read_history(events: list[HistoryEvent]) -> Seen:
    """Return what a program needs to know of its history."""
    seen = Seen()
    for event in events:
        name = event.WhichOneof("attributes") or ""
        attributes = getattr(event, name)
        kind = event.event_type
        if kind == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            seen.ask(attributes.activity_id, event.event_id)
        elif kind == EventType.EVENT_TYPE_TIMER_STARTED:
            seen.ask(attributes.timer_id, event.event_id)
        elif kind == EventType.EVENT_TYPE_MARKER_RECORDED:
            seen.ask(attributes.marker_name, event.event_id)
            seen.done.add(attributes.marker_name)
        elif kind == EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED:
            for key in attributes.upserted_memo.fields:
                seen.ask(key, event.event_id)
                seen.done.add(key)
        elif kind in (
            EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
            EventType.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
        ):
            seen.ask(attributes.control, event.event_id)
        elif kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            seen.signals += 1
        elif kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
            seen.cancel_requested = True
        elif kind == EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED:
            seen.cancels.add(seen.names[attributes.scheduled_event_id])
        else:
            _read_end(seen, kind, attributes)
    return seen


def _read_end(seen: Seen, kind: int, attributes: object) -> None:
    if kind in (EventType.EVENT_TYPE_TIMER_FIRED, EventType.EVENT_TYPE_TIMER_CANCELED):
        seen.done.add(attributes.timer_id)  # type: ignore[attr-defined]
    elif kind in (
        EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
        EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED,
    ):
        seen.done.add(seen.names[attributes.scheduled_event_id])  # type: ignore[attr-defined]
    elif hasattr(attributes, "initiated_event_id"):
        seen.done.add(seen.names[attributes.initiated_event_id])


def decide(program: Program, run_id: str, events: list[HistoryEvent]) -> list[Command]:
    """Return the commands of a workflow task."""
    seen = read_history(events)
    if seen.cancel_requested and program.honours_cancel:
        return _wind_up(seen)
    commands: list[Command] = []
    for stage in program.stages:
        waits = False
        for item in stage:
            waits = not item.advance(seen, run_id, commands) or waits
        if waits:
            return commands
    commands.append(_ending(program.ending))
    return commands


def _wind_up(seen: Seen) -> list[Command]:
    commands = []
    for name in seen.pending("timer"):
        command = Command(command_type=CommandType.COMMAND_TYPE_CANCEL_TIMER)
        command.cancel_timer_command_attributes.timer_id = name
        commands.append(command)
    waiting = seen.pending("activity")
    commands += [cancel_activity(seen.asked[name]) for name in waiting if name not in seen.cancels]
    if not waiting:
        command = Command(command_type=CommandType.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION)
        command.cancel_workflow_execution_command_attributes.SetInParent()
        commands.append(command)
    return commands


def cancel_activity(scheduled_id: int) -> Command:
    """Return the command that asks an activity to stop."""
    command = Command(command_type=CommandType.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK)
    command.request_cancel_activity_task_command_attributes.scheduled_event_id = scheduled_id
    return command


def _ending(ending: str) -> Command:
    if ending == "fail":
        command = Command(command_type=CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION)
        attributes = command.fail_workflow_execution_command_attributes
        attributes.failure.message = "as written"
        attributes.failure.application_failure_info.type = "Meant"
        return command
    command = Command(command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION)
    result = command.complete_workflow_execution_command_attributes.result
    result.payloads.add().data = b"done"
    return command
