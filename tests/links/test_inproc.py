"""The in-process link: a whole engine on this loop, called without a wire."""

import asyncio

import pytest
import uvloop
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    PollWorkflowTaskQueueRequest,
    StartWorkflowExecutionResponse,
)

from poly_process import QUEUE, WORKFLOW, start_request
from polyrhythm.app.compose import Owned, Place, own
from polyrhythm.base.errors import DeadlineExceeded, InvalidArgument, NotFound, Unavailable
from polyrhythm.base.limits import Limits
from polyrhythm.sdk.link import Link


def with_engine(main):
    """Run a test's coroutine with an engine in memory on the same loop."""

    async def run():
        owned = own(Place("", "memory"), Limits())
        try:
            await main(owned)
        finally:
            await owned.finish()
            owned.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def poll_request() -> PollWorkflowTaskQueueRequest:
    return PollWorkflowTaskQueueRequest(namespace="default", task_queue=QUEUE)


async def describe_nobody(link: Link) -> None:
    request = DescribeWorkflowExecutionRequest(namespace="default")
    request.execution.workflow_id = "nobody"
    with pytest.raises(NotFound):
        await link.call(WORKFLOW + "DescribeWorkflowExecution", request, 5)


def test_a_call_and_its_answer():
    async def main(owned: Owned):
        link = owned.link()
        poll = asyncio.ensure_future(
            link.call(WORKFLOW + "PollWorkflowTaskQueue", poll_request(), 30)
        )
        started = await link.call(WORKFLOW + "StartWorkflowExecution", start_request("one"), 5)
        assert isinstance(started, StartWorkflowExecutionResponse)
        task = await poll
        assert task.workflow_execution.run_id == started.run_id

    with_engine(main)


def test_refusals_are_errors_of_ours():
    async def main(owned: Owned):
        link = owned.link()
        describe = WORKFLOW + "DescribeWorkflowExecution"
        request = DescribeWorkflowExecutionRequest(namespace="default")
        with pytest.raises(InvalidArgument):
            await link.call(describe, request, 5)
        request.execution.workflow_id = "nobody"
        with pytest.raises(NotFound):
            await link.call(describe, request, 5)

    with_engine(main)


def test_a_caller_that_gives_up_takes_no_task_away():
    async def main(owned: Owned):
        link = owned.link()
        poll = WORKFLOW + "PollWorkflowTaskQueue"
        gone = asyncio.ensure_future(link.call(poll, poll_request(), 60))
        late = asyncio.ensure_future(link.call(poll, poll_request(), 60))
        # Both are parked once a later call of the same inbox is answered.
        await describe_nobody(link)
        gone.cancel()
        await asyncio.wait([gone])
        await link.call(WORKFLOW + "StartWorkflowExecution", start_request("one"), 5)
        assert (await late).workflow_execution.workflow_id == "one"

    with_engine(main)


def test_time_runs_out():
    async def main(owned: Owned):
        link = owned.link()
        request = DescribeWorkflowExecutionRequest(namespace="default")
        request.execution.workflow_id = "nobody"
        with pytest.raises(DeadlineExceeded):
            await link.call(WORKFLOW + "DescribeWorkflowExecution", request, 0)

    with_engine(main)


def test_a_stopped_engine_says_so():
    async def main(owned: Owned):
        link = owned.link()
        poll = asyncio.ensure_future(
            link.call(WORKFLOW + "PollWorkflowTaskQueue", poll_request(), 60)
        )
        await describe_nobody(link)
        await owned.finish()
        with pytest.raises(Unavailable):
            await poll

    with_engine(main)
