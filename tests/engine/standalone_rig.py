"""A rig for activities without a workflow: it holds every state to the fold of its log."""

from __future__ import annotations

from typing import Any

import temporalio.api.enums.v1 as enums
import temporalio.api.workflowservice.v1 as ws
from google.protobuf.duration_pb2 import Duration
from temporalio.api.failure.v1 import Failure

from engine.rig import Rig, poll_activity_request
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.limits import Limits
from polyrhythm.core.snapshot import FOLD_VERSION
from polyrhythm.engine.natures import NATURES
from polyrhythm.engine.turn import fold_run
from polyrhythm.stores.port import RunFilter

STATUS = enums.ActivityExecutionStatus
SPANS = ("start_to_close", "schedule_to_close", "schedule_to_start", "heartbeat")


class Stage:
    """A rig that holds every state to the fold of its log, after every turn."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.rig = Rig(limits)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rig, name)

    def call(self, request: Any) -> Any:
        try:
            return self.rig.call(request)
        finally:
            self._check()

    def turn(self) -> None:
        self.rig.turn()
        self._check()

    def advance(self, seconds: float) -> None:
        self.rig.advance(seconds)
        self._check()

    def _check(self) -> None:
        for row in self.store.list_runs(RunFilter(1, kind=EntityKind.ACTIVITY)):
            folded = fold_run(self.store.load_run(row.run_key, FOLD_VERSION)).state
            live = self.lane.memory.world.cache.get(row.run_key)
            if live is not None:
                assert live.state == folded
            nature = NATURES[EntityKind.ACTIVITY]
            assert nature.decode(nature.encode(folded)) == folded

    def start(self, activity_id: str = "a", **given: Any) -> str:
        self.call(start_request(activity_id, **given))
        return self.describe(activity_id).run_id

    def describe(self, activity_id: str = "a") -> Any:
        request = ws.DescribeActivityExecutionRequest(namespace="default", activity_id=activity_id)
        return self.call(request).info

    def status(self, activity_id: str = "a") -> str:
        name = STATUS.Name(self.describe(activity_id).status)
        return name.removeprefix("ACTIVITY_EXECUTION_STATUS_").lower()

    def outcome(self, activity_id: str = "a") -> Any:
        return self.call(poll_outcome(activity_id)).outcome

    def work(self) -> Any:
        task = self.call(poll_activity_request())
        assert task.task_token
        return task


def start_request(activity_id: str = "a", **given: Any) -> ws.StartActivityExecutionRequest:
    request = ws.StartActivityExecutionRequest(namespace="default", activity_id=activity_id)
    request.activity_type.name = "act"
    request.task_queue.name = "q"
    request.request_id = given.pop("request_id", f"start-{activity_id}")
    request.id_reuse_policy, request.id_conflict_policy = 1, 1
    policy = request.retry_policy
    policy.initial_interval.seconds, policy.backoff_coefficient = 10, 2.0
    policy.maximum_interval.seconds = 1000
    policy.maximum_attempts = given.pop("attempts", 0)
    given.setdefault("start_to_close", 60)
    for name in SPANS:
        if name in given:
            getattr(request, f"{name}_timeout").CopyFrom(Duration(seconds=given.pop(name)))
    if "delay" in given:
        request.start_delay.seconds = given.pop("delay")
    for name, value in given.items():
        setattr(request, name, value)
    return request


def poll_outcome(activity_id: str = "a") -> ws.PollActivityExecutionRequest:
    return ws.PollActivityExecutionRequest(namespace="default", activity_id=activity_id)


def completed(token: bytes) -> ws.RespondActivityTaskCompletedRequest:
    request = ws.RespondActivityTaskCompletedRequest(task_token=token, identity="worker")
    request.result.payloads.add(data=b"out")
    return request


def failed(token: bytes, retryable: bool = True) -> ws.RespondActivityTaskFailedRequest:
    failure = Failure(message="broken")
    failure.application_failure_info.non_retryable = not retryable
    return ws.RespondActivityTaskFailedRequest(task_token=token, failure=failure)


def canceled(token: bytes) -> ws.RespondActivityTaskCanceledRequest:
    return ws.RespondActivityTaskCanceledRequest(task_token=token)


def beat(token: bytes) -> ws.RecordActivityTaskHeartbeatRequest:
    request = ws.RecordActivityTaskHeartbeatRequest(task_token=token)
    request.details.payloads.add(data=b"half")
    return request


def cancel_request(request_id: str = "c") -> ws.RequestCancelActivityExecutionRequest:
    return ws.RequestCancelActivityExecutionRequest(activity_id="a", request_id=request_id)


def terminate_request(request_id: str = "t") -> ws.TerminateActivityExecutionRequest:
    return ws.TerminateActivityExecutionRequest(activity_id="a", request_id=request_id)
