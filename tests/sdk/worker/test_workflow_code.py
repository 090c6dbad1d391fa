"""Workflow code that misbehaves, is replaced, or is not there: what its run and its worker say."""

import asyncio
import contextlib
import threading
import time

import pytest

from polyrhythm.app.application import App
from polyrhythm.app.compose import Place, own
from polyrhythm.base.limits import Limits
from polyrhythm.sdk import wf
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.declare.registry import Registry
from polyrhythm.sdk.declare.verbs import TaskVerb, WorkflowVerb
from polyrhythm.sdk.messages import Signal
from polyrhythm.sdk.worker import Worker, WorkerPlan, WorkerSettings

GO = Signal("go", int)


def failures_of(run) -> list[str]:
    """The messages of a run's failed workflow tasks so far."""
    return [
        event.workflow_task_failed_event_attributes.failure.message
        for event in run.history()
        if event.HasField("workflow_task_failed_event_attributes")
    ]


def wait_for_failure(run) -> str:
    """The message of a run's first failed workflow task; the test's timeout bounds the wait."""
    while not (messages := failures_of(run)):
        continue
    return messages[0]


def test_code_that_never_rests_is_named_and_stopped(caplog):
    app = App("spins", durability="memory")
    app.plan.worker.stuck_s = 0.3

    @app.workflow
    async def spin() -> None:
        while True:
            pass

    @app.workflow
    async def rest() -> str:
        await wf.sleep(0.01)
        return "rested"

    with app:
        run = spin.start()
        message = wait_for_failure(run)
        assert "did not come to rest within 0.3 s" in message
        assert "test_workflow_code.py" in message
        assert "in spin" in message
        # The loop that everything else lives on has survived.
        assert rest.execute() == "rested"
        run.terminate("enough")


def test_code_that_catches_everything_is_stopped_too():
    app = App("stubborn", durability="memory")
    app.plan.worker.stuck_s = 0.2

    @app.workflow
    async def spin() -> None:
        try:
            while True:
                pass
        except BaseException:  # noqa: BLE001
            return

    with app:
        run = spin.start()
        assert "did not come to rest" in wait_for_failure(run)
        run.terminate("enough")


def test_slow_code_goes_to_a_thread_the_next_time():
    app = App("slow", durability="memory")
    threads = []

    @app.workflow
    async def busy() -> str:
        for _ in range(3):
            threads.append(threading.current_thread().name)
            until = time.perf_counter() + 0.15
            while time.perf_counter() < until:
                pass
            await wf.sleep(0.01)
        return "done"

    with app:
        assert busy.execute() == "done"
    assert threads[0] != "polyrhythm-workflow"
    assert set(threads[1:]) == {"polyrhythm-workflow"}


def test_polled_code_that_blocks_outside_python_leaves_its_thread():
    """A wait inside C is not interrupted: the thread is left, others take the worker's tasks."""
    registry = Registry()
    let_go = threading.Event()
    declare, task = WorkflowVerb(registry, None), TaskVerb(registry, None)

    @task
    async def nothing() -> None: ...

    @declare
    async def blocks() -> None:
        let_go.wait()

    @declare
    async def works() -> str:
        await nothing()
        return "worked"

    async def main():
        owned = own(Place("", "memory"), Limits())
        link = owned.link()
        settings = WorkerSettings(stuck_s=0.5, workflow_threads_max=1)
        plan = WorkerPlan("default", "q", registry.tasks, registry.workflows, settings)
        worker = Worker(link, plan)
        polling = asyncio.ensure_future(worker.poll())
        session = Session(link, "default", "q", "tests")
        declare_home = type("Home", (), {"session": session})
        blocks._home = works._home = declare_home
        stuck = await blocks.aio.start()
        assert await (await works.aio.start()).result(timeout="20s") == "worked"
        messages = [
            event.workflow_task_failed_event_attributes.failure.message
            for event in await stuck.history()
            if event.HasField("workflow_task_failed_event_attributes")
        ]
        assert "let_go.wait()" in messages[0]
        await stuck.terminate("enough")
        let_go.set()
        polling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await polling
        await worker.stop()
        await owned.finish()
        owned.close()

    asyncio.run(main())


def test_a_workflow_that_is_not_here_names_those_that_are():
    app = App("names", durability="memory")

    @app.workflow
    async def known() -> None: ...

    with app:
        run = app.client.workflow("unknown").start()
        message = wait_for_failure(run)
        assert "no workflow 'unknown'; it has: known" in message
        run.terminate("enough")


def test_changed_code_under_an_open_run(tmp_path):
    file = str(tmp_path / "changed.db")
    before, after = App("changed", url=file), App("changed", url=file)

    @before.task
    def first() -> None: ...

    @before.workflow(name="flow")
    async def old() -> None:
        await first()
        await GO.next()

    @after.task
    def other() -> None: ...

    @after.workflow(name="flow")
    async def new() -> None:
        await other()
        await GO.next()

    with before:
        run = old.options(id="open").start()
        while "ACTIVITY_TASK_COMPLETED" not in str(run.history()):
            continue
    with after:
        run = after.client.run("open")
        run.send(GO, 1)
        message = wait_for_failure(run)
        assert "'other'" in message
        assert "'first'" in message
        assert "test_workflow_code.py:" in message
        run.terminate("enough")


def test_a_local_task_longer_than_its_workflow_task():
    """The workflow task is answered and asked for again while the local task goes on."""
    app = App("long", durability="memory")

    @app.task(timeout="30s")
    def wait_a_while(seconds: float) -> float:
        threading.Event().wait(seconds)
        return seconds

    @app.workflow(task_timeout="1s")
    async def waits() -> float:
        return await wait_a_while.local(1.5)

    with app:
        run = waits.start()
        assert run.result(timeout="20s") == 1.5
        events = list(run.history())
        completed = [e for e in events if e.HasField("workflow_task_completed_event_attributes")]
        assert len(completed) >= 2
        assert not failures_of(run)
        assert not [e for e in events if e.HasField("workflow_task_timed_out_event_attributes")]


@pytest.mark.parametrize("held", [1000, 0])
def test_many_runs_at_once(held):
    app = App("many", durability="memory", cached_runs_max=held)

    @app.task
    async def double(number: int) -> int:
        return 2 * number

    @app.workflow
    async def chain(number: int) -> int:
        for _ in range(3):
            number = await double(number)
        return number

    async def main():
        async with app:
            results = await asyncio.gather(*[chain.aio.execute(n) for n in range(100)])
            assert results == [8 * n for n in range(100)]

    asyncio.run(main())
