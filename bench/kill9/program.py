"""The program under kill -9: workflows, activities and worker of the official SDK.

    python bench/kill9/program.py LOG ADDRESS [ADDRESS ...]

One worker at each address. A `Tally` runs an activity, waits for its signals and its update, starts
a child or sleeps now and then, runs a second activity and returns all it was told; so whatever is
lost leaves it waiting and whatever is doubled is in its result. Every attempt of an activity is
one line of LOG, written before the work.
"""

import asyncio
import logging
import os
import sys
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client, RPCError
from temporalio.common import RetryPolicy
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

QUEUE = "kill9"
SIGNALS = 2
CHILD_EVERY = 4
SLEEP_EVERY = 3
# An answer to a poll that dies with its server is made up for after this.
ATTEMPT = timedelta(seconds=3)
RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=100), backoff_coefficient=1.0)
CONNECT_PAUSE_S = 0.1


@dataclass
class Told:
    """What a tally has been told, and what its steps and its child gave."""

    signals: list[str]
    updates: list[str]
    steps: list[int]
    child: int


def step_of(number: int, step: int) -> int:
    """What a step gives."""
    return 1000 * number + step


def child_of(number: int) -> int:
    """What the child of a number gives, 0 for one that has none."""
    return -number if number % CHILD_EVERY == 0 else 0


@activity.defn(name="step")
async def run_step(number: int, step: int) -> int:
    """Write down the attempt, then compute."""
    info = activity.info()
    line = f"{info.workflow_run_id} {info.activity_id} {info.attempt}\n"
    os.write(LOG[0], line.encode())
    return step_of(number, step)


LOG: list[int] = []


@workflow.defn
class Leaf:
    """A child."""

    @workflow.run
    async def run(self, number: int) -> int:
        """Give the number's opposite."""
        return -number


@workflow.defn
class Tally:
    """Counts what reaches it. A signal's word is `NUMBER.TRY`: any try will do, each counts."""

    def __init__(self) -> None:
        self.told = Told([], [], [], 0)

    @workflow.run
    async def run(self, number: int) -> Told:
        """Wait for everything and tell it."""
        told = self.told
        told.steps.append(await self._step(number, 1))
        await workflow.wait_condition(self._complete)
        if number % SLEEP_EVERY == 0:
            await asyncio.sleep(0.05)
        if number % CHILD_EVERY == 0:
            name = workflow.info().workflow_id + "-leaf"
            told.child = await workflow.execute_child_workflow(Leaf.run, number, id=name)
        told.steps.append(await self._step(number, 2))
        return told

    @workflow.signal
    def hear(self, word: str) -> None:
        """Take a signal."""
        self.told.signals.append(word)

    @workflow.update
    def add(self, word: str) -> str:
        """Take an update."""
        self.told.updates.append(word)
        return f"{word} taken"

    def _complete(self) -> bool:
        heard = {word.partition(".")[0] for word in self.told.signals}
        return len(heard) == SIGNALS and bool(self.told.updates)

    async def _step(self, number: int, step: int) -> int:
        return await workflow.execute_activity(
            run_step,
            args=[number, step],
            start_to_close_timeout=ATTEMPT,
            retry_policy=RETRY,
        )


async def work(address: str) -> None:
    """Serve one address for ever; a server that is away is waited for."""
    while True:
        try:
            client = await Client.connect(address)
            worker = Worker(
                client,
                task_queue=QUEUE,
                workflows=[Tally, Leaf],
                activities=[run_step],
                workflow_runner=UnsandboxedWorkflowRunner(),
            )
            await worker.run()
        except (RuntimeError, RPCError):
            await asyncio.sleep(CONNECT_PAUSE_S)


async def main() -> None:
    """Serve all addresses."""
    LOG.append(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    await asyncio.gather(*(work(address) for address in sys.argv[2:]))


def quiet_runtime() -> None:
    """Servers go away all the time here: the SDK need not say so each time."""
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    off = LoggingConfig(TelemetryFilter(core_level="OFF", other_level="OFF"))
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=off)))


if __name__ == "__main__":
    quiet_runtime()
    asyncio.run(main())
