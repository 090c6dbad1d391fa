"""`poly test-server`: a clock that skips when nothing but time is waited for, as SDKs expect it."""

import asyncio
import subprocess
import time
from contextlib import contextmanager
from datetime import timedelta

import grpc
import pytest
import temporalio.activity
import temporalio.workflow
from google.protobuf.empty_pb2 import Empty
from temporalio.api.testservice.v1 import (
    GetCurrentTimeResponse,
    LockTimeSkippingRequest,
    SleepRequest,
    SleepUntilRequest,
    UnlockTimeSkippingRequest,
)
from temporalio.client import WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, TimeoutType
from temporalio.exceptions import TimeoutError as TimedOutError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from poly_process import POLY

SERVICE = "/temporal.api.testservice.v1.TestService/"
HOUR_S = 3600.0


@pytest.fixture(scope="module")
def launcher(tmp_path_factory):
    """What an SDK is told as the path of its test server: `poly test-server` with its arguments."""
    path = tmp_path_factory.mktemp("bin") / "temporal-test-server"
    path.write_text(f'#!/bin/sh\nexec "{POLY}" test-server "$@"\n')
    path.chmod(0o755)
    return str(path)


@contextmanager
def clock(*flags):
    """The clock of a server of its own."""
    command = [str(POLY), "test-server", "0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().split()[-1]
            with grpc.insecure_channel(address) as channel:
                yield Clock(channel)
        finally:
            process.terminate()
    assert process.returncode == 0


class Clock:
    """What a client asks of it."""

    def __init__(self, channel):
        self.channel = channel

    def start(self, method, request):
        return self.channel.unary_unary(SERVICE + method).future(request.SerializeToString(), 20)

    def call(self, method, request):
        return self.start(method, request).result()

    def lock(self):
        self.call("LockTimeSkipping", LockTimeSkippingRequest())

    def unlock(self):
        self.call("UnlockTimeSkipping", UnlockTimeSkippingRequest())

    def ahead_s(self):
        """How far it is ahead of the wall clock, in whole seconds."""
        response = GetCurrentTimeResponse.FromString(self.call("GetCurrentTime", Empty()))
        return round(response.time.ToNanoseconds() / 1e9 - time.time())


def sleep_request(seconds):
    request = SleepRequest()
    request.duration.FromSeconds(seconds)
    return request


def test_a_sleep_that_unlocks_locks_again():
    with clock() as one:
        assert one.ahead_s() == 0
        one.call("UnlockTimeSkippingWithSleep", sleep_request(1000))
        assert one.ahead_s() == 1000
        # Locked again: nothing skips.
        sleeping = one.start("Sleep", sleep_request(50_000))
        assert one.ahead_s() == 1000
        one.unlock()
        sleeping.result()
        assert one.ahead_s() == 51_000


def test_locks_are_counted():
    with clock() as one:
        one.lock()
        sleeping = one.start("Sleep", sleep_request(100))
        one.unlock()
        assert one.ahead_s() == 0
        one.unlock()
        sleeping.result()
        assert one.ahead_s() == 100
        with pytest.raises(grpc.RpcError) as caught:
            one.unlock()
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION


def test_a_clock_that_begins_unlocked_and_a_moment_to_sleep_until():
    with clock("--enable-time-skipping") as one:
        request = SleepUntilRequest()
        request.timestamp.FromSeconds(int(time.time()) + 5000)
        one.call("SleepUntil", request)
        assert abs(one.ahead_s() - 5000) <= 1
        # A moment that has passed is there at once.
        one.call("SleepUntil", request)


@temporalio.activity.defn
async def fail_twice() -> str:
    if temporalio.activity.info().attempt < 3:
        raise RuntimeError("not yet")
    return "at last"


@temporalio.workflow.defn
class Waits:
    def __init__(self):
        self.told = 0

    @temporalio.workflow.run
    async def run(self) -> list[str]:
        began = temporalio.workflow.now()
        await temporalio.workflow.sleep(30 * 24 * HOUR_S)
        word = await temporalio.workflow.execute_activity(
            fail_twice,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(initial_interval=timedelta(hours=1)),
        )
        await temporalio.workflow.execute_child_workflow(
            Naps.run, id=f"{temporalio.workflow.info().workflow_id}-nap"
        )
        passed = temporalio.workflow.now() - began
        return [word, f"{passed.total_seconds() / HOUR_S:.0f} hours"]


@temporalio.workflow.defn
class Naps:
    @temporalio.workflow.run
    async def run(self) -> None:
        await temporalio.workflow.sleep(24 * HOUR_S)


@temporalio.workflow.defn
class Listens:
    def __init__(self):
        self.heard = 0

    @temporalio.workflow.run
    async def run(self) -> int:
        await temporalio.workflow.wait_condition(lambda: self.heard > 1)
        return self.heard

    @temporalio.workflow.signal
    def hear(self) -> None:
        self.heard += 1

    @temporalio.workflow.query
    def count(self) -> int:
        return self.heard


class Slow:
    """An activity that uses up the environment's time without a heartbeat."""

    def __init__(self, env):
        self.env = env

    @temporalio.activity.defn
    async def overdue(self) -> None:
        await self.env.sleep(60)


@temporalio.workflow.defn
class RunsOverdue:
    @temporalio.workflow.run
    async def run(self) -> None:
        await temporalio.workflow.execute_activity_method(
            Slow.overdue,
            schedule_to_close_timeout=timedelta(hours=1),
            heartbeat_timeout=timedelta(seconds=20),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


async def with_environment(launcher, act):
    """Run a test's coroutine with the official environment and a worker."""
    started = WorkflowEnvironment.start_time_skipping(test_server_existing_path=launcher)
    async with (
        await started as env,
        Worker(
            env.client,
            task_queue="q",
            workflows=[Waits, Naps, Listens, RunsOverdue],
            activities=[fail_twice, Slow(env).overdue],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ),
    ):
        await act(env)


def test_the_official_environment_skips_timers_back_offs_and_children(launcher):
    async def act(env):
        began = time.monotonic()
        found = await env.client.execute_workflow(Waits.run, id="w", task_queue="q")
        # 30 days, back-offs of one and two hours, a day.
        assert found == ["at last", "747 hours"]
        assert time.monotonic() - began < 30
        ahead_s = (await env.get_current_time()).timestamp() - time.time()
        assert ahead_s == pytest.approx(747 * HOUR_S, abs=60)

    asyncio.run(with_environment(launcher, act))


def test_signals_and_queries_go_on_after_a_skip_of_a_year(launcher):
    async def act(env):
        handle = await env.client.start_workflow(Listens.run, id="l", task_queue="q")
        await handle.signal(Listens.hear)
        assert await handle.query(Listens.count) == 1
        await env.sleep(timedelta(days=365))
        assert await handle.query(Listens.count) == 1
        await handle.signal(Listens.hear)
        assert await handle.result() == 2
        # Nothing that is closed is deleted, whatever the time.
        assert (await handle.describe()).close_time is not None

    asyncio.run(with_environment(launcher, act))


def test_an_activity_at_work_stops_the_clock_unless_it_sleeps_itself(launcher):
    async def act(env):
        with pytest.raises(WorkflowFailureError) as caught:
            await env.client.execute_workflow(RunsOverdue.run, id="o", task_queue="q")
        error = caught.value.cause
        assert isinstance(error, ActivityError)
        assert isinstance(error.cause, TimedOutError)
        assert error.cause.type is TimeoutType.HEARTBEAT

    asyncio.run(with_environment(launcher, act))
