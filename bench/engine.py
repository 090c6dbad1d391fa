"""The engine without a wire: workflows of one activity on one SQLite file, durable, in process.

    python bench/engine.py [--workflows 5000] [--at-once 200] [--durability full]

Drivers on the engine's own loop do what client and worker do over the wire: start, poll, schedule
the activity, poll it, complete it, poll, complete the workflow. `engine` submits straight to the
engine; `service` goes through the service's checks as every transport does. Prints one JSON object
with workflows per second, and processor time of the process for one workflow.
"""

import argparse
import asyncio
import json
import platform
import sys
import tempfile
import time
from pathlib import Path

import uvloop
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import CommandType, TaskQueueKind
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueRequest,
    PollActivityTaskQueueResponse,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    RespondActivityTaskCompletedRequest,
    RespondWorkflowTaskCompletedRequest,
    StartWorkflowExecutionRequest,
)

from polyrhythm.access.identity import anonymous
from polyrhythm.app.compose import Owned, Place, own
from polyrhythm.base.limits import Limits

SERVICE = "/temporal.api.workflowservice.v1.WorkflowService/"
GOAL_PER_S = 2000
MINUTE_NS = 60_000_000_000
INPUT = Payload(metadata={"encoding": b"json/plain"}, data=b"1")


class Driver:
    """One client and worker with a task queue of its own."""

    def __init__(self, owned: Owned, number: int, through: str) -> None:
        self._owned = owned
        self._engine = owned.service.engine
        self._namespace = self._engine.namespaces.find("default")
        self._through = through
        self._caller = anonymous()
        self._loop = asyncio.get_running_loop()
        name = f"bench-{number}"
        self._queue = TaskQueue(name=name, kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL)

    async def one(self, name: str) -> None:
        """Run one workflow from start to end."""
        start = StartWorkflowExecutionRequest(namespace="default", workflow_id=name)
        start.request_id = name
        start.workflow_type.name = "bench"
        start.task_queue.CopyFrom(self._queue)
        start.input.payloads.append(INPUT)
        await self._call("StartWorkflowExecution", start)
        task = await self._poll_workflow()
        respond = RespondWorkflowTaskCompletedRequest(namespace="default", task_token=task)
        self._schedule(respond)
        await self._call("RespondWorkflowTaskCompleted", respond)
        poll = PollActivityTaskQueueRequest(namespace="default", task_queue=self._queue)
        answer = parsed(
            PollActivityTaskQueueResponse, await self._call("PollActivityTaskQueue", poll)
        )
        done = RespondActivityTaskCompletedRequest(namespace="default")
        done.task_token = answer.task_token
        done.result.payloads.append(INPUT)
        await self._call("RespondActivityTaskCompleted", done)
        task = await self._poll_workflow()
        respond = RespondWorkflowTaskCompletedRequest(namespace="default", task_token=task)
        command = respond.commands.add()
        command.command_type = CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION
        attributes = command.complete_workflow_execution_command_attributes
        attributes.result.payloads.append(INPUT)
        await self._call("RespondWorkflowTaskCompleted", respond)

    def _schedule(self, respond: RespondWorkflowTaskCompletedRequest) -> None:
        command = respond.commands.add()
        command.command_type = CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK
        attributes = command.schedule_activity_task_command_attributes
        attributes.activity_id = "1"
        attributes.activity_type.name = "add_one"
        attributes.task_queue.CopyFrom(self._queue)
        attributes.input.payloads.append(INPUT)
        attributes.start_to_close_timeout.seconds = 30

    async def _poll_workflow(self) -> bytes:
        poll = PollWorkflowTaskQueueRequest(namespace="default", task_queue=self._queue)
        answer = await self._call("PollWorkflowTaskQueue", poll)
        return parsed(PollWorkflowTaskQueueResponse, answer).task_token

    async def _call(self, method: str, request: object) -> object:
        deadline_ns = time.time_ns() + MINUTE_NS
        if self._through == "service":
            reply = self._owned.service.call(SERVICE + method, request, self._caller, deadline_ns)
        else:
            reply = self._engine.submit(self._namespace, request, deadline_ns, "")
        if not reply.done:
            arrived = self._loop.create_future()
            reply.wake = lambda: arrived.done() or arrived.set_result(None)
            await arrived
        if reply.error is not None:
            raise reply.error
        return reply.value


def parsed(message_class: type, value: object) -> object:
    """An answer as a message: the engine may have it as bytes."""
    return message_class.FromString(value) if isinstance(value, bytes) else value


async def measure(owned: Owned, options: argparse.Namespace, through: str) -> dict[str, float]:
    """Run the workflows, a number of drivers at a time, and return the figures."""
    drivers = [Driver(owned, number, through) for number in range(options.at_once)]
    counter = iter(range(options.workflows))

    async def drive(driver: Driver) -> None:
        for number in counter:
            await driver.one(f"{through}-{number}")

    for driver in drivers:
        await driver.one(f"{through}-warm-up-{id(driver)}")
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*map(drive, drivers))
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {
        "workflows_per_s": round(options.workflows / seconds, 1),
        "cpu_us_per_workflow": round(cpu / options.workflows * 1e6, 1),
    }


async def run(options: argparse.Namespace) -> dict[str, object]:
    """Measure one way after the other, each on a fresh file."""
    figures: dict[str, object] = {}
    for through in options.through or ["engine", "service"]:
        with tempfile.TemporaryDirectory(dir=options.dir) as folder:
            file = "" if options.durability == "memory" else str(Path(folder) / "bench.db")
            owned = own(Place(file, options.durability), Limits())
            try:
                figures[through] = await measure(owned, options, through)
            finally:
                await owned.finish()
                owned.close()
    return figures


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="the engine without a wire")
    parser.add_argument("--workflows", type=int, default=5000)
    parser.add_argument(
        "--at-once", type=int, default=200, help="drivers, each a client and worker"
    )
    parser.add_argument("--durability", choices=("full", "normal", "memory"), default="full")
    parser.add_argument("--through", choices=("engine", "service"), action="append")
    parser.add_argument("--dir", help="where the file is made; default: the system's folder")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(run(options))
    settings = {"workflows": options.workflows, "at_once": options.at_once}
    settings["durability"] = options.durability
    report = {
        "what": "workflows of one activity in process, one SQLite file",
        "goal_workflows_per_s": GOAL_PER_S,
        **settings,
        "python": platform.python_version(),
        **figures,
    }
    print(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
