"""A plain task as its starter holds it: wait for it, end it, look at it.

A handle costs nothing and asks nothing by itself. One without a run id means the newest task of its
id.
"""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message
from temporalio.api.activity.v1 import ActivityExecutionOutcome
from temporalio.api.enums.v1 import ActivityExecutionStatus
from temporalio.api.failure.v1 import Failure as FailureMessage
from temporalio.api.workflowservice.v1 import (
    DeleteActivityExecutionRequest,
    DeleteActivityExecutionResponse,
    DescribeActivityExecutionRequest,
    DescribeActivityExecutionResponse,
    PollActivityExecutionRequest,
    PollActivityExecutionResponse,
    RequestCancelActivityExecutionRequest,
    RequestCancelActivityExecutionResponse,
    StartActivityExecutionRequest,
    StartActivityExecutionResponse,
    TerminateActivityExecutionRequest,
    TerminateActivityExecutionResponse,
)

from polyrhythm.base.durations import Span, parse_span
from polyrhythm.base.errors import DeadlineExceeded
from polyrhythm.sdk.client.session import CALL_S, LONG_POLL_S, Session, new_id
from polyrhythm.sdk.client.task_views import TaskDescription, read_task_description
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.failures import from_failure

R = TypeVar("R")
DEAD = (
    ActivityExecutionStatus.ACTIVITY_EXECUTION_STATUS_FAILED,
    ActivityExecutionStatus.ACTIVITY_EXECUTION_STATUS_TIMED_OUT,
)
ID_REUSE_ALLOW = 1
# What a description tells of a start.
SAME = (
    "activity_type schedule_to_close_timeout schedule_to_start_timeout start_to_close_timeout "
    "heartbeat_timeout retry_policy search_attributes header user_metadata priority"
).split()
M = TypeVar("M", bound=Message)


class TaskRun(Generic[R]):
    """One durable run of a task, without a workflow around it."""

    __slots__ = ("result_type", "run_id", "session", "task", "task_id")

    def __init__(
        self,
        session: Session,
        task: str,
        task_id: str,
        run_id: str = "",
        result_type: Any = Any,
    ) -> None:
        self.session = session
        self.task = task
        self.task_id = task_id
        self.run_id = run_id
        self.result_type = result_type

    def __repr__(self) -> str:
        """The ids."""
        return f"<task run {self.task_id} {self.run_id or 'newest'}>"

    async def result(self, *, timeout: Span | None = None) -> R:  # noqa: ASYNC109
        """Wait for the result. Raises TaskFailed, TaskTimedOut, TaskCancelled, and TimeoutError
        when `timeout` is over first. The cause of a terminated task's failure is Terminated.
        """
        try:
            async with asyncio.timeout(None if timeout is None else parse_span(timeout)):
                outcome = await self._outcome()
        except TimeoutError as error:
            raise TimeoutError(
                f"{self!r} has not ended after {timeout}: no worker has it, it works, or it is"
                " tried again; run.describe() tells"
            ) from error
        if not outcome.HasField("failure"):
            value: R = self.session.converter.decode_result(outcome.result, self.result_type)
            return value
        failure = FailureMessage(message="Activity task failed")
        failure.cause.CopyFrom(outcome.failure)
        failure.activity_failure_info.activity_type.name = self.task or self.task_id
        failure.activity_failure_info.activity_id = self.task_id
        raise from_failure(failure, self.session.converter)

    async def cancel(self, reason: str = "") -> None:
        """Ask the task to end: at once if no worker has it, else told by its next heartbeat.

        Raises FailedPrecondition when it has ended, or when somebody else has asked before.
        """
        request = RequestCancelActivityExecutionRequest(
            identity=self.session.identity, request_id=new_id(), reason=reason
        )
        await self._call(request, RequestCancelActivityExecutionResponse)

    async def terminate(self, reason: str = "") -> None:
        """End the task at once; its code is told by its next heartbeat."""
        request = TerminateActivityExecutionRequest(
            identity=self.session.identity, request_id=new_id(), reason=reason
        )
        await self._call(request, TerminateActivityExecutionResponse)

    async def delete(self) -> None:
        """Forget the task, whether it has ended or not."""
        await self._call(DeleteActivityExecutionRequest(), DeleteActivityExecutionResponse)

    async def describe(self) -> TaskDescription:
        """Return status, attempt, times, progress and the last failure."""
        response = await self._call(
            DescribeActivityExecutionRequest(), DescribeActivityExecutionResponse
        )
        return read_task_description(response.info, self.session.converter)

    async def requeue(self) -> TaskRun[R]:
        """Begin a task that failed or ran out of time again, under the same id and with the same
        input and options, at once. Asking twice is one new task. Raises MisuseError for any other.
        """
        session = self.session
        asking = DescribeActivityExecutionRequest(include_input=True)
        said = await self._call(asking, DescribeActivityExecutionResponse)
        if said.info.status not in DEAD:
            raise MisuseError(
                f"{self!r} is {ActivityExecutionStatus.Name(said.info.status)}: only tasks that"
                " failed or ran out of time are requeued"
            )
        request = same_again(said)
        request.namespace, request.identity = session.namespace, session.identity
        started = await session.call(
            "StartActivityExecution", request, StartActivityExecutionResponse
        )
        return TaskRun(session, self.task, self.task_id, started.run_id, self.result_type)

    async def _outcome(self) -> ActivityExecutionOutcome:
        while True:
            try:
                response = await self._call(
                    PollActivityExecutionRequest(), PollActivityExecutionResponse, LONG_POLL_S
                )
            except DeadlineExceeded:
                continue
            if response.HasField("outcome"):
                return response.outcome

    async def _call(self, request: Any, answer: type[M], timeout_s: float = CALL_S) -> M:
        """Call the method that a request names, about this task."""
        session = self.session
        request.namespace = session.namespace
        request.activity_id = self.task_id
        request.run_id = self.run_id
        method = type(request).__name__.removesuffix("Request")
        return await session.call(method, request, answer, timeout_s)


def same_again(said: DescribeActivityExecutionResponse) -> StartActivityExecutionRequest:
    """Return the start of a task that has everything that one had, but its delay."""
    info: Any = said.info
    request: Any = StartActivityExecutionRequest(activity_id=info.activity_id)
    request.request_id = f"requeue-{info.run_id}"
    request.task_queue.name = info.task_queue
    request.input.CopyFrom(said.input)
    for name in SAME:
        if info.HasField(name):
            getattr(request, name).CopyFrom(getattr(info, name))
    request.id_reuse_policy = ID_REUSE_ALLOW
    start: StartActivityExecutionRequest = request
    return start
