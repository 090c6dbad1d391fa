"""What programs are made of: activities, timers, races, waits for signals, messages to others.

`Item.advance` says whether an item is done; while it is not, it adds the commands that are due.
Names begin with the kind of what they name, since a history is read by names alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Protocol

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType

from polyrhythm.base.limits import SECOND_NS


class History(Protocol):
    """What an item may know of its history."""

    asked: dict[str, int]
    done: set[str]
    cancels: set[str]
    signals: int


@dataclass(slots=True)
class Item:
    """One item; `command` is what asks for it, `other` what a race runs against. A message to
    another workflow gets its payload from the run that sends it."""

    kind: str
    name: str
    command: Command
    other: Command | None = None
    signals: int = 0

    def advance(self, seen: History, run_id: str, commands: list[Command]) -> bool:
        """Return whether the item is done; add the commands that are due."""
        if self.name not in seen.asked:
            commands.append(self._addressed(run_id))
            if self.other is not None:
                commands.append(self.other)
            return self.kind in ("marker", "memo")
        if self.kind == "wait":
            timer = self.name
            if timer not in seen.done and seen.signals >= self.signals:
                commands.append(_cancel_timer(timer))
                return True
            return timer in seen.done
        if self.kind == "race":
            return self._race(seen, commands)
        return self.name in seen.done

    def _race(self, seen: History, commands: list[Command]) -> bool:
        timer = f"timer.{self.name}"
        if self.name in seen.done:
            if timer not in seen.done:
                commands.append(_cancel_timer(timer))
            return True
        if timer in seen.done and self.name not in seen.cancels:
            command = Command(command_type=CommandType.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK)
            attributes = command.request_cancel_activity_task_command_attributes
            attributes.scheduled_event_id = seen.asked[self.name]
            commands.append(command)
        return False

    def _addressed(self, run_id: str) -> Command:
        if self.kind != "signal":
            return self.command
        command = Command()
        command.CopyFrom(self.command)
        payload = command.signal_external_workflow_execution_command_attributes.input.payloads.add()
        payload.data = f"{run_id}/{self.name}".encode()
        return command


def draw_item(random: Random, place: str, workflow_ids: int, queues: int) -> Item:
    """Draw an item."""
    kind = random.choice(
        ("activity",) * 5 + ("timer",) * 2 + ("race", "wait", "signal", "cancel", "marker", "memo")
    )
    target = f"w{random.randrange(workflow_ids + 1)}"
    if kind == "activity":
        return Item(kind, f"activity.{place}", _activity(random, f"activity.{place}", queues))
    if kind == "timer":
        return Item(kind, f"timer.{place}", _timer(f"timer.{place}", random))
    if kind == "race":
        name = f"activity.{place}"
        return Item(
            kind, name, _activity(random, name, queues), other=_timer(f"timer.{name}", random)
        )
    if kind == "wait":
        name = f"timer.{place}"
        return Item(kind, name, _timer(name, random), signals=random.randint(1, 3))
    if kind == "signal":
        return Item(kind, f"signal.{place}", _signal(f"signal.{place}", target))
    if kind == "cancel":
        return Item(kind, f"cancel.{place}", _cancel(f"cancel.{place}", target))
    return _property(kind, place)


def _span(random: Random, low_ms: int, high_ms: int) -> int:
    return random.randint(low_ms, high_ms) * (SECOND_NS // 1000)


def _activity(random: Random, name: str, queues: int) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK)
    activity = command.schedule_activity_task_command_attributes
    activity.activity_id = name
    activity.activity_type.name = "work"
    activity.task_queue.name = f"activities-{random.randrange(queues)}"
    if random.random() < 0.8:
        activity.start_to_close_timeout.FromNanoseconds(_span(random, 500, 20_000))
    if random.random() < 0.3 or not activity.HasField("start_to_close_timeout"):
        activity.schedule_to_close_timeout.FromNanoseconds(_span(random, 2_000, 90_000))
    if random.random() < 0.2:
        activity.schedule_to_start_timeout.FromNanoseconds(_span(random, 1_000, 30_000))
    if random.random() < 0.3:
        activity.heartbeat_timeout.FromNanoseconds(_span(random, 300, 5_000))
    if random.random() < 0.7:
        policy = activity.retry_policy
        policy.initial_interval.FromNanoseconds(_span(random, 1, 4_000))
        policy.backoff_coefficient = random.choice((1.0, 1.5, 2.0, 3.0))
        policy.maximum_attempts = random.choice((0, 0, 1, 2, 3, 5))
        if random.random() < 0.5:
            policy.maximum_interval.FromNanoseconds(_span(random, 4_000, 20_000))
        policy.non_retryable_error_types.append("Bad")
    for key in ("one", "two", "three"):
        activity.header.fields[key].data = key.encode()
    activity.request_eager_execution = random.random() < 0.15
    if random.random() < 0.2:
        activity.priority.priority_key = random.randint(1, 5)
    return command


def _timer(name: str, random: Random) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_START_TIMER)
    timer = command.start_timer_command_attributes
    timer.timer_id = name
    longest_ms = random.choice((10, 3_000, 30_000, 900_000))
    timer.start_to_fire_timeout.FromNanoseconds(_span(random, 0, longest_ms))
    return command


def _cancel_timer(name: str) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_CANCEL_TIMER)
    command.cancel_timer_command_attributes.timer_id = name
    return command


def _signal(name: str, target: str) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION)
    signal = command.signal_external_workflow_execution_command_attributes
    signal.execution.workflow_id = target
    signal.signal_name = "from-a-workflow"
    signal.control = name
    return command


def _cancel(name: str, target: str) -> Command:
    kind = CommandType.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION
    command = Command(command_type=kind)
    cancel = command.request_cancel_external_workflow_execution_command_attributes
    cancel.workflow_id = target
    cancel.control = name
    return command


def _property(kind: str, place: str) -> Item:
    name = f"{kind}.{place}"
    if kind == "marker":
        command = Command(command_type=CommandType.COMMAND_TYPE_RECORD_MARKER)
        marker = command.record_marker_command_attributes
        marker.marker_name = name
        marker.details["data"].payloads.add().data = b"1"
        marker.details["more"].payloads.add().data = b"2"
        return Item(kind, name, command)
    command = Command(command_type=CommandType.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES)
    fields = command.modify_workflow_properties_command_attributes.upserted_memo.fields
    fields[name].data = b"value"
    return Item(kind, name, command)
