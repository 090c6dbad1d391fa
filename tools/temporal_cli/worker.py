"""The workers behind the script: four workflows of the official Python SDK, at the address given;
one more worker is of a version of the deployment `shop`.

Says `ready` once its polls are out, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig

QUEUE = "orders"


@activity.defn
async def double(number: int) -> int:
    """Return twice a number."""
    return 2 * number


@activity.defn
async def by_hand() -> str:
    """Leave the answer to somebody else."""
    activity.raise_complete_async()


@workflow.defn
class Order:
    """Waits for more until it is cancelled."""

    def __init__(self) -> None:
        self.fruit, self.count = "nothing", 0

    @workflow.run
    async def run(self, fruit: str = "nothing") -> None:
        """Wait for ever."""
        self.fruit = fruit
        await workflow.wait_condition(lambda: False)

    @workflow.signal(description="more of them")
    def add(self, count: int) -> None:
        """Count more."""
        self.count += count

    @workflow.query
    def state(self) -> str:
        """Say what is ordered."""
        return f"{self.count} {self.fruit}"

    @workflow.update
    def rename(self, fruit: str) -> str:
        """Order something else."""
        before, self.fruit = self.fruit, fruit
        return before

    @rename.validator
    def check(self, fruit: str) -> None:
        """Refuse nothing."""
        if not fruit:
            raise ApplicationError("a fruit has a name")


@workflow.defn
class Double:
    """Calls an activity."""

    @workflow.run
    async def run(self, number: int) -> int:
        """Return twice a number."""
        return await workflow.execute_activity(
            double, number, start_to_close_timeout=timedelta(seconds=10)
        )


@workflow.defn
class Fails:
    """Fails."""

    @workflow.run
    async def run(self) -> None:
        """Say why."""
        raise ApplicationError("no such order", "details", type="NoOrder")


@workflow.defn
class Hands:
    """Waits for an answer that is given by hand."""

    @workflow.run
    async def run(self) -> str:
        """Return it."""
        return await workflow.execute_activity(
            by_hand,
            activity_id="1",
            start_to_close_timeout=timedelta(minutes=5),
        )


async def main() -> None:
    """Work until standard input ends."""
    client = await Client.connect(sys.argv[1], identity="the worker")
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[Order, Double, Fails, Hands],
        activities=[double, by_hand],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=100,
        build_id="of-the-script",
    )
    versioned = Worker(
        client,
        task_queue="shop",
        workflows=[Order],
        workflow_runner=UnsandboxedWorkflowRunner(),
        deployment_config=WorkerDeploymentConfig(
            version=WorkerDeploymentVersion("shop", "v1"),
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.PINNED,
        ),
    )
    async with worker, versioned:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
