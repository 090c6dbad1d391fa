"""A lane over a memory store with a clock that the test moves: one call is one turn."""

from __future__ import annotations

from itertools import count
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType, EventType

from polyrhythm.base.errors import StoreError
from polyrhythm.base.limits import SECOND_NS, Limits
from polyrhythm.engine.calls import Call
from polyrhythm.engine.lane import Lane
from polyrhythm.engine.reply import Reply
from polyrhythm.stores.memory.store import MemoryStore

START_NS = 1_700_000_000 * SECOND_NS


class CountedIds:
    """Ids in order, as UUID strings."""

    def __init__(self) -> None:
        self._count = count(1)

    def run_id(self) -> str:
        return f"00000000-0000-7000-8000-{next(self._count):012d}"


class Rig:
    """One process: a lane that can be crashed and started again on the same store."""

    def __init__(self, limits: Limits | None = None, faults: Any = None, store: Any = None) -> None:
        self.limits = limits or Limits()
        self.faults = faults
        self.store = store if store is not None else MemoryStore(faults)
        self.ids = CountedIds()
        self.now_ns = START_NS
        self.lane = self.open()

    def open(self) -> Lane:
        owner = self.store.claim_lane(0, "rig", "")
        lane = Lane(self.store, owner, self.ids, self.limits)
        lane.recover(self.now_ns)
        return lane

    def crash(self) -> None:
        """Lose everything but the store, and start again."""
        self.store = self.store.reopen(self.faults)
        self.lane = self.open()
        self.turn()

    def submit(self, request: Any, deadline_s: float = 0) -> Reply:
        deadline_ns = self.now_ns + int(deadline_s * SECOND_NS) if deadline_s else 0
        namespace = self.lane.memory.registry.find("default")
        call = Call(namespace, request, deadline_ns, "rig")
        self.lane.submit(call)
        return call.reply

    def turn(self) -> None:
        progress = self.lane.begin(self.now_ns)
        while self.lane.decide(progress):
            self.lane.activate(progress)
        try:
            if self.lane.writes(progress):
                self.lane.commit(progress)
        except StoreError as error:
            self.lane.abort(progress, error)
        else:
            self.lane.perform(progress)

    def call(self, request: Any) -> Any:
        """Submit, take one turn, return the answer or raise the refusal."""
        reply = self.submit(request)
        self.turn()
        assert reply.done, "not answered in its turn"
        if reply.error is not None:
            raise reply.error
        return reply.value

    def advance(self, seconds: float) -> None:
        """Move the clock and take turns until nothing is due."""
        self.now_ns += int(seconds * SECOND_NS)
        self.turn()
        while self.lane.busy:
            self.turn()

    def events(self, workflow_id: str = "w") -> list[str]:
        request = ws.GetWorkflowExecutionHistoryRequest(namespace="default")
        request.execution.workflow_id = workflow_id
        history = self.call(request).history
        names = [EventType.Name(event.event_type) for event in history.events]
        return [name.removeprefix("EVENT_TYPE_") for name in names]

    def poll(self, queue: str = "q") -> ws.PollWorkflowTaskQueueResponse:
        return self.call(poll_request(queue))

    def run_commands(self, *commands: Command, queue: str = "q") -> Any:
        """Take the next workflow task and complete it with these commands."""
        return self.call(completed_request(self.poll(queue).task_token, *commands))


def start_request(workflow_id: str = "w", queue: str = "q") -> ws.StartWorkflowExecutionRequest:
    request = ws.StartWorkflowExecutionRequest(namespace="default", workflow_id=workflow_id)
    request.request_id = f"start-{workflow_id}"
    request.workflow_type.name = "type"
    request.task_queue.name = queue
    return request


def signal_request(workflow_id: str = "w", name: str = "s") -> ws.SignalWorkflowExecutionRequest:
    request = ws.SignalWorkflowExecutionRequest(namespace="default", signal_name=name)
    request.workflow_execution.workflow_id = workflow_id
    return request


def poll_request(queue: str = "q") -> ws.PollWorkflowTaskQueueRequest:
    request = ws.PollWorkflowTaskQueueRequest(namespace="default", identity="worker")
    request.task_queue.name = queue
    return request


def poll_activity_request(queue: str = "q") -> ws.PollActivityTaskQueueRequest:
    request = ws.PollActivityTaskQueueRequest(namespace="default", identity="worker")
    request.task_queue.name = queue
    return request


def completed_request(token: bytes, *commands: Command) -> ws.RespondWorkflowTaskCompletedRequest:
    request = ws.RespondWorkflowTaskCompletedRequest(namespace="default", identity="worker")
    request.task_token = token
    request.commands.extend(commands)
    return request


def complete() -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION)
    command.complete_workflow_execution_command_attributes.SetInParent()
    return command


def timer(timer_id: str, seconds: int) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_START_TIMER)
    command.start_timer_command_attributes.timer_id = timer_id
    command.start_timer_command_attributes.start_to_fire_timeout.seconds = seconds
    return command


def activity(activity_id: str, queue: str = "q") -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK)
    attributes = command.schedule_activity_task_command_attributes
    attributes.activity_id = activity_id
    attributes.activity_type.name = "act"
    attributes.task_queue.name = queue
    attributes.start_to_close_timeout.seconds = 30
    return command
