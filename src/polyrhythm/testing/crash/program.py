"""Batches as the engine makes them: a lane over a memory store, whose commits are written down.

A seeded client and worker make runs with children, activities, timers, updates, signals, resets,
continuations, large payloads and ends of every kind, and activities without a workflow; snapshots
are frequent, retention passes now and then. `engine_batches` gives the batches in order; they are
played again on the store that is crashed. What the calls answer is of no interest here, only what
they write.
"""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType, ParentClosePolicy
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Acceptance, Response

from polyrhythm.base.limits import DAY_NS, SECOND_NS, Limits
from polyrhythm.engine.calls import Call
from polyrhythm.engine.lane import Lane
from polyrhythm.stores.memory import MemoryStore
from polyrhythm.stores.port import Batch

ORIGIN_NS = 1_700_000_000 * SECOND_NS
QUEUE = "q"
CLOSE_POLICIES = (
    ParentClosePolicy.PARENT_CLOSE_POLICY_TERMINATE,
    ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON,
    ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
)
PAYLOADS = (0, 10, 300, 300, 4_000, 20_000)
CALLS = (
    ("_start", 4),
    ("_signal", 4),
    ("_update", 3),
    ("_work", 10),
    ("_act", 6),
    ("_start_alone", 2),
    ("_cancel_alone", 1),
    ("_reset", 1),
    ("_terminate", 1),
    ("_cancel", 1),
    ("_delete", 1),
)
NAMES = [name for name, _ in CALLS]
WEIGHTS = [weight for _, weight in CALLS]


class Tap:
    """Keeps every batch that a memory store has written."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def before_commit(self, batch: Batch) -> None:
        """Let it happen."""

    def after_commit(self, batch: Batch) -> None:
        """Keep a copy: the engine goes on with its rows."""
        kept = deepcopy(batch)
        for write in kept.runs:
            # As every store gives them back: a digest compares what it reads as text.
            write.row.kind = int(write.row.kind)
        self.batches.append(kept)


class SeededIds:
    """Run ids of one seed."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def run_id(self) -> str:
        """Return an id that no run has had."""
        text = f"{self._chance.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Program:
    """A client and a worker of one lane."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self.tap = Tap()
        store = MemoryStore(self.tap)
        owner = store.claim_lane(0, "program", "")
        # Snapshots and tails as small as they go, so that every kind of row is written.
        limits = Limits(snapshot_rows=5, cached_history_bytes_max=4096)
        self._lane = Lane(store, owner, SeededIds(Random(chance.random())), limits)
        self._now_ns = ORIGIN_NS
        self._lane.recover(self._now_ns)
        self._names = 0
        self._runs: list[tuple[str, str]] = []
        self._alone: list[str] = []

    def step(self) -> None:
        """Move the clock, make a few calls in one turn, and commit it."""
        chance = self._chance
        self._now_ns += chance.choice((1, 20, 500, 3_000)) * 1_000_000
        if chance.random() < 0.03:
            self._now_ns += DAY_NS + 3600 * SECOND_NS
        names = chance.choices(NAMES, WEIGHTS, k=chance.choice((1, 1, 2, 5)))
        self._turn([request for name in names if (request := getattr(self, name)()) is not None])

    def _turn(self, requests: list[Any]) -> list[Any]:
        lane = self._lane
        namespace = lane.memory.registry.first()
        calls = [Call(namespace, request) for request in requests]
        for call in calls:
            lane.submit(call)
        progress = lane.begin(self._now_ns)
        while lane.decide(progress):
            continue
        if lane.writes(progress):
            lane.commit(progress)
        lane.perform(progress)
        for call in calls:
            # A poll that found nothing must not take what comes later.
            call.reply.cancel()
        return [call.reply.value for call in calls]

    def _start(self) -> Any:
        self._names += 1
        name = f"w{self._names}"
        request = ws.StartWorkflowExecutionRequest(namespace="default", workflow_id=name)
        request.request_id = name
        request.workflow_type.name = "program"
        request.task_queue.name = QUEUE
        request.input.payloads.add(data=self._blob())
        [answer] = self._turn([request])
        self._runs.append((name, answer.run_id))

    def _start_alone(self) -> Any:
        self._names += 1
        request = ws.StartActivityExecutionRequest(namespace="default")
        request.activity_id = request.request_id = f"alone{self._names}"
        request.activity_type.name = "act"
        request.task_queue.name = QUEUE
        request.input.payloads.add(data=self._blob())
        request.start_to_close_timeout.seconds = 3
        request.retry_policy.initial_interval.seconds = 1
        request.retry_policy.backoff_coefficient = 1.0
        request.retry_policy.maximum_attempts = 3
        self._alone.append(request.activity_id)
        return request

    def _cancel_alone(self) -> Any:
        if not self._alone:
            return None
        request = ws.RequestCancelActivityExecutionRequest(namespace="default", request_id="c")
        request.activity_id = self._chance.choice(self._alone)
        return request

    def _signal(self) -> Any:
        request = ws.SignalWorkflowExecutionRequest(namespace="default", signal_name="s")
        request.input.payloads.add(data=self._blob())
        request.request_id = f"{self._chance.getrandbits(64)}"
        return self._named(request, request.workflow_execution)

    def _update(self) -> Any:
        request = ws.UpdateWorkflowExecutionRequest(namespace="default")
        request.request.meta.update_id = f"{self._chance.getrandbits(64)}"
        request.request.input.name = "up"
        return self._named(request, request.workflow_execution)

    def _terminate(self) -> Any:
        request = ws.TerminateWorkflowExecutionRequest(namespace="default")
        return self._named(request, request.workflow_execution)

    def _cancel(self) -> Any:
        request = ws.RequestCancelWorkflowExecutionRequest(namespace="default")
        return self._named(request, request.workflow_execution)

    def _delete(self) -> Any:
        request = ws.DeleteWorkflowExecutionRequest(namespace="default")
        return self._named(request, request.workflow_execution)

    def _reset(self) -> Any:
        request = ws.ResetWorkflowExecutionRequest(namespace="default", reason="again")
        request.request_id = f"{self._chance.getrandbits(64)}"
        request.workflow_task_finish_event_id = 4
        return self._named(request, request.workflow_execution)

    def _named(self, request: Any, execution: Any) -> Any:
        if not self._runs:
            return None
        execution.workflow_id, run_id = self._chance.choice(self._runs)
        if self._chance.random() < 0.2:
            execution.run_id = run_id
        return request

    def _work(self) -> Any:
        poll = ws.PollWorkflowTaskQueueRequest(namespace="default", identity="worker")
        poll.task_queue.name = QUEUE
        [task] = self._turn([poll])
        if task is None or not task.task_token:
            return None
        request = ws.RespondWorkflowTaskCompletedRequest(namespace="default")
        request.task_token = task.task_token
        for message in task.messages:
            self._answer_update(request, message)
        for _ in range(self._chance.choice((0, 1, 1, 2))):
            request.commands.append(self._command())
        if self._chance.random() < 0.2:
            request.commands.append(self._end())
        return request

    def _answer_update(
        self, request: ws.RespondWorkflowTaskCompletedRequest, update: Message
    ) -> None:
        accept = Acceptance(accepted_request_message_id=update.id)
        accept.accepted_request_sequencing_event_id = update.event_id
        respond = Response()
        respond.meta.update_id = update.protocol_instance_id
        respond.outcome.success.payloads.add(data=self._blob())
        for body in (accept, respond):
            name = f"{update.protocol_instance_id}/{type(body).__name__}"
            message = request.messages.add(id=name)
            message.protocol_instance_id = update.protocol_instance_id
            message.body.Pack(body)
            command = request.commands.add(command_type=CommandType.COMMAND_TYPE_PROTOCOL_MESSAGE)
            command.protocol_message_command_attributes.message_id = name

    def _command(self) -> Command:
        self._names += 1
        kind = self._chance.choice(("activity", "activity", "timer", "child", "marker"))
        command = Command()
        if kind == "activity":
            command.command_type = CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK
            activity = command.schedule_activity_task_command_attributes
            activity.activity_id = f"a{self._names}"
            activity.activity_type.name = "act"
            activity.task_queue.name = QUEUE
            activity.input.payloads.add(data=self._blob())
            activity.start_to_close_timeout.seconds = 30
        elif kind == "timer":
            command.command_type = CommandType.COMMAND_TYPE_START_TIMER
            command.start_timer_command_attributes.timer_id = f"t{self._names}"
            command.start_timer_command_attributes.start_to_fire_timeout.seconds = 1
        elif kind == "child":
            command.command_type = CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION
            child = command.start_child_workflow_execution_command_attributes
            child.workflow_id = f"w{self._names}"
            child.workflow_type.name = "program"
            child.task_queue.name = QUEUE
            child.parent_close_policy = self._chance.choice(CLOSE_POLICIES)
            self._runs.append((child.workflow_id, ""))
        else:
            command.command_type = CommandType.COMMAND_TYPE_RECORD_MARKER
            command.record_marker_command_attributes.marker_name = "m"
            details = command.record_marker_command_attributes.details["d"]
            details.payloads.add(data=self._blob())
        return command

    def _end(self) -> Command:
        command = Command()
        how = self._chance.choice(("complete", "complete", "fail", "again"))
        if how == "complete":
            command.command_type = CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION
            done = command.complete_workflow_execution_command_attributes
            done.result.payloads.add(data=self._blob())
        elif how == "fail":
            command.command_type = CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION
            command.fail_workflow_execution_command_attributes.failure.message = "no"
        else:
            command.command_type = CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION
            again = command.continue_as_new_workflow_execution_command_attributes
            again.workflow_type.name = "program"
            again.task_queue.name = QUEUE
        return command

    def _act(self) -> Any:
        poll = ws.PollActivityTaskQueueRequest(namespace="default", identity="worker")
        poll.task_queue.name = QUEUE
        [task] = self._turn([poll])
        if task is None or not task.task_token:
            return None
        if self._chance.random() < 0.2:
            failed = ws.RespondActivityTaskFailedRequest(namespace="default")
            failed.task_token = task.task_token
            failed.failure.message = "again"
            failed.failure.application_failure_info.SetInParent()
            return failed
        done = ws.RespondActivityTaskCompletedRequest(namespace="default")
        done.task_token = task.task_token
        done.result.payloads.add(data=self._blob())
        return done

    def _blob(self) -> bytes:
        return self._chance.randbytes(self._chance.choice(PAYLOADS))


def engine_batches(seed: int, count: int) -> list[Batch]:
    """Return so many batches of one seed, the first ones of a new file."""
    program = Program(Random(seed))
    while len(program.tap.batches) < count:
        program.step()
    return program.tap.batches[:count]
