"""Code that was wrong, and failed its workflow task more than once: the run goes on at once when
its program is started again with code that is right. So do tasks that are cancelled in process."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from polyrhythm import App, MisuseError, WorkflowCancelled, task

# Far below the ten seconds of a workflow task's timeout.
AT_ONCE_S = 5.0


class Failing:
    """Sets an event when wrong code has run twice."""

    def __init__(self) -> None:
        self.count = 0
        self.twice = asyncio.Event()

    async def around_workflow(self, call: Any, go: Any) -> Any:
        self.count += 1
        if self.count > 1:
            self.twice.set()
        return await go()


def make_app(file: Path, mended: bool, **settings: Any) -> tuple[App, Any]:
    app = App("mended", url=str(file), **settings)

    @app.task
    async def double(number: int) -> int:
        return 2 * number

    @app.workflow
    async def work(number: int) -> int:
        if not mended:
            raise MisuseError("this is not right yet")
        return await double(number)

    return app, work


def test_a_run_goes_on_at_once_with_mended_code(tmp_path: Path) -> None:
    async def run() -> float:
        file, failing = tmp_path / "mended.db", Failing()
        app, work = make_app(file, mended=False, interceptors=[failing])
        async with app:
            await work.options(id="w").aio.start(21)
            await failing.twice.wait()
        app, work = make_app(file, mended=True)
        began = time.monotonic()
        async with app:
            assert await app.aio.run("w", result=int).result() == 42
        return time.monotonic() - began

    assert asyncio.run(run()) < AT_ONCE_S


def test_so_it_does_when_another_process_owns_the_file(tmp_path: Path) -> None:
    """A second application attaches to the first, and polls."""

    async def run() -> float:
        file, failing = tmp_path / "mended.db", Failing()
        async with App("owner", url=str(file)):
            app, work = make_app(file, mended=False, interceptors=[failing])
            async with app:
                await work.options(id="w").aio.start(21)
                await failing.twice.wait()
            app, work = make_app(file, mended=True)
            began = time.monotonic()
            async with app:
                assert await app.aio.run("w", result=int).result() == 42
            return time.monotonic() - began

    assert asyncio.run(run()) < AT_ONCE_S


@pytest.mark.parametrize("in_thread", [False, True])
def test_a_task_in_process_is_cancelled_without_a_heartbeat(
    tmp_path: Path, in_thread: bool
) -> None:
    app = App("cancelled", url=str(tmp_path / "cancelled.db"))
    said: list[str] = []

    async def run() -> None:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        @app.task(name="wait", timeout="1h")
        async def wait() -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError as error:
                said.append(type(error).__name__)
                raise

        @app.task(name="block", timeout="1h")
        def block() -> None:
            loop.call_soon_threadsafe(begun.set)
            said.append(f"stopped {task.wait_cancelled(60)}")

        @app.workflow
        async def work(in_thread: bool) -> None:
            await (block() if in_thread else wait())

        async with app:
            run = await work.aio.start(in_thread)
            await begun.wait()
            began = time.monotonic()
            await run.cancel()
            with pytest.raises(WorkflowCancelled):
                await run.result()
            while app.busy:
                await asyncio.sleep(0)
            assert time.monotonic() - began < AT_ONCE_S

    asyncio.run(run())
    assert said == ["stopped True" if in_thread else "CancelledError"]
