"""The load of bench/temporal_wire.py: one process with the official SDK, worker and client in one.

Reads one command a line from standard input and answers each with one line of JSON, so that the
measuring process can look at the server's processor time exactly before and after:

    sequential N        N workflows one after the other
    concurrent N C      N workflows, C at a time

A workflow has one activity that adds one. The SDK's sandbox is off and its pollers are many: the
server is what is measured. `client_cpu_ms` is this process's own time for one workflow.
"""

import asyncio
import json
import os
import sys
import time
import uuid
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

TASKS_AT_ONCE = 200
POLLERS = 10


@activity.defn
async def add_one(number: int) -> int:
    """The only activity."""
    return number + 1


@workflow.defn
class OneActivity:
    """The smallest workflow that does something."""

    @workflow.run
    async def run(self, number: int) -> int:
        """Run the activity and return what it says."""
        timeout = timedelta(seconds=30)
        return await workflow.execute_activity(add_one, number, start_to_close_timeout=timeout)


class Load:
    """Workflows of one client on one task queue."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue

    async def sequential(self, count: int) -> dict[str, float]:
        """Run workflows one after the other; return milliseconds."""
        took = sorted([await self._one() for _ in range(count)])
        return {"p50_ms": took[count // 2], "max_ms": took[-1]}

    async def concurrent(self, count: int, at_once: int) -> dict[str, float]:
        """Run workflows, a bounded number at a time; return the rate and our own cost."""
        gate = asyncio.Semaphore(at_once)

        async def gated() -> float:
            async with gate:
                return await self._one()

        began, cpu = time.perf_counter(), time.process_time()
        took = sorted(await asyncio.gather(*(gated() for _ in range(count))))
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        return {
            "workflows_per_s": count / seconds,
            "p50_ms": took[count // 2],
            "max_ms": took[-1],
            "client_cpu_ms": cpu * 1000 / count,
        }

    async def _one(self) -> float:
        began = time.perf_counter()
        name, queue = uuid.uuid4().hex, self._task_queue
        result = await self._client.execute_workflow(OneActivity.run, 1, id=name, task_queue=queue)
        assert result == 2, f"the workflow returned {result}"
        return (time.perf_counter() - began) * 1000


async def serve(address: str) -> None:
    """Answer commands until standard input ends."""
    client = await Client.connect(address)
    task_queue = f"bench-{uuid.uuid4().hex[:8]}"
    load = Load(client, task_queue)
    async with Worker(
        client,
        task_queue=task_queue,
        workflows=[OneActivity],
        activities=[add_one],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_concurrent_workflow_tasks=TASKS_AT_ONCE,
        max_concurrent_activities=TASKS_AT_ONCE,
        max_concurrent_workflow_task_polls=POLLERS,
        max_concurrent_activity_task_polls=POLLERS,
    ):
        while line := await asyncio.to_thread(sys.stdin.readline):
            verb, *numbers = line.split()
            if verb == "sequential":
                answer = await load.sequential(int(numbers[0]))
            else:
                answer = await load.concurrent(int(numbers[0]), int(numbers[1]))
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    errors = LoggingConfig(TelemetryFilter(core_level="ERROR", other_level="ERROR"))
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=errors)))
    asyncio.run(serve(sys.argv[1]))
    os._exit(0)  # the SDK's threads may crash a Python that shuts down
