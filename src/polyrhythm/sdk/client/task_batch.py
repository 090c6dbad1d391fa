"""Starts many plain tasks with few calls: up to a hundred are one call and one commit.

A call that is repeated starts nothing twice, since every start has its request id. Services that
are not Polyrhythm's have no such call: there tasks are started one by one, as `task_starter` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.status_pb2 import Status
from temporalio.api.workflowservice.v1 import StartActivityExecutionRequest

from polyrhythm.api import service as api
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.base.limits import TASK_STARTS_MAX
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.statuses import error_of_status
from polyrhythm.sdk.values import encode_message

# A call is sent when its starts have this size, far below what a service takes.
CALL_BYTES = 1024 * 1024

Start = tuple[StartActivityExecutionRequest, int]


async def start_together(session: Session, starts: Sequence[Start]) -> list[str | PolyrhythmError]:
    """Start tasks, each at its time (nanoseconds since 1970, 0 for now); return their run ids, and
    errors of those that were refused, in their order.

    Raises an error of `base.errors` when a call fails: those of the calls before are started.
    """
    outcomes: list[str | PolyrhythmError] = []
    if session.codec is not None:
        for start, _ in starts:
            await encode_message(session.codec, start)
    for request in _calls(session.namespace, starts):
        response = await session.call_own(
            "StartTasks", request, api.StartTasksResponse, "starting many tasks at once"
        )
        outcomes += [_outcome(answer) for answer in response.answers]
    return outcomes


def _calls(namespace: str, starts: Sequence[Start]) -> Iterator[api.StartTasksRequest]:
    request, size = api.StartTasksRequest(namespace=namespace), 0
    for start, due_ns in starts:
        data = start.SerializeToString()
        if request.tasks and (len(request.tasks) == TASK_STARTS_MAX or size > CALL_BYTES):
            yield request
            request, size = api.StartTasksRequest(namespace=namespace), 0
        request.tasks.add(request=data, due_ns=due_ns)
        size += len(data)
    if request.tasks:
        yield request


def _outcome(answer: api.TaskStarted) -> str | PolyrhythmError:
    if not answer.error:
        return answer.run_id
    status = Status.FromString(answer.error)
    detail = status.details[0] if status.details else AnyMessage()
    return error_of_status(status.code, status.message, detail)
