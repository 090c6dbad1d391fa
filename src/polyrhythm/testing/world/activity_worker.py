"""Simulated activity workers: they complete, fail, heartbeat, fall silent, answer twice or late.

Results and failures name the attempt they belong to ("result/2/..."), so that the auditor sees
when an answer ends an attempt that is not its own; 0 is an answer by activity id.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.common.v1 import Payloads

from polyrhythm.api import service as api
from polyrhythm.base.errors import PolyrhythmError, Unavailable
from polyrhythm.testing.world.network import Lost
from polyrhythm.testing.world.place import Place
from polyrhythm.testing.world.releases import draw_builds, identity_of, name_version


class ActivityWorker:
    """A worker that polls every activity queue."""

    def __init__(self, world: Place, number: int) -> None:
        self._world = world
        self._random = world.random
        self._number = number
        self._life = 0
        self._made = 0
        # The last task of each activity: its token is stale once there is another attempt.
        self._past: dict[tuple[str, str], Any] = {}
        self._ways: list[Callable[[Any], None]] = [
            *[self._complete] * 2,
            *[self._fail] * 4,
            self._fail_for_good,
            self._fail_with_delay,
            self._beat,
            self._beat,
            self._be_silent,
            self._complete_twice,
            self._complete_late,
            self._complete_by_id,
            self._fail_by_id,
            self._beat_by_id,
            self._cancel_by_id,
            self._complete_too_large,
        ]
        if "postponing" in world.profile.nouns:
            self._ways += [self._postpone] * 4
        self.die()

    def die(self) -> None:
        """End this life and begin the next: tasks it has are never answered."""
        self._life += 1
        self._name = f"doer-{self._number}.{self._life}"
        for build in draw_builds(self._world):
            for queue in range(self._world.profile.queues):
                poll = partial(self._poll, f"activities-{queue}", build, self._life)
                self._world.after_ms(0, 30, poll)

    def _poll(self, queue: str, build: str, life: int) -> None:
        if life != self._life:
            return
        request = ws.PollActivityTaskQueueRequest(identity=identity_of(self._name, build))
        request.task_queue.name = queue
        name_version(request, build)
        self._world.send(request, partial(self._polled, queue, build, life), poll=True)

    def _polled(
        self, queue: str, build: str, life: int, task: Any, error: Exception | None
    ) -> None:
        if life != self._life:
            return
        wait = self._world.pause_ms(error)
        self._world.after_ms(*wait, partial(self._poll, queue, build, life))
        if task is not None and task.task_token:
            self.take(task)
            if self._world.chance(self._world.rates.task_doubled):
                self._world.trace.count("task doubled")
                self._world.after_ms(0, 300, partial(self._work, task, self._life))

    def take(self, task: Any) -> None:
        """Work on a task."""
        healing = self._world.healing
        name = (task.workflow_execution.run_id or task.activity_run_id, task.activity_id)
        stale, self._past[name] = self._past.get(name), task
        if stale is not None and self._random.random() < 0.5:
            self._world.trace.count("activity stale answer")
            self._world.after_ms(0, 3, partial(self._complete, stale))
        high = 3 if healing else self._random.choice((5, 50, 500, 5000))
        self._world.after_ms(0, high, partial(self._work, task, self._life))

    def _work(self, task: Any, life: int) -> None:
        if life != self._life:
            return
        if self._world.healing:
            # A failure now and then is good behaviour too.
            fails = task.attempt == 1 and self._random.random() < 0.2
            (self._fail if fails else self._complete)(task)
        elif self._world.chance(self._world.rates.bad_work):
            self._random.choice(self._ways)(task)
        else:
            self._complete(task)

    def _payload(self, kind: str, attempt: int) -> bytes:
        self._made += 1
        return f"{kind}/{attempt}/{self._name}/{self._made}".encode()

    def _result(self, task: Any) -> ws.RespondActivityTaskCompletedRequest:
        request = ws.RespondActivityTaskCompletedRequest(
            task_token=task.task_token, identity=self._name
        )
        request.result.payloads.add().data = self._payload("result", task.attempt)
        return request

    def _complete(self, task: Any) -> None:
        self._send(self._result(task))

    def _complete_twice(self, task: Any) -> None:
        self._complete(task)
        self._world.after_ms(0, 2000, partial(self._complete, task))

    def _complete_late(self, task: Any) -> None:
        self._world.after_ms(2_000, 60_000, partial(self._complete, task))

    def _complete_too_large(self, task: Any) -> None:
        request = self._result(task)
        request.result.payloads[0].data += b"x" * 5000
        self._send(request)

    def _complete_by_id(self, task: Any) -> None:
        request = ws.RespondActivityTaskCompletedByIdRequest()
        self._name_activity(request, task)
        request.result.payloads.add().data = self._payload("result", 0)
        self._send(request)

    def _fail_by_id(self, task: Any) -> None:
        request = ws.RespondActivityTaskFailedByIdRequest()
        self._name_activity(request, task)
        request.failure.message = self._payload("failure", 0).decode()
        request.failure.application_failure_info.type = "Meant"
        self._send(request)

    def _beat_by_id(self, task: Any) -> None:
        request = ws.RecordActivityTaskHeartbeatByIdRequest()
        self._name_activity(request, task)
        request.details.payloads.add().data = self._payload("beat", 0)
        self._world.send(request, partial(self._beaten, task, self._life))

    def _cancel_by_id(self, task: Any) -> None:
        request = ws.RespondActivityTaskCanceledByIdRequest()
        self._name_activity(request, task)
        self._send(request)

    def _name_activity(self, request: Any, task: Any) -> None:
        execution = task.workflow_execution
        request.workflow_id = execution.workflow_id
        # Without a run id it is the newest run's activity of this name.
        run_id = execution.run_id or task.activity_run_id
        request.run_id = run_id if self._random.random() < 0.7 else ""
        request.activity_id = task.activity_id
        request.identity = self._name

    def _fail(self, task: Any) -> None:
        self._send(self._failure(task))

    def _fail_for_good(self, task: Any) -> None:
        request = self._failure(task)
        request.failure.application_failure_info.type = "Bad"
        request.failure.application_failure_info.non_retryable = self._random.random() < 0.5
        self._send(request)

    def _fail_with_delay(self, task: Any) -> None:
        request = self._failure(task)
        delay = request.failure.application_failure_info.next_retry_delay
        delay.FromNanoseconds(self._random.randint(0, 8_000) * 1_000_000)
        self._send(request)

    def _failure(self, task: Any) -> ws.RespondActivityTaskFailedRequest:
        request = ws.RespondActivityTaskFailedRequest(
            task_token=task.task_token, identity=self._name
        )
        request.failure.message = self._payload("failure", task.attempt).decode()
        request.failure.application_failure_info.type = "Meant"
        return request

    def _be_silent(self, _task: Any) -> None:
        self._world.trace.count("activity silent")

    def _postpone(self, task: Any) -> None:
        request = api.PostponeActivityTaskRequest(task_token=task.task_token)
        request.delay_ns = self._random.choice((1, 300, 3_000, 20_000)) * 1_000_000
        details = Payloads()
        details.payloads.add().data = self._payload("postponed", task.attempt)
        request.details = details.SerializeToString()
        self._send(request)

    def _beat(self, task: Any) -> None:
        request = ws.RecordActivityTaskHeartbeatRequest(
            task_token=task.task_token, identity=self._name
        )
        if self._random.random() < 0.8:
            request.details.payloads.add().data = self._payload("beat", task.attempt)
        self._world.send(request, partial(self._beaten, task, self._life))

    def _beaten(self, task: Any, life: int, value: Any, error: Exception | None) -> None:
        if life != self._life or isinstance(error, PolyrhythmError):
            return
        if value is not None and value.cancel_requested:
            request = ws.RespondActivityTaskCanceledRequest(
                task_token=task.task_token, identity=self._name
            )
            self._send(request)
            return
        again = self._beat if self._random.random() < 0.5 and not self._world.healing else None
        self._world.after_ms(10, 2000, partial(again or self._complete, task))

    def _send(self, request: Any, tries: int = 4) -> None:
        self._world.send(request, partial(self._sent, request, tries))

    def _sent(self, request: Any, tries: int, _value: Any, error: Exception | None) -> None:
        if isinstance(error, (Lost, Unavailable)) and tries > 1 and self._random.random() < 0.8:
            self._world.after_ms(10, 1000, partial(self._send, request, tries - 1))
