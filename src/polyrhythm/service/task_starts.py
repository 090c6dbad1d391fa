"""Many activities started by one call: one commit, an answer for each.

What a start has to be is checked as if it came alone, and one that is refused keeps none of the
others. A call that is made again starts nothing twice, since every start has its request id.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError
from temporalio.api.workflowservice.v1 import (
    StartActivityExecutionRequest,
    StartActivityExecutionResponse,
)

from polyrhythm.api import service as api
from polyrhythm.base.errors import InvalidArgument, PolyrhythmError
from polyrhythm.base.limits import TASK_STARTS_MAX
from polyrhythm.engine.calls import StartTasks
from polyrhythm.engine.reply import Reply
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.shaped import shaped
from polyrhythm.service.standalone import check_start
from polyrhythm.service.status import status_of


def handle_start_tasks(
    service: Service, scope: NamespaceScope, request: api.StartTasksRequest, deadline_ns: int
) -> Reply:
    """Start activities. Reply: StartTasksResponse."""
    if not request.tasks:
        raise InvalidArgument("no tasks to start")
    if len(request.tasks) > TASK_STARTS_MAX:
        raise InvalidArgument(
            f"a call starts {TASK_STARTS_MAX} tasks at most, these are {len(request.tasks)}"
        )
    starts = [_checked(service, scope, task) for task in request.tasks]
    return shaped(service.submit(scope, StartTasks(starts), deadline_ns), _shape)


def _checked(
    service: Service, scope: NamespaceScope, task: api.TaskStart
) -> tuple[StartActivityExecutionRequest, int] | PolyrhythmError:
    try:
        start = StartActivityExecutionRequest.FromString(task.request)
    except DecodeError:
        return InvalidArgument("the start holds no StartActivityExecutionRequest")
    start.namespace = scope.namespace.name
    try:
        check_start(service, scope, start)
        if task.due_ns < 0:
            raise InvalidArgument("due_ns of a task is negative")
        if task.due_ns and start.HasField("start_delay"):
            raise InvalidArgument("a task is due at a time or after a delay, not both")
    except PolyrhythmError as error:
        return error
    return start, task.due_ns


def _shape(
    answers: list[StartActivityExecutionResponse | PolyrhythmError],
) -> api.StartTasksResponse:
    response = api.StartTasksResponse()
    for answer in answers:
        said = response.answers.add()
        if isinstance(answer, PolyrhythmError):
            said.error = status_of(answer).SerializeToString()
        else:
            said.run_id, said.started = answer.run_id, answer.started
    return response
