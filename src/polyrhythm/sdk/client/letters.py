"""Dead letters: runs that ended badly and that nothing follows, and their second chance.

A run is one while it failed or ran out of time and is the newest of its workflow id: a retry, the
next run of a schedule or a requeue takes it off the list. Works at every service.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    DeleteWorkflowExecutionResponse,
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)

from polyrhythm.base.errors import NotFound
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.client.views import RunStatus, RunSummary, read_status
from polyrhythm.sdk.client.waiting import wait_closed
from polyrhythm.sdk.definitions import IdReuse
from polyrhythm.sdk.errors import MisuseError, TaskError, WorkflowError

DEAD = "ExecutionStatus IN ('Failed', 'TimedOut')"
DEAD_STATUSES = (RunStatus.FAILED, RunStatus.TIMED_OUT)
# In the memo of a run that was begun again: the run it follows, and the how manieth time it is.
FOLLOWS, TIMES = "requeued_from", "requeued_times"


@dataclass(slots=True)
class DeadLetter:
    """A run that ended badly: `error` is what `run.result()` raises, `task` the task that failed,
    empty if it was none, `times` how often it was requeued before.
    """

    summary: RunSummary
    error: WorkflowError
    task: str
    times: int

    @property
    def workflow_id(self) -> str:
        """The workflow id."""
        return self.summary.workflow_id

    @property
    def run_id(self) -> str:
        """The run id."""
        return self.summary.run_id


def letters_query(query: str) -> str:
    """Return the filter of dead letters, with the user's own."""
    return f"{DEAD} AND ({query})" if query else DEAD


async def read_letters(
    session: Session, failed: AsyncIterator[RunSummary], limit: int
) -> AsyncIterator[DeadLetter]:
    """Every one of those runs that is the newest of its id, at most `limit` if that is not 0."""
    count = 0
    async for summary in failed:
        letter = await _read_letter(session, summary)
        if letter is None:
            continue
        yield letter
        count += 1
        if count == limit:
            return


async def requeue_run(session: Session, workflow_id: str, run_id: str) -> str:
    """Begin a run that ended badly anew; return the new run id. Raises MisuseError, NotFound."""
    described = await _describe(session, workflow_id, run_id)
    info = described.workflow_execution_info
    run_id = info.execution.run_id
    status = read_status(info.status)
    if status not in DEAD_STATUSES:
        raise MisuseError(
            f"run {workflow_id} ({run_id}) is {status.name.lower()}: only runs that failed or ran"
            " out of time are requeued"
        )
    started = await _started(session, workflow_id, run_id)
    request = _same_again(session, started)
    request.workflow_id = workflow_id
    # Twice is once: of the same failed run there is one follower.
    request.request_id = f"requeue-{run_id}"
    converter = session.converter
    memo = request.memo.fields
    times = int(converter.decode(memo[TIMES])) if TIMES in memo else 0
    memo[FOLLOWS].CopyFrom(converter.encode(run_id))
    memo[TIMES].CopyFrom(converter.encode(times + 1))
    answer = await session.call("StartWorkflowExecution", request, StartWorkflowExecutionResponse)
    return answer.run_id


async def discard_run(session: Session, workflow_id: str, run_id: str) -> None:
    """Delete a run that ended badly. Raises MisuseError, NotFound."""
    described = await _describe(session, workflow_id, run_id)
    execution = described.workflow_execution_info.execution
    status = read_status(described.workflow_execution_info.status)
    if status not in DEAD_STATUSES:
        raise MisuseError(
            f"run {workflow_id} ({execution.run_id}) is {status.name.lower()}: only runs that"
            " failed or ran out of time are discarded"
        )
    request = DeleteWorkflowExecutionRequest(namespace=session.namespace)
    request.workflow_execution.CopyFrom(execution)
    await session.call("DeleteWorkflowExecution", request, DeleteWorkflowExecutionResponse)


async def _read_letter(session: Session, summary: RunSummary) -> DeadLetter | None:
    try:
        newest = await _describe(session, summary.workflow_id, "")
        if newest.workflow_execution_info.execution.run_id != summary.run_id:
            return None
        await wait_closed(session, summary.workflow_id, summary.run_id, follow=False)
    except NotFound:
        # Its time was over, or somebody has deleted it, since it was listed.
        return None
    except WorkflowError as error:
        times = summary.memo.get(TIMES, 0)
        return DeadLetter(summary, error, _task_of(error), times if isinstance(times, int) else 0)
    return None


def _task_of(error: BaseException) -> str:
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, TaskError):
            return below.task
        below = below.__cause__
    return ""


async def _describe(
    session: Session, workflow_id: str, run_id: str
) -> DescribeWorkflowExecutionResponse:
    request = DescribeWorkflowExecutionRequest(namespace=session.namespace)
    request.execution.workflow_id, request.execution.run_id = workflow_id, run_id
    return await session.call(
        "DescribeWorkflowExecution", request, DescribeWorkflowExecutionResponse
    )


async def _started(
    session: Session, workflow_id: str, run_id: str
) -> WorkflowExecutionStartedEventAttributes:
    request = GetWorkflowExecutionHistoryRequest(namespace=session.namespace, maximum_page_size=1)
    request.execution.workflow_id, request.execution.run_id = workflow_id, run_id
    page = await session.call(
        "GetWorkflowExecutionHistory", request, GetWorkflowExecutionHistoryResponse
    )
    return page.history.events[0].workflow_execution_started_event_attributes


def _same_again(
    session: Session, started: WorkflowExecutionStartedEventAttributes
) -> StartWorkflowExecutionRequest:
    """A start with everything that the first one had; as nobody's child and without a schedule."""
    request: Any = StartWorkflowExecutionRequest(
        namespace=session.namespace, identity=session.identity
    )
    source: Any = started
    for name in (
        "workflow_type",
        "task_queue",
        "input",
        "workflow_execution_timeout",
        "workflow_run_timeout",
        "workflow_task_timeout",
        "retry_policy",
        "memo",
        "search_attributes",
        "header",
        "priority",
    ):
        if source.HasField(name):
            getattr(request, name).CopyFrom(getattr(source, name))
    request.workflow_id_reuse_policy = IdReuse.ALLOW.value
    start: StartWorkflowExecutionRequest = request
    return start
