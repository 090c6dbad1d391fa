"""Simulated workflow workers: they poll, run programs and answer, well or badly.

A worker keeps the histories of the runs it has seen and offers a sticky queue of its own. When it
dies its cache is gone, its polls are given up, and what it was working on is never answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import (
    CommandType,
    QueryResultType,
    TaskQueueKind,
    WorkflowTaskFailedCause,
)
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Response

from polyrhythm.base.errors import Unavailable
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.testing.world.network import Lost
from polyrhythm.testing.world.place import Place
from polyrhythm.testing.world.programs import Program, decide, draw_program
from polyrhythm.testing.world.releases import (
    draw_builds,
    fill_behavior,
    identity_of,
    name_version,
)
from polyrhythm.testing.world.seen import read_history
from polyrhythm.testing.world.update_answers import Answers, answer_updates

_STICKY = TaskQueueKind.TASK_QUEUE_KIND_STICKY
_NORMAL = TaskQueueKind.TASK_QUEUE_KIND_NORMAL
_WAYS = ("silent", "fail", "malformed", "oversize", "garbled", "beat", "twice")


@dataclass(slots=True)
class Seat:
    """Where a worker waits for tasks in one of its lives, and as what build."""

    queue: str
    kind: TaskQueueKind.ValueType
    build: str
    life: int


@dataclass(slots=True)
class Answer:
    """An answer to a workflow task, sent by a worker of some build in one of its lives."""

    request: Any
    run_id: str
    build: str
    life: int
    tries_left: int = 2


class WorkflowWorker:
    """A worker that polls one or all workflow queues, and its sticky queue."""

    def __init__(self, world: Place, number: int) -> None:
        self._world = world
        self._random = world.random
        self._number = number
        self._life = 0
        self._cache: dict[str, list[HistoryEvent]] = {}
        self._programs: dict[str, Program] = {}
        # By their tokens: which build has taken tasks.
        self._builds: dict[bytes, str] = {}
        self._answered = 0
        self.die()

    def die(self) -> None:
        """End this life and begin the next."""
        self._life += 1
        self._cache = {}
        self._name = f"worker-{self._number}.{self._life}"
        for build in draw_builds(self._world):
            queues = [f"workflows-{queue}" for queue in range(self._world.profile.queues)]
            seats = [Seat(queue, _NORMAL, build, self._life) for queue in queues]
            seats.append(Seat(f"sticky-{self._identity(build)}", _STICKY, build, self._life))
            for seat in seats:
                self._world.after_ms(0, 30, partial(self._poll, seat))

    def take(self, task: Any) -> None:
        """Work on a task that came with another answer."""
        self._work_later(task)

    def _identity(self, build: str) -> str:
        return identity_of(self._name, build)

    def _poll(self, seat: Seat) -> None:
        if seat.life != self._life:
            return
        request = ws.PollWorkflowTaskQueueRequest(identity=self._identity(seat.build))
        request.task_queue.name = seat.queue
        request.task_queue.kind = seat.kind
        name_version(request, seat.build)
        self._world.send(request, partial(self._polled, seat), poll=True)

    def _polled(self, seat: Seat, task: Any, error: Exception | None) -> None:
        if seat.life != self._life:
            return
        wait = self._world.pause_ms(error)
        self._world.after_ms(*wait, partial(self._poll, seat))
        if task is not None and task.task_token:
            self._builds[task.task_token] = seat.build
            self._work_later(task)
            if self._world.chance(self._world.rates.task_doubled):
                self._world.trace.count("task doubled")
                self._work_later(task)

    def _work_later(self, task: Any) -> None:
        if self._world.healing:
            low, high = 0, 3
        elif self._world.chance(self._world.rates.bad_answer / 4):
            self._world.trace.count("task answered late")
            low, high = 1_000, 20_000
        else:
            low, high = 0, self._random.choice((5, 100, 2000))
        self._world.after_ms(low, high, partial(self._work, task, self._life))

    def _work(self, task: Any, life: int) -> None:
        if life != self._life:
            return
        if task.HasField("query"):
            self._answer_query(task)
            return
        if task.next_page_token:
            request = ws.GetWorkflowExecutionHistoryRequest(next_page_token=task.next_page_token)
            request.execution.CopyFrom(task.workflow_execution)
            self._world.send(request, partial(self._read_on, task, life))
            return
        run_id = task.workflow_execution.run_id
        events = self._history(run_id, task)
        if events is None:
            self._fail(task, "history is incomplete")
        elif self._world.chance(self._world.rates.bad_answer):
            self._misbehave(task, events)
        else:
            self._complete(task, self._decide(task, events))

    def _read_on(self, task: Any, life: int, page: Any, _error: Exception | None) -> None:
        if page is None:
            self._fail(task, "history is incomplete")
            return
        # Another copy of the task may be at work.
        longer = type(task)()
        longer.CopyFrom(task)
        longer.history.events.extend(page.history.events)
        longer.next_page_token = page.next_page_token
        self._work(longer, life)

    def _history(self, run_id: str, task: Any) -> list[HistoryEvent] | None:
        events = list(task.history.events)
        if not events:
            return None
        if events[0].event_id > 1:
            before = self._cache.get(run_id)
            if before is None or before[-1].event_id + 1 != events[0].event_id:
                return None
            events = before + events
        if task.attempt == 1:
            self._cache[run_id] = events
        else:
            self._cache.pop(run_id, None)
        return events

    def _decide(self, task: Any, events: list[HistoryEvent]) -> Answers:
        started = events[0].workflow_execution_started_event_attributes
        text = started.input.payloads[0].data.decode()
        if text not in self._programs:
            self._programs[text] = draw_program(self._world.seed, text, self._world.profile)
        seen = read_history(events)
        answers = answer_updates(seen, task.messages, self._answer().decode())
        answers.commands += decide(self._programs[text], task.workflow_execution.run_id, seen)
        return answers

    def _complete(self, task: Any, answers: Answers) -> None:
        build = self._builds.get(task.task_token, "")
        request = ws.RespondWorkflowTaskCompletedRequest(
            task_token=task.task_token,
            identity=self._identity(build),
            commands=answers.commands,
            messages=answers.messages,
        )
        fill_behavior(self._world, request, build)
        # The newer SDKs can take back what a task without effect has shown them.
        can_discard = self._random.random() < 0.5
        request.capabilities.discard_speculative_workflow_task_with_events = can_discard
        if task.attempt == 1 and self._random.random() < 0.7:
            sticky = request.sticky_attributes
            sticky.worker_task_queue.name = f"sticky-{self._identity(build)}"
            sticky.worker_task_queue.kind = _STICKY
            sticky.schedule_to_start_timeout.FromNanoseconds(5 * SECOND_NS)
        request.return_new_workflow_task = self._random.random() < 0.4
        for query_id in sorted(task.queries):
            result = request.query_results[query_id]
            result.result_type = QueryResultType.QUERY_RESULT_TYPE_ANSWERED
            result.answer.payloads.add().data = self._answer()
        self._send(request, task)

    def _answer(self) -> bytes:
        self._answered += 1
        return f"{self._name}/{self._answered}".encode()

    def _answer_query(self, task: Any) -> None:
        request = ws.RespondQueryTaskCompletedRequest(task_token=task.task_token)
        request.completed_type = QueryResultType.QUERY_RESULT_TYPE_ANSWERED
        request.query_result.payloads.add().data = self._answer()
        self._send(request, task)

    def _fail(self, task: Any, message: str) -> None:
        build = self._builds.get(task.task_token, "")
        request = ws.RespondWorkflowTaskFailedRequest(
            task_token=task.task_token, identity=self._identity(build)
        )
        name_version(request, build)
        request.cause = (
            WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE
        )
        request.failure.message = message
        self._cache.pop(task.workflow_execution.run_id, None)
        self._send(request, task)

    def _misbehave(self, task: Any, events: list[HistoryEvent]) -> None:
        how = self._random.choice(_WAYS)
        self._world.trace.count(f"task {how}")
        if how == "fail":
            self._fail(task, "meant to fail")
        elif how == "malformed":
            answers = self._decide(task, events)
            bad = Command(command_type=CommandType.COMMAND_TYPE_CANCEL_TIMER)
            bad.cancel_timer_command_attributes.timer_id = "never started"
            several = len(answers.commands) > 1
            answers.commands = [*answers.commands[:1], bad] if several else [bad]
            self._complete(task, answers)
        elif how == "oversize":
            command = Command(command_type=CommandType.COMMAND_TYPE_RECORD_MARKER)
            marker = command.record_marker_command_attributes
            marker.marker_name = "marker.big"
            marker.details["data"].payloads.add().data = b"x" * 5000
            self._complete(task, Answers("", commands=[command]))
        elif how == "garbled":
            answers = Answers("")
            answers.say("nobody asked for this", "complete", Response())
            answers.messages.append(Message(id="empty", protocol_instance_id="no body"))
            self._complete(task, answers)
        elif how == "beat":
            build = self._builds.get(task.task_token, "")
            request = ws.RespondWorkflowTaskCompletedRequest(
                task_token=task.task_token, identity=self._identity(build)
            )
            fill_behavior(self._world, request, build)
            request.force_create_new_workflow_task = True
            request.return_new_workflow_task = self._random.random() < 0.5
            self._cache.pop(task.workflow_execution.run_id, None)
            self._send(request, task)
        elif how == "twice":
            answers = self._decide(task, events)
            self._complete(task, answers)
            self._world.after_ms(0, 3000, partial(self._complete, task, answers))

    def _send(self, request: Any, task: Any) -> None:
        build = self._builds.get(task.task_token, "")
        self._try(Answer(request, task.workflow_execution.run_id, build, self._life))

    def _try(self, answer: Answer) -> None:
        self._world.send(answer.request, partial(self._sent, answer))

    def _sent(self, answer: Answer, value: Any, error: Exception | None) -> None:
        if isinstance(error, (Lost, Unavailable)) and answer.tries_left:
            answer.tries_left -= 1
            if self._random.random() < 0.7:
                self._world.after_ms(10, 1000, partial(self._try, answer))
            return
        if not isinstance(value, ws.RespondWorkflowTaskCompletedResponse):
            return
        for task in value.activity_tasks:
            self._world.take_activity(task)
        if answer.life != self._life:
            return
        kept = value.reset_history_event_id
        if kept and answer.run_id in self._cache:
            self._cache[answer.run_id] = self._cache[answer.run_id][:kept]
        if value.HasField("workflow_task"):
            self._builds[value.workflow_task.task_token] = answer.build
            self._work_later(value.workflow_task)
