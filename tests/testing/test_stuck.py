"""A run of a stage that can never go on is reported to whoever waits for it."""

from __future__ import annotations

import asyncio

import pytest

from polyrhythm import App, MisuseError, Signal
from polyrhythm.testing import Stage

GO = Signal("go", str)


def make_app():
    app = App("stuck", durability="memory")

    @app.workflow
    async def waits() -> str:
        return await GO.next()

    @app.workflow
    async def wrong() -> str:
        raise MisuseError("not right")

    return app, waits, wrong


def test_a_run_that_nobody_signals_is_given_up():
    app, waits, _ = make_app()
    with Stage(app, stuck="50ms"):
        run = waits.options(id="w").start()
        with pytest.raises(MisuseError, match="the run 'w' of 'waits' can never go on: no timer"):
            run.result()
        run.send(GO, "on")
        assert run.result() == "on"


def test_a_run_whose_code_fails_for_ever_is_given_up():
    app, _, wrong = make_app()
    with Stage(app) as stage:
        run = wrong.options(id="w").start()
        began = stage.now()
        with pytest.raises(MisuseError, match="its workflow task has failed 10 times"):
            run.result()
        assert (stage.now() - began).total_seconds() < 3600


def test_one_that_another_coroutine_signals_is_not():
    async def run_both() -> str:
        app, waits, _ = make_app()
        async with Stage(app, stuck="5s"):
            run = await waits.aio.start()
            waiting = asyncio.ensure_future(run.result())
            for _ in range(100):
                await asyncio.sleep(0)
            await run.send(GO, "on")
            return await waiting

    assert asyncio.run(run_both()) == "on"
