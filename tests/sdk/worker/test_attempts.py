"""Attempts of tasks as an application sees them: kinds, timeouts, heartbeats, ends of all sorts."""

import asyncio
import contextlib
import logging
import os
import threading

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest

from polyrhythm.app.application import App
from polyrhythm.sdk.errors import (
    MisuseError,
    TaskFailed,
    TaskTimedOut,
    TimeoutKind,
    WorkflowCancelled,
    WorkflowFailed,
)
from polyrhythm.sdk.link import WORKFLOW_SERVICE
from polyrhythm.sdk.retry import Retry
from polyrhythm.sdk.task import TASK

ONCE = Retry(max_attempts=1)
AT_ONCE = Retry(initial=0.01)
processes = App("processes", durability="memory")


@processes.task(process=True, timeout="30s")
def square(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


@processes.task(process=True, timeout="1s", retry=ONCE)
def never_in_process() -> None:
    threading.Event().wait()


@processes.task(process=True, timeout="30s", retry=ONCE)
def die() -> None:
    os._exit(3)


@processes.task(process=True, timeout="30s", retry=ONCE)
def fail_there(number: int) -> None:
    raise LookupError(f"no {number}")


@processes.workflow
async def squares(count: int) -> list[tuple[int, int]]:
    return list(await asyncio.gather(*[square(n) for n in range(count)]))


@processes.workflow
async def ends_badly(how: str) -> None:
    await {"never": never_in_process, "die": die}[how]()


@processes.workflow
async def fails_there(number: int) -> None:
    await fail_there(number)


def test_processes_run_tasks_and_are_used_again():
    with processes as app:
        results = squares.execute(6)
        assert [result for result, _ in results] == [0, 1, 4, 9, 16, 25]
        pids = {pid for _, pid in results}
        assert os.getpid() not in pids
        assert len(pids) <= app.plan.worker.processes_max


def test_a_process_that_dies_hangs_or_raises():
    with processes:
        with pytest.raises(WorkflowFailed) as died:
            ends_badly.execute("die")
        assert "exit code 3" in str(died.value.cause.cause)
        with pytest.raises(WorkflowFailed) as hung:
            ends_badly.execute("never")
        assert isinstance(hung.value.cause, TaskTimedOut)
        with pytest.raises(WorkflowFailed) as raised:
            fails_there.execute(7)
        assert isinstance(raised.value.cause, TaskFailed)
        assert raised.value.cause.type == "LookupError"
        assert "no 7" in str(raised.value.cause)


def test_a_process_cannot_find_a_function_in_a_function():
    app = App("inner", durability="memory")

    @app.task(process=True)
    def hidden() -> None: ...

    with pytest.raises(MisuseError, match="at the top of a module"), app:
        pass


def test_a_task_that_never_returns_gives_its_slot_back(caplog):
    app = App("stuck", durability="memory", tasks_max=1)
    app.plan.worker.cleanup_s = 0.1
    let_go = threading.Event()

    @app.task(timeout=0.2, retry=ONCE)
    def never() -> None:
        let_go.wait()

    @app.task
    def soon() -> str:
        return "soon"

    @app.workflow
    async def both() -> str:
        with contextlib.suppress(TaskTimedOut):
            await never()
        return await soon()

    with app:
        assert both.execute() == "soon"
        assert "left to end by itself" in caplog.text
        assert "test_attempts.py" in caplog.text
        let_go.set()


def test_a_coroutine_is_cancelled_when_its_time_is_over():
    app = App("slow", durability="memory")
    cancelled = []

    @app.task(timeout=0.2, retry=ONCE)
    async def wait_for_ever() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(TASK.info().attempt)
            raise

    @app.workflow
    async def waits() -> None:
        await wait_for_ever()

    with app:
        with pytest.raises(WorkflowFailed) as caught:
            waits.execute()
        assert isinstance(caught.value.cause, TaskTimedOut)
        assert caught.value.cause.kind is TimeoutKind.START_TO_CLOSE
    assert cancelled == [1]


def test_the_next_attempt_goes_on_where_the_last_one_was():
    app = App("resume", durability="memory")
    starts = []

    @app.task(retry=AT_ONCE, heartbeat="5s")
    def copy(count: int) -> int:
        done = TASK.last_heartbeat(int) or 0
        starts.append(done)
        for number in range(done, count):
            TASK.heartbeat(number + 1)
            if number == 3 and TASK.info().attempt == 1:
                raise ConnectionError("the line was cut")
        return count

    @app.workflow
    async def copies() -> int:
        return await copy(6)

    with app:
        assert copies.execute() == 6
    assert starts == [0, 4]


def test_cancelling_reaches_a_coroutine():
    app = App("cancelled", durability="memory")
    begun = threading.Event()
    ended = []

    @app.task(heartbeat=0.2, timeout="1m")
    async def beat() -> None:
        begun.set()
        try:
            while True:
                TASK.heartbeat()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.Event().wait(), 0.05)
        finally:
            ended.append(TASK.is_cancelled)

    @app.workflow
    async def beats() -> None:
        await beat()

    with app:
        run = beats.start()
        assert begun.wait(20)
        run.cancel()
        with pytest.raises(WorkflowCancelled):
            run.result(timeout="20s")
    assert ended == [True]


def test_an_attempt_completed_from_outside():
    app = App("outside", durability="memory")
    tokens = []
    given = threading.Event()

    @app.task(timeout="1m")
    def ask() -> str:
        tokens.append(TASK.info().token)
        given.set()
        TASK.complete_later()

    @app.workflow
    async def asks() -> str:
        return await ask()

    with app:
        run = asks.start()
        assert given.wait(20)
        app.client.attempt(tokens[0]).complete("an answer")
        assert run.result(timeout="20s") == "an answer"


def test_tasks_and_their_verbs_outside():
    app = App("misuse", durability="memory")

    @app.task
    def charge(amount: int) -> int:
        return amount

    with pytest.raises(MisuseError, match=r"charge\.fn"):
        charge(1)
    assert charge.fn(1) == 1
    with pytest.raises(MisuseError, match=r"task\.fn"):
        TASK.info()
    with pytest.raises(ValueError, match="share"):
        TASK.progress(1.5)


def test_a_program_with_a_codec():
    """What is stored cannot be read; what users see can."""

    class Mirror:
        async def encode(self, payloads):
            return [
                Payload(metadata={"encoding": b"mirror"}, data=p.SerializeToString()[::-1])
                for p in payloads
            ]

        async def decode(self, payloads):
            return [
                Payload.FromString(p.data[::-1]) if p.metadata["encoding"] == b"mirror" else p
                for p in payloads
            ]

    app = App("coded", durability="memory", codec=Mirror())

    @app.task(retry=AT_ONCE)
    def reveal(word: str) -> str:
        if TASK.info().attempt == 1:
            TASK.heartbeat("left here")
            raise RuntimeError("again")
        return f"{word} {TASK.heartbeat_details[0]}"

    @app.workflow
    async def reveals(word: str) -> str:
        return await reveal(word) + ", " + await reveal.local(word)

    with app:
        run = reveals.start("secret")
        assert run.result(timeout="20s") == "secret left here, secret left here"
        request = GetWorkflowExecutionHistoryRequest(namespace="default")
        request.execution.workflow_id = run.workflow_id
        stored = app.portal.run(
            app.session.link.call(WORKFLOW_SERVICE + "GetWorkflowExecutionHistory", request, 5.0)
        ).SerializeToString()
    assert b"secret" not in stored
    assert b"left here" not in stored
    assert b"terces" in stored


def test_context_of_the_logger(caplog):
    app = App("logs", durability="memory")

    @app.task
    def speak() -> None:
        TASK.logger.info("hello")

    @app.workflow
    async def speaks() -> None:
        await speak()

    with caplog.at_level(logging.INFO, "polyrhythm.task"), app:
        run = speaks.options(id="who").start()
        run.result(timeout="20s")
    [record] = [r for r in caplog.records if r.name == "polyrhythm.task"]
    assert (record.task, record.attempt, record.workflow_id) == ("speak", 1, "who")
